use gloo::events::{EventListener, EventListenerOptions};
use session::shortcuts::{Key, Shortcut};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent};
use yew::prelude::*;

use crate::storage;

/// Listens for the page's shortcuts, wherever the focus is.
#[hook]
pub fn use_shortcuts(on_shortcut: Callback<Shortcut>) {
    use_effect_with(on_shortcut, |on_shortcut| {
        let document = gloo::utils::document();
        // Captured, so that a Space on the focused Generate button is seen before the button sees it.
        let options = EventListenerOptions {
            phase: gloo::events::EventListenerPhase::Capture,
            ..EventListenerOptions::enable_prevent_default()
        };
        let down = {
            let on_shortcut = on_shortcut.clone();
            EventListener::new_with_options(&document, "keydown", options, move |event| {
                let event: &KeyboardEvent = event.unchecked_ref();
                let Some(shortcut) = shortcut_of(event) else { return };
                if matches!(shortcut, Shortcut::Toggle | Shortcut::Undo | Shortcut::Redo) {
                    event.prevent_default();
                }
                if shortcut.repeats() || !event.repeat() {
                    on_shortcut.emit(shortcut);
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

/// The shortcut that a key means, unless what is focused takes the key.
#[must_use]
pub fn shortcut_of(event: &KeyboardEvent) -> Option<Shortcut> {
    let key = event.key();
    let pressed = Key {
        key: &key,
        is_ctrl: event.ctrl_key() || event.meta_key(),
        is_shift: event.shift_key(),
        is_alt: event.alt_key(),
    };
    let shortcut = Shortcut::of(pressed).filter(|_| !is_in_dialog(event))?;
    let is_taken = match shortcut {
        Shortcut::Toggle => !takes_space(event),
        // Esc leaves a name as it was.
        Shortcut::Stop => is_within(event, "input.rename"),
        // Fields have an undo of their own, and arrows move sliders.
        Shortcut::Undo | Shortcut::Redo => is_typing(event),
        Shortcut::Back(_) | Shortcut::Forward(_) if !shortcut.is_character() => takes_arrows(event),
        _ => is_typing(event) || !storage::has_character_keys(),
    };
    (!is_taken).then_some(shortcut)
}

fn target(event: &Event) -> Option<Element> {
    event.target().and_then(|target| target.dyn_into().ok())
}

fn is_within(event: &Event, selector: &str) -> bool {
    target(event).and_then(|element| element.closest(selector).ok().flatten()).is_some()
}

/// Space presses what is focused, unless that is Generate or nothing that can be pressed, or it is a conductor's beat.
fn takes_space(event: &Event) -> bool {
    is_within(event, ".taps")
        || !is_within(event, "button:not(.generate), input, select, textarea, a, summary, label")
}

/// Arrows move within these.
fn takes_arrows(event: &Event) -> bool {
    is_within(
        event,
        "input, select, textarea, [role=slider], [role=tablist], [role=radiogroup], [data-arrows]",
    )
}

fn is_typing(event: &Event) -> bool {
    is_within(event, "select, textarea, input:not([type=range]):not([type=checkbox])")
}

fn is_in_dialog(event: &Event) -> bool {
    is_within(event, "dialog")
}
