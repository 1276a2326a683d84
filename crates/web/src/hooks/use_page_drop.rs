use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File};
use yew::prelude::*;

/// Takes files that are dropped anywhere on the page. Returns whether one is being dragged over it.
#[hook]
pub fn use_page_drop(on_file: Callback<File>) -> bool {
    let is_over = use_state(|| false);
    use_effect_with(on_file, {
        let is_over = is_over.setter();
        move |on_file| {
            let document = gloo::utils::document();
            let options = EventListenerOptions::enable_prevent_default();
            // Without `preventDefault` the browser would open the file in place of the page.
            let over = EventListener::new_with_options(&document, "dragover", options, {
                let is_over = is_over.clone();
                move |event| {
                    event.prevent_default();
                    is_over.set(true);
                }
            });
            let leave = EventListener::new(&document, "dragleave", {
                let is_over = is_over.clone();
                move |event| {
                    // Leaving the page, not one element of it for the next.
                    if event.unchecked_ref::<DragEvent>().related_target().is_none() {
                        is_over.set(false);
                    }
                }
            });
            let dropped = EventListener::new_with_options(&document, "drop", options, {
                let on_file = on_file.clone();
                move |event| {
                    event.prevent_default();
                    is_over.set(false);
                    let files =
                        event.unchecked_ref::<DragEvent>().data_transfer().and_then(|data| data.files());
                    if let Some(file) = files.and_then(|files| files.get(0)) {
                        on_file.emit(file);
                    }
                }
            });
            move || drop((over, leave, dropped))
        }
    });
    *is_over
}
