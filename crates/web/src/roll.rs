//! Drawing the roll on a canvas.

use performance::{N_PITCHES, Pitch, VelocityBin};
use web_sys::{CanvasRenderingContext2d, Element};

use crate::js;
use performance::playback::{Bar, Origin};
use session::roll::{Keys, RollView, Smooth, is_black};

/// Music per height, in CSS pixels a second. Larger spreads fast passages; smaller sees further ahead.
const PX_PER_SEC: f64 = 110.0;
/// The play-head lies this share of the roll's height above the keys: what was just heard stays in view.
const PAST: f64 = 0.3;
/// Height of the keyboard, in widths of a white key, within limits.
const KEY_HEIGHT: f64 = 5.2;
const KEY_HEIGHT_PX: std::ops::RangeInclusive<f64> = 64.0..=104.0;
/// Length of a black key against a white one.
const BLACK_LENGTH: f64 = 0.62;
/// Opacity of notes above the play-head.
const FUTURE_ALPHA: f64 = 0.45;

/// Colors, from the page's style sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    accent: String,
    grid: String,
    grid_strong: String,
    ivory: String,
    ebony: String,
    key_line: String,
    label: String,
    network: Vec<String>,
    primer: Vec<String>,
}

impl Palette {
    /// Reads the custom properties of an element.
    #[must_use]
    pub fn of(element: &Element) -> Self {
        let style = js::window().get_computed_style(element).ok().flatten();
        let read = |name: &str| {
            let value = style.as_ref().and_then(|style| style.get_property_value(name).ok());
            value.map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        let shades = |soft: &str, loud: &str| {
            let (soft, loud) = (rgb(&read(soft)), rgb(&read(loud)));
            let mix = |share: f64| [0, 1, 2].map(|i| (soft[i] + (loud[i] - soft[i]) * share).round());
            (0..32)
                .map(|bin| mix(f64::from(bin) / 31.0))
                .map(|[r, g, b]| format!("rgb({r} {g} {b})"))
                .collect()
        };
        Self {
            accent: read("--accent"),
            grid: read("--grid"),
            grid_strong: read("--grid-strong"),
            ivory: read("--ivory"),
            ebony: read("--ebony"),
            key_line: read("--key-line"),
            label: read("--key-label"),
            network: shades("--note-soft", "--note-loud"),
            primer: shades("--primer-soft", "--primer-loud"),
        }
    }

    fn note(&self, origin: Origin, bin: VelocityBin) -> &str {
        let shades = if origin == Origin::Primer { &self.primer } else { &self.network };
        // Pianists rarely play below bin 6 or above 28: spread the colors where the music is.
        let share = (f64::from(bin.get()) - 6.0) / 22.0;
        &shades[(share.clamp(0.0, 1.0) * 31.0).round() as usize]
    }
}

/// What one frame needs.
pub struct Frame<'a> {
    pub context: &'a CanvasRenderingContext2d,
    pub palette: &'a Palette,
    pub width_px: f64,
    pub height_px: f64,
    /// Canvas pixels for each CSS pixel.
    pub scale: f64,
    /// Whether the roll moves, or pages are turned.
    pub smooth: Smooth,
    /// Whether there is a play-head to show keys for.
    pub is_sounding: bool,
    pub keys: Keys,
}

/// How much music fits between the play-head and the top, in microseconds: the primer's preview.
#[must_use]
pub fn future_us(height_px: f64, width_px: f64) -> f64 {
    let roll_px = height_px - key_height_px(Keys::new(width_px, 0.0));
    roll_px * (1.0 - PAST) / PX_PER_SEC * 1e6
}

pub fn paint(frame: &Frame<'_>, view: &RollView) {
    let Frame { context, scale, width_px, height_px, .. } = *frame;
    if context.set_transform(scale, 0.0, 0.0, scale, 0.0, 0.0).is_err() {
        return;
    }
    context.clear_rect(0.0, 0.0, width_px, height_px);
    let roll_px = height_px - key_height_px(frame.keys);
    let rest_px = (roll_px * (1.0 - PAST)).round();
    let page_us = roll_px / PX_PER_SEC * 1e6;
    // Music time at the resting position of the play-head, and where the play-head is.
    let (origin_us, head_px) = match frame.smooth {
        Smooth::Yes => (view.shown_us, rest_px),
        Smooth::No => {
            let page_start_us = (view.shown_us / page_us).floor() * page_us;
            let above_us = roll_px * PAST / PX_PER_SEC * 1e6;
            (page_start_us + above_us, roll_px - (view.shown_us - page_start_us) / 1e6 * PX_PER_SEC)
        }
    };
    let y = |us: f64| rest_px - (us - origin_us) / 1e6 * PX_PER_SEC;
    let from_us = (origin_us - (roll_px - rest_px) / PX_PER_SEC * 1e6).max(0.0) as u64;
    let to_us = (origin_us + rest_px / PX_PER_SEC * 1e6).max(0.0) as u64 + 1;

    paint_grid(frame, roll_px, |secs| y(secs * 1e6), from_us, to_us);
    let mut lit = [None; N_PITCHES];
    for bar in view.timeline.between(from_us, to_us) {
        let end_us = bar.end_us.unwrap_or(view.timeline.end_us()).max(bar.start_us + 30_000);
        let sounds = (bar.start_us as f64) <= view.shown_us && view.shown_us < end_us as f64;
        if sounds && frame.is_sounding {
            lit[bar.pitch.index()] = Some(bar);
        }
        paint_bar(
            frame,
            &bar,
            y(end_us as f64).max(-8.0),
            y(bar.start_us as f64).min(roll_px + 8.0),
            head_px,
        );
    }
    context.set_global_alpha(1.0);
    context.set_fill_style_str(&frame.palette.accent);
    context.fill_rect(0.0, head_px - 1.0, width_px, 2.0);
    paint_keys(frame, roll_px, &lit);
}

fn key_height_px(keys: Keys) -> f64 {
    (keys.white_px * KEY_HEIGHT).clamp(*KEY_HEIGHT_PX.start(), *KEY_HEIGHT_PX.end()).round()
}

fn paint_grid(frame: &Frame<'_>, roll_px: f64, y: impl Fn(f64) -> f64, from_us: u64, to_us: u64) {
    let context = frame.context;
    context.set_global_alpha(1.0);
    for pitch in Keys::all().filter(|pitch| matches!(pitch.get() % 12, 0 | 5)) {
        let (x, _) = frame.keys.placement(pitch);
        let is_c = pitch.get() % 12 == 0;
        context.set_fill_style_str(if is_c { &frame.palette.grid_strong } else { &frame.palette.grid });
        context.fill_rect(x.round(), 0.0, 1.0, roll_px);
    }
    context.set_fill_style_str(&frame.palette.grid);
    for sec in from_us / 1_000_000..=to_us / 1_000_000 {
        context.fill_rect(0.0, y(sec as f64).round(), frame.width_px, 1.0);
    }
}

/// A note: dim above the play-head, full below it.
fn paint_bar(frame: &Frame<'_>, bar: &Bar, top: f64, bottom: f64, head_px: f64) {
    let context = frame.context;
    let (x, width) = frame.keys.lane(bar.pitch);
    if x + width < 0.0 || x > frame.width_px || bottom <= top {
        return;
    }
    context.set_fill_style_str(frame.palette.note(bar.origin, bar.bin));
    if top < head_px {
        context.set_global_alpha(FUTURE_ALPHA);
        rounded(context, x, top, width, bottom.min(head_px) - top);
    }
    if bottom > head_px {
        context.set_global_alpha(1.0);
        rounded(context, x, top.max(head_px), width, bottom - top.max(head_px));
    }
}

fn rounded(context: &CanvasRenderingContext2d, x: f64, y: f64, width: f64, height: f64) {
    // A hairline between notes that follow each other on one key.
    let height = (height - 1.0).max(2.0);
    let radius = (width / 3.0).min(3.0).min(height / 2.0);
    context.begin_path();
    if context.round_rect_with_f64(x, y, width, height, radius).is_err() {
        context.rect(x, y, width, height);
    }
    context.fill();
}

fn paint_keys(frame: &Frame<'_>, top: f64, lit: &[Option<Bar>; N_PITCHES]) {
    let (context, palette) = (frame.context, frame.palette);
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
        let color = lit[pitch.index()].map_or(rest.as_str(), |bar| palette.note(bar.origin, bar.bin));
        let length = if is_black { (height * BLACK_LENGTH).round() } else { height };
        if is_black {
            // Its edge keeps a lit key apart from the white keys beside it.
            context.set_fill_style_str(&palette.ebony);
            context.fill_rect(x, top, width, length);
            context.set_fill_style_str(color);
            context.fill_rect(x + 1.0, top, width - 2.0, length - 1.5);
        } else {
            context.set_fill_style_str(color);
            context.fill_rect(x + 0.5, top + 1.0, width - 1.0, length - 1.0);
            paint_label(frame, pitch, x, width);
        }
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

/// `#rrggbb`; black if it is anything else.
fn rgb(hex: &str) -> [f64; 3] {
    let channel = |i: usize| hex.get(1 + 2 * i..3 + 2 * i).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    [0, 1, 2].map(|i| f64::from(channel(i).unwrap_or(0)))
}
