//! Small components with data and callbacks, without effects.

mod about;
mod fields;
mod header;
mod icons;
mod moment;
mod notices;
mod perform;
mod primer_field;
mod roll;
mod seed_field;
mod session_bar;
mod shape;
mod status_line;
mod takes;
mod teach;
mod transport;

pub use about::About;
pub use fields::{LengthField, OutputField, TemperatureField, VolumeField};
pub use header::Header;
pub use icons::{Glyph, Icon};
pub use moment::Moment;
pub use notices::Notices;
pub use perform::PerformDrawer;
pub use primer_field::PrimerField;
pub use roll::Roll;
pub use seed_field::SeedField;
pub use session_bar::SessionBar;
pub use shape::ShapeDrawer;
pub use status_line::StatusLine;
pub use takes::Takes;
pub use teach::TeachPanel;
pub use transport::Transport;

use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement, HtmlSelectElement};
use yew::Callback;

/// The value of the input or select that an event is about.
pub fn value_of(event: &Event) -> String {
    let Some(target) = event.target() else { return String::new() };
    if let Some(input) = target.dyn_ref::<HtmlInputElement>() {
        return input.value();
    }
    target.dyn_ref::<HtmlSelectElement>().map(HtmlSelectElement::value).unwrap_or_default()
}

/// Dispatches what `change` makes of an event, if anything.
fn when<E: 'static, T: 'static>(on: &Callback<T>, change: impl Fn(E) -> Option<T> + 'static) -> Callback<E> {
    let on = on.clone();
    Callback::from(move |event| change(event).into_iter().for_each(|value| on.emit(value)))
}
