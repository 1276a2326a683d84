//! One frame after another: moves towards the play-head, and draws what has changed.

use session::Playback;
use session::roll::{Keys, Landmark, Lens, RollSource, RollView, Scale, Smooth, Zoom, n_blocks};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};
use yew::NodeRef;

use super::ConsideredHandle;
use super::notes::{Frame, key_height_px, paint};
use super::palette::Palette;
use super::strip::Strip;
use crate::js;
use crate::player::{Player, PlayerHandle};

/// The elements that it draws on or moves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollNodes {
    pub roll: NodeRef,
    pub strip: NodeRef,
    /// The play-head on the strip.
    pub head: NodeRef,
}

/// What the page's own elements show of the roll. Times are since the primer's end, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// The play-head, to a second.
    pub position_us: u64,
    /// The music's end so far, to a second.
    pub end_us: u64,
    pub primer_us: u64,
    /// What the strip shows, the primer included.
    pub length_us: u64,
    /// See [`n_blocks`].
    pub n_blocks: u64,
}

impl Look {
    /// Where a time since the primer's end lies on the strip, in percent.
    #[must_use]
    pub fn percent(&self, at_us: u64) -> f64 {
        let scale = Scale { length_us: self.length_us.max(1), width_px: 100.0 };
        scale.x_px((self.primer_us + at_us) as f64).clamp(0.0, 100.0)
    }
}

/// See the module's documentation.
pub struct Painter {
    player: PlayerHandle,
    pub view: RollView,
    strip: Strip,
    playback: Playback,
    zoom: Zoom,
    changes: Vec<Landmark>,
    /// What the network considered, if it is to be shown.
    considered: Option<ConsideredHandle>,
    /// Whether there is something new to draw.
    is_stale: bool,
    /// `None` when the colors have changed.
    palette: Option<Palette>,
    lens: Option<Lens>,
    last_ms: f64,
}

impl Painter {
    #[must_use]
    pub fn new(player: PlayerHandle) -> Self {
        Self {
            player,
            view: RollView::default(),
            strip: Strip::default(),
            playback: Playback::Stopped,
            zoom: Zoom::default(),
            changes: Vec::new(),
            considered: None,
            is_stale: true,
            palette: None,
            lens: None,
            last_ms: 0.0,
        }
    }

    /// Shows something else, or more of the same.
    pub fn show(&mut self, source: &RollSource, playback: Playback) {
        self.view.set_source(source);
        self.playback = playback;
        self.is_stale = true;
    }

    /// What was changed, in microseconds since the primer's end.
    pub fn show_changes(&mut self, changes: &[Landmark]) {
        self.changes = changes.to_vec();
        self.is_stale = true;
    }

    /// Shows on the keys what the network considered, or no more.
    pub fn show_considered(&mut self, considered: Option<ConsideredHandle>) {
        self.considered = considered;
        self.is_stale = true;
    }

    pub fn set_zoom(&mut self, zoom: Zoom) {
        self.zoom = zoom;
        self.is_stale = true;
    }

    /// The colors have changed.
    pub fn forget_colors(&mut self) {
        self.palette = None;
    }

    /// The play-head, in microseconds since the primer's end.
    #[must_use]
    pub fn head_us(&self) -> u64 {
        if self.view.take().is_none() { 0 } else { self.player.with(Player::heard_us) }
    }

    /// Music composed, in microseconds since the primer's end.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        self.view.timeline.end_us().saturating_sub(self.view.primer_us())
    }

    /// The time at a height of the roll, in microseconds since the primer's end; none on the keys, or where
    /// there is no performance.
    #[must_use]
    pub fn time_at(&self, y_px: f64) -> Option<u64> {
        let lens = self.lens.filter(|lens| y_px < lens.height_px && self.view.take().is_some())?;
        let at_us = lens.at_us(y_px).max(0.0) as u64;
        Some(at_us.saturating_sub(self.view.primer_us()).min(self.end_us()))
    }

    /// Draws a frame, if anything has changed; returns what there is to see now.
    pub fn paint(&mut self, nodes: &RollNodes, now_ms: f64) -> Option<Look> {
        let canvas = nodes.roll.cast::<HtmlCanvasElement>()?;
        let elapsed_secs = ((now_ms - self.last_ms) / 1000.0).clamp(0.0, 0.1);
        self.last_ms = now_ms;
        let size @ (width_px, height_px, scale) = size_of(&canvas);
        let smooth = if likes_stillness() { Smooth::No } else { Smooth::Yes };
        let roll_px = height_px - key_height_px(Keys::new(width_px, 0.0));
        let head_us = self.shown_head_us(roll_px);
        let is_playing = self.playback == Playback::Playing;
        let has_moved = self.view.advance(head_us, is_playing, elapsed_secs, smooth);
        let is_new = fit(&canvas, size) || self.is_stale || self.palette.is_none();
        if !has_moved && !is_new && !is_playing {
            return None;
        }
        self.is_stale = false;
        if self.palette.is_none() {
            self.palette = Some(Palette::of(&canvas));
            self.strip.invalidate();
        }
        let keys = self.view.keys(width_px, elapsed_secs, smooth);
        let lens = Lens::new(&self.view, roll_px, self.zoom, smooth);
        self.lens = Some(lens);
        if let (Some(context), Some(palette)) = (context_of(&canvas), &self.palette) {
            let primer_us = self.view.primer_us();
            let in_view = |change: &&Landmark| change.at_us + primer_us < lens.range_us().1;
            let changes: Vec<Landmark> = self
                .changes
                .iter()
                .filter(in_view)
                .map(|change| Landmark { at_us: change.at_us + primer_us, title: change.title.clone() })
                .collect();
            let is_sounding = matches!(self.playback, Playback::Playing | Playback::Behind);
            let glow = self.considered.as_ref().zip(self.view.take()).map(|(considered, take)| {
                let head_us = (self.view.shown_us.max(0.0) as u64).saturating_sub(primer_us);
                considered.at(take.id, head_us)
            });
            let frame = Frame {
                context: &context,
                palette,
                width_px,
                height_px,
                scale,
                lens,
                is_sounding,
                keys,
                changes: &changes,
                glow,
            };
            paint(&frame, &self.view);
        }
        let length_us = self.paint_strip(nodes);
        Some(self.look(length_us))
    }

    /// Returns how much music the strip shows.
    fn paint_strip(&mut self, nodes: &RollNodes) -> u64 {
        let Some(canvas) = nodes.strip.cast::<HtmlCanvasElement>() else { return 0 };
        let size @ (width_px, height_px, pixels) = size_of(&canvas);
        if fit(&canvas, size) {
            self.strip.invalidate();
        }
        let scale = self.view.scale(width_px);
        let changed_from_us = self.view.take_change();
        if let (Some(context), Some(palette)) = (context_of(&canvas), &self.palette)
            && context.set_transform(pixels, 0.0, 0.0, pixels, 0.0, 0.0).is_ok()
        {
            self.strip.paint(&context, palette, &self.view, (scale, height_px), changed_from_us);
        }
        if let Some(head) = nodes.head.cast::<HtmlElement>() {
            let x = scale.x_px(self.view.shown_us.max(0.0)).min(width_px - 2.0);
            let moved = head.style().set_property("transform", &format!("translateX({x:.1}px)"));
            if let Err(error) = moved {
                web_sys::console::debug_1(&error);
            }
        }
        scale.length_us
    }

    fn look(&self, length_us: u64) -> Look {
        let whole = |us: u64| us / 1_000_000 * 1_000_000;
        let primer_us = self.view.primer_us();
        Look {
            position_us: whole((self.view.shown_us.max(0.0) as u64 + 1000).saturating_sub(primer_us)),
            end_us: whole(self.end_us()),
            primer_us,
            length_us,
            n_blocks: n_blocks(&self.view.timeline, primer_us),
        }
    }

    /// Music time that the roll is to show at the play-head, counted from the primer's start.
    fn shown_head_us(&self, roll_px: f64) -> f64 {
        let primer_us = self.view.primer_us() as f64;
        if self.view.is_preview() {
            // The end of the primer fills the roll.
            return primer_us - roll_px / self.zoom.px_per_sec() * 1e6;
        }
        primer_us + self.player.with(Player::heard_us) as f64
    }
}

/// Width and height in CSS pixels, and canvas pixels for each.
fn size_of(canvas: &HtmlCanvasElement) -> (f64, f64, f64) {
    let pixels = js::window().device_pixel_ratio().clamp(1.0, 3.0);
    (f64::from(canvas.client_width()), f64::from(canvas.client_height()), pixels)
}

/// Gives a canvas the pixels for its size; says whether it had others, and is empty now. The page's library may put
/// a new one in the place of an old one at any time.
fn fit(canvas: &HtmlCanvasElement, (width_px, height_px, pixels): (f64, f64, f64)) -> bool {
    let expected = ((width_px * pixels).round() as u32, (height_px * pixels).round() as u32);
    let is_other = (canvas.width(), canvas.height()) != expected;
    if is_other {
        canvas.set_width(expected.0);
        canvas.set_height(expected.1);
    }
    is_other
}

fn context_of(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten()?.dyn_into().ok()
}

fn likes_stillness() -> bool {
    let query = js::window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}
