use performance::VelocityBin;
use performance::playback::Origin;
use web_sys::Element;

use crate::js;

/// Colors, from the page's style sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    pub accent: String,
    pub grid: String,
    pub grid_strong: String,
    pub ivory: String,
    pub ebony: String,
    pub key_line: String,
    pub label: String,
    pub change: String,
    network: Vec<Shade>,
    primer: Vec<Shade>,
}

/// A color, opaque and gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Shade {
    pub full: String,
    pub clear: String,
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
            let shade = |[r, g, b]: [f64; 3]| Shade {
                full: format!("rgb({r} {g} {b})"),
                clear: format!("rgb({r} {g} {b} / 0)"),
            };
            (0..32).map(|bin| shade(mix(f64::from(bin) / 31.0))).collect()
        };
        Self {
            accent: read("--accent"),
            grid: read("--grid"),
            grid_strong: read("--grid-strong"),
            ivory: read("--ivory"),
            ebony: read("--ebony"),
            key_line: read("--key-line"),
            label: read("--key-label"),
            change: read("--soft-ink"),
            network: shades("--note-soft", "--note-loud"),
            primer: shades("--primer-soft", "--primer-loud"),
        }
    }

    /// The color of a note: whose it is, and how loud.
    #[must_use]
    pub fn note(&self, origin: Origin, bin: VelocityBin) -> &Shade {
        let shades = if origin == Origin::Primer { &self.primer } else { &self.network };
        // Pianists rarely play below bin 6 or above 28: spread the colors where the music is.
        let share = (f64::from(bin.get()) - 6.0) / 22.0;
        &shades[(share.clamp(0.0, 1.0) * 31.0).round() as usize]
    }
}

/// `#rrggbb`; black if it is anything else.
fn rgb(hex: &str) -> [f64; 3] {
    let channel = |i: usize| hex.get(1 + 2 * i..3 + 2 * i).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    [0, 1, 2].map(|i| f64::from(channel(i).unwrap_or(0)))
}
