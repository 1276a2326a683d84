//! Small conversions between JavaScript and Rust.

use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// What went wrong, in the browser's words and without a full stop.
#[must_use]
pub fn text(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    let message = message.filter(|message| !message.is_empty()).or_else(|| error.as_string());
    let message = message.unwrap_or_else(|| format!("{error:?}"));
    message.trim_end_matches(['.', ' ']).to_owned()
}

/// A property, or `undefined`.
#[must_use]
pub fn get(object: &JsValue, name: &str) -> JsValue {
    // Fails for what is not an object, and there is nothing in there either.
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Lets a promise run by itself; a rejection goes to the console.
pub fn run_alone(promise: Result<Promise, JsValue>, what: &'static str) {
    spawn_local(async move {
        let outcome = match promise {
            Ok(promise) => JsFuture::from(promise).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            web_sys::console::warn_2(&what.into(), &error);
        }
    });
}

/// The browser's window.
#[must_use]
pub fn window() -> web_sys::Window {
    gloo::utils::window()
}

/// The absolute address of a file that lies beside the page.
///
/// # Errors
/// If the page's own address is not one.
pub fn beside_the_page(path: &str) -> Result<String, JsValue> {
    let base = gloo::utils::document().base_uri()?.ok_or("the page has no address")?;
    Ok(web_sys::Url::new_with_base(path, &base)?.href())
}

/// Milliseconds since the page opened.
#[must_use]
pub fn now_ms() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |performance| performance.now())
}

/// What was stored in this browser under a name. Storage may be forbidden; then there is nothing.
#[must_use]
pub fn stored(key: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(key).ok().flatten()
}

/// Stores something for later visits; where that is forbidden, it lasts as long as the page.
pub fn store(key: &str, value: &str) {
    if let Some(storage) = window().local_storage().ok().flatten()
        && let Err(error) = storage.set_item(key, value)
    {
        web_sys::console::warn_1(&error);
    }
}
