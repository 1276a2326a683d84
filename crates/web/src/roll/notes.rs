//! The notes above the keys, and the keys.

use performance::playback::Bar;
use performance::{N_PITCHES, Pitch};
use session::roll::{Keys, Landmark, Lens, RollView, is_black};
use web_sys::CanvasRenderingContext2d;

use super::palette::{Palette, Shade};

/// Height of the keyboard, in widths of a white key, within limits.
const KEY_HEIGHT: f64 = 5.2;
const KEY_HEIGHT_PX: std::ops::RangeInclusive<f64> = 64.0..=104.0;
/// Length of a black key against a white one.
const BLACK_LENGTH: f64 = 0.62;
/// Opacity of notes that are still to come.
const FUTURE_ALPHA: f64 = 0.74;
/// Opacity of the lanes of black keys.
const LANE_ALPHA: f64 = 0.7;
/// What sounds shines so far up from its key.
const SHINE_PX: f64 = 72.0;
const SHINE_ALPHA: f64 = 0.42;
/// Opacity of the glow of a key that is certain to be struck.
const GLOW_ALPHA: f64 = 0.5;
/// A note is lit at least this long, so that a very short one is seen.
const MIN_LIT_US: u64 = 60_000;
/// Lines across the roll are at least this far apart.
const MIN_LINE_PX: f64 = 40.0;

/// What one frame needs.
pub struct Frame<'a> {
    pub context: &'a CanvasRenderingContext2d,
    pub palette: &'a Palette,
    pub width_px: f64,
    pub height_px: f64,
    /// Canvas pixels for each CSS pixel.
    pub scale: f64,
    pub lens: Lens,
    /// Whether there is a play-head to light keys for.
    pub is_sounding: bool,
    pub keys: Keys,
    /// What was changed, in microseconds since the music's start.
    pub changes: &'a [Landmark],
    /// How likely each key is to be struck next, if that is to be shown.
    pub glow: Option<[f32; N_PITCHES]>,
}

/// Height of the keyboard below the roll, in CSS pixels.
#[must_use]
pub fn key_height_px(keys: Keys) -> f64 {
    (keys.white_px * KEY_HEIGHT).clamp(*KEY_HEIGHT_PX.start(), *KEY_HEIGHT_PX.end()).round()
}

pub fn paint(frame: &Frame<'_>, view: &RollView) {
    let Frame { context, scale, width_px, height_px, lens, .. } = *frame;
    if context.set_transform(scale, 0.0, 0.0, scale, 0.0, 0.0).is_err() {
        return;
    }
    context.clear_rect(0.0, 0.0, width_px, height_px);
    let (from_us, to_us) = lens.range_us();
    paint_grid(frame, from_us, to_us);
    let mut lit = [None; N_PITCHES];
    // Also what has just ended, and is to be lit a little longer.
    for bar in view.timeline.between(from_us.saturating_sub(MIN_LIT_US), to_us) {
        let end_us = bar.end_us.unwrap_or(view.timeline.end_us()).max(bar.start_us + MIN_LIT_US);
        let sounds = (bar.start_us as f64) <= view.shown_us && view.shown_us < end_us as f64;
        if sounds && frame.is_sounding {
            lit[bar.pitch.index()] = Some(bar);
            paint_shine(frame, &bar);
        }
        paint_bar(frame, &bar, lens.y_px(end_us as f64), lens.y_px(bar.start_us as f64), sounds);
    }
    context.set_global_alpha(1.0);
    frame.changes.iter().for_each(|change| paint_change(frame, change));
    paint_keys(frame, &lit);
    context.set_fill_style_str(&frame.palette.accent);
    context.fill_rect(0.0, lens.head_px - 1.0, width_px, 2.0);
}

/// Lanes of black keys, the beginnings of octaves, and seconds.
fn paint_grid(frame: &Frame<'_>, from_us: u64, to_us: u64) {
    let Frame { context, lens, width_px, palette, .. } = *frame;
    context.set_global_alpha(LANE_ALPHA);
    context.set_fill_style_str(&palette.grid);
    for pitch in Keys::all().filter(|&pitch| is_black(pitch)) {
        let (x, width) = frame.keys.placement(pitch);
        context.fill_rect(x, 0.0, width, lens.height_px);
    }
    context.set_global_alpha(1.0);
    context.set_fill_style_str(&palette.grid_strong);
    for pitch in Keys::all().filter(|pitch| pitch.get().is_multiple_of(12)) {
        let (x, _) = frame.keys.placement(pitch);
        context.fill_rect(x.round(), 0.0, 1.0, lens.height_px);
    }
    let px_per_sec = lens.y_px(0.0) - lens.y_px(1e6);
    let step_secs = (MIN_LINE_PX / px_per_sec).ceil().max(1.0) as u64;
    let first = (from_us / 1_000_000).next_multiple_of(step_secs);
    for sec in (first..=to_us / 1_000_000).step_by(step_secs as usize) {
        context.fill_rect(0.0, lens.y_px(sec as f64 * 1e6).round(), width_px, 1.0);
    }
}

/// Light on the lane of a key that sounds.
fn paint_shine(frame: &Frame<'_>, bar: &Bar) {
    let Frame { context, lens, .. } = *frame;
    let (x, width) = frame.keys.placement(bar.pitch);
    let Shade { full, clear } = frame.palette.note(bar.origin, bar.bin);
    let (bottom, top) = (lens.head_px, lens.head_px - SHINE_PX);
    let gradient = context.create_linear_gradient(0.0, bottom, 0.0, top);
    if gradient.add_color_stop(0.0, full).and_then(|()| gradient.add_color_stop(1.0, clear)).is_err() {
        return;
    }
    context.set_global_alpha(SHINE_ALPHA);
    context.set_fill_style_canvas_gradient(&gradient);
    // As wide as the note, and the cracks between the keys stay dark.
    context.fill_rect(x + 1.0, top, width - 2.0, SHINE_PX);
}

/// A note: dim above the play-head, full while it sounds and below.
fn paint_bar(frame: &Frame<'_>, bar: &Bar, top: f64, bottom: f64, sounds: bool) {
    let Frame { context, lens, width_px, .. } = *frame;
    let (top, bottom) = (top.max(-8.0), bottom.min(lens.height_px + 8.0));
    let (x, width) = frame.keys.lane(bar.pitch);
    if x + width < 0.0 || x > width_px || bottom <= top {
        return;
    }
    let is_past = bottom > lens.head_px;
    context.set_global_alpha(if sounds || is_past { 1.0 } else { FUTURE_ALPHA });
    context.set_fill_style_str(&frame.palette.note(bar.origin, bar.bin).full);
    // A hairline between notes that follow each other on one key.
    let height = (bottom - top - 1.0).max(2.0);
    let radius = (width / 3.0).min(3.0).min(height / 2.0);
    context.begin_path();
    if context.round_rect_with_f64(x, top, width, height, radius).is_err() {
        context.rect(x, top, width, height);
    }
    context.fill();
}

/// A line where something was changed, which falls with the notes.
fn paint_change(frame: &Frame<'_>, change: &Landmark) {
    let Frame { context, lens, width_px, palette, .. } = *frame;
    let y = lens.y_px(change.at_us as f64).round();
    if !(0.0..lens.height_px).contains(&y) {
        return;
    }
    context.set_fill_style_str(&palette.change);
    context.fill_rect(0.0, y, width_px, 1.0);
    context.set_font("12px system-ui, sans-serif");
    context.set_text_align("left");
    if let Err(error) = context.fill_text(&change.title, 8.0, y - 5.0) {
        web_sys::console::debug_1(&error);
    }
}

fn paint_keys(frame: &Frame<'_>, lit: &[Option<Bar>; N_PITCHES]) {
    let (context, palette, top) = (frame.context, frame.palette, frame.lens.height_px);
    let height = frame.height_px - top;
    context.set_fill_style_str(&palette.key_line);
    context.fill_rect(0.0, top, frame.width_px, height);
    for pitch in Keys::all() {
        let (x, width) = frame.keys.placement(pitch);
        if x + width < 0.0 || x > frame.width_px {
            continue;
        }
        let is_black = is_black(pitch);
        let rest = if is_black { &palette.ebony } else { &palette.ivory };
        let color =
            lit[pitch.index()].map_or(rest.as_str(), |bar| palette.note(bar.origin, bar.bin).full.as_str());
        let length = if is_black { (height * BLACK_LENGTH).round() } else { height };
        if is_black {
            // Its edge keeps a lit key apart from the white keys beside it.
            context.set_fill_style_str(&palette.ebony);
            context.fill_rect(x, top, width, length);
            context.set_fill_style_str(color);
            context.fill_rect(x + 1.0, top, width - 2.0, length - 1.5);
            paint_glow(frame, pitch, (x + 1.0, top, width - 2.0, length - 1.5));
        } else {
            context.set_fill_style_str(color);
            context.fill_rect(x + 0.5, top, width - 1.0, length - 1.0);
            paint_glow(frame, pitch, (x + 0.5, top, width - 1.0, length - 1.0));
            paint_label(frame, pitch, x, width);
        }
    }
}

/// How likely a key is to be struck next. By its root, so that one chance in ten is seen.
fn paint_glow(frame: &Frame<'_>, pitch: Pitch, (x, y, width, height): (f64, f64, f64, f64)) {
    let probability = frame.glow.map_or(0.0, |glow| f64::from(glow[pitch.index()]));
    if probability > 0.0 {
        frame.context.set_global_alpha(GLOW_ALPHA * probability.sqrt());
        frame.context.set_fill_style_str(&frame.palette.accent);
        frame.context.fill_rect(x, y, width, height);
        frame.context.set_global_alpha(1.0);
    }
}

/// The name of each C.
fn paint_label(frame: &Frame<'_>, pitch: Pitch, x: f64, width: f64) {
    if !pitch.get().is_multiple_of(12) || width < 11.0 {
        return;
    }
    let context = frame.context;
    context.set_fill_style_str(&frame.palette.label);
    context.set_font("10px system-ui, sans-serif");
    context.set_text_align("center");
    let name = format!("C{}", pitch.get() / 12 - 1);
    if let Err(error) = context.fill_text(&name, x + width / 2.0, frame.height_px - 7.0) {
        web_sys::console::debug_1(&error);
    }
}
