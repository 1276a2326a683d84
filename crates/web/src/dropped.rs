//! Files and folders that were dropped.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::DragEvent;

use crate::js;

/// The entries of a drop. They must be taken while the event is handled.
pub fn entries(event: &DragEvent) -> Vec<JsValue> {
    let Some(data) = event.data_transfer() else { return Vec::new() };
    let items = Array::from(&js::get(&data, "items"));
    let mut entries: Vec<JsValue> =
        items.iter().filter_map(|item| call(&item, "webkitGetAsEntry").ok()).collect();
    entries.retain(JsValue::is_object);
    if entries.is_empty() {
        // A browser without entries: files only.
        entries = data.files().map(|files| Array::from(&files).to_vec()).unwrap_or_default();
    }
    entries
}

/// All files of these entries and of the folders among them.
pub async fn files(entries: Vec<JsValue>) -> Array {
    let files = Array::new();
    let mut waiting = entries;
    while let Some(entry) = waiting.pop() {
        if js::get(&entry, "isDirectory").is_truthy() {
            let Ok(reader) = call(&entry, "createReader") else { continue };
            // A hundred at a time, until none come.
            while let Ok(part) = answer(&reader, "readEntries").await {
                let part = Array::from(&part);
                if part.length() == 0 {
                    break;
                }
                waiting.extend(part.iter());
            }
        } else if js::get(&entry, "isFile").is_truthy() {
            if let Ok(file) = answer(&entry, "file").await {
                files.push(&file);
            }
        } else {
            files.push(&entry);
        }
    }
    files
}

fn call(object: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(object, &name.into())?.dyn_into::<Function>()?.call0(object)
}

/// What a function answers that takes a callback for success and one for failure.
async fn answer(object: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(object, &name.into())?.dyn_into()?;
    let promise = Promise::new(&mut |resolve, reject| {
        if let Err(error) = function.call2(object, &resolve, &reject) {
            web_sys::console::debug_1(&error);
        }
    });
    JsFuture::from(promise).await
}
