//! The overview of the whole performance: a column for a piece of time, as high as there are many notes, as
//! dark as they are loud.

use session::roll::{Column, RollView, Scale};
use web_sys::CanvasRenderingContext2d;

use super::palette::Palette;

/// Width of a column and of the gap after it, in CSS pixels.
const COLUMN_PX: f64 = 3.0;
const GAP_PX: f64 = 1.0;
/// A column with a note in it is at least this high.
const MIN_PX: f64 = 3.0;

/// Draws what is new.
#[derive(Debug, Default)]
pub struct Strip {
    drawn: Option<Scale>,
}

impl Strip {
    /// Draws it all the next time.
    pub fn invalidate(&mut self) {
        self.drawn = None;
    }

    /// Draws columns from the time on at which something has changed, or all if they lie elsewhere now.
    pub fn paint(
        &mut self,
        context: &CanvasRenderingContext2d,
        palette: &Palette,
        view: &RollView,
        (scale, height_px): (Scale, f64),
        changed_from_us: u64,
    ) {
        let is_all = self.drawn.replace(scale) != Some(scale);
        let from_us = if is_all { 0 } else { changed_from_us.saturating_sub(Column::reach_us()) };
        let end_us = view.timeline.end_us();
        if !is_all && changed_from_us == u64::MAX {
            return;
        }
        let pitch_px = COLUMN_PX + GAP_PX;
        let first = (scale.x_px(from_us as f64) / pitch_px).floor().max(0.0);
        context.clear_rect(first * pitch_px, 0.0, scale.width_px, height_px);
        let last = (scale.x_px(end_us as f64) / pitch_px).ceil().min((scale.width_px / pitch_px).ceil());
        for index in first as u32..last as u32 {
            let x = f64::from(index) * pitch_px;
            let (column_us, next_us) = (scale.at_us(x), scale.at_us(x + pitch_px));
            let Some(column) = Column::new(&view.timeline, column_us, next_us) else { continue };
            let height = (column.height() * (height_px - 4.0)).max(MIN_PX).round();
            context.set_fill_style_str(&palette.note(column.origin, column.bin).full);
            context.fill_rect(x, height_px - height, COLUMN_PX, height);
        }
    }
}
