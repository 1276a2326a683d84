use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File};
use yew::prelude::*;

/// Takes files that are dropped anywhere on the page, all at once. Returns whether one is being dragged over it.
#[hook]
pub fn use_page_drop(on_files: Callback<Vec<File>>) -> bool {
    let is_over = use_state(|| false);
    use_effect_with(on_files, {
        let is_over = is_over.setter();
        move |on_files| {
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
                let on_files = on_files.clone();
                move |event| {
                    event.prevent_default();
                    is_over.set(false);
                    let files =
                        event.unchecked_ref::<DragEvent>().data_transfer().and_then(|data| data.files());
                    let Some(files) = files else { return };
                    on_files.emit((0..files.length()).filter_map(|idx| files.get(idx)).collect());
                }
            });
            move || drop((over, leave, dropped))
        }
    });
    *is_over
}
