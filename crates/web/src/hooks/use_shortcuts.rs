use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent};
use yew::prelude::*;

/// What the keys do.
#[derive(Clone, PartialEq)]
pub struct Shortcuts {
    /// The key Space.
    pub on_toggle: Callback<()>,
    /// The key Esc.
    pub on_stop: Callback<()>,
    /// The key D.
    pub on_download: Callback<()>,
}

/// Listens for the page's shortcuts, wherever the focus is.
#[hook]
pub fn use_shortcuts(shortcuts: Shortcuts) {
    use_effect_with(shortcuts, |shortcuts| {
        let document = gloo::utils::document();
        // Captured, so that a Space on the focused Generate button is seen before the button sees it.
        let options = EventListenerOptions {
            phase: gloo::events::EventListenerPhase::Capture,
            ..EventListenerOptions::enable_prevent_default()
        };
        let down = {
            let shortcuts = shortcuts.clone();
            EventListener::new_with_options(&document, "keydown", options, move |event| {
                let event: &KeyboardEvent = event.unchecked_ref();
                let has_modifier = event.ctrl_key() || event.alt_key() || event.meta_key();
                if has_modifier || is_in_dialog(event) {
                    return;
                }
                match event.key().as_str() {
                    " " if takes_space(event) => {
                        event.prevent_default();
                        if !event.repeat() {
                            shortcuts.on_toggle.emit(());
                        }
                    }
                    "Escape" => shortcuts.on_stop.emit(()),
                    "d" | "D" if !is_typing(event) && !event.repeat() => shortcuts.on_download.emit(()),
                    _ => {}
                }
            })
        };
        // Some browsers press a focused button when Space goes up.
        let up = EventListener::new_with_options(&document, "keyup", options, |event| {
            let event: &KeyboardEvent = event.unchecked_ref();
            if event.key() == " " && takes_space(event) && !is_in_dialog(event) {
                event.prevent_default();
            }
        });
        move || drop((down, up))
    });
}

fn target(event: &Event) -> Option<Element> {
    event.target().and_then(|target| target.dyn_into().ok())
}

fn is_within(event: &Event, selector: &str) -> bool {
    target(event).and_then(|element| element.closest(selector).ok().flatten()).is_some()
}

/// Space presses what is focused, unless that is Generate or nothing that can be pressed.
fn takes_space(event: &Event) -> bool {
    !is_within(event, "button:not(.generate), input, select, textarea, a, summary, label")
}

fn is_typing(event: &Event) -> bool {
    is_within(event, "select, textarea, input:not([type=range]):not([type=checkbox])")
}

fn is_in_dialog(event: &Event) -> bool {
    is_within(event, "dialog")
}
