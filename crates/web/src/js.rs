//! Small conversions between JavaScript and Rust.

use std::collections::HashMap;

use js_sys::{Array, Function, Promise, Reflect};
use session::teach::Simd;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

/// The text of a browser's error, without a full stop.
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
    // Fails for values that are no objects; these have no properties.
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Calls a method that `web-sys` has, too: a further feature of it would have everything built again that is built on it.
///
/// # Errors
/// If there is no such method, it throws, or gives no promise.
pub fn promise(object: &JsValue, method: &str, arguments: &[JsValue]) -> Result<Promise, JsValue> {
    let method: Function = get(object, method).dyn_into()?;
    Reflect::apply(&method, object, &arguments.iter().collect::<Array>())?.dyn_into()
}

/// Lets a promise run by itself; a rejection goes to the console.
pub fn spawn(promise: Result<Promise, JsValue>, what: &'static str) {
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

/// Waits, and lets the page do other things meanwhile.
pub async fn sleep(milliseconds: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let timer =
            window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds as i32);
        if let Err(error) = timer {
            web_sys::console::warn_1(&error);
        }
    });
    if let Err(error) = JsFuture::from(promise).await {
        web_sys::console::warn_1(&error);
    }
}

#[must_use]
pub fn window() -> web_sys::Window {
    gloo::utils::window()
}

/// Whether the visitor has pressed anything on the page, without which browsers hold the sound; yes where the browser
/// does not tell.
#[must_use]
pub fn was_pressed() -> bool {
    let activation = get(&window().navigator(), "userActivation");
    get(&activation, "hasBeenActive").as_bool().unwrap_or(true)
}

/// A value in the page's own address: `?seed=482913`.
#[must_use]
pub fn asked(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    web_sys::UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// The absolute address of a file that lies beside the page.
///
/// `cargo xtask build` names files after their content and lists the names in the page. Without the list
/// (plain `trunk serve`) names stay the same, and each opening of the page asks for them anew.
///
/// # Errors
/// If the page's own address is invalid, or its list is broken.
pub fn asset_url(path: &str) -> Result<String, JsValue> {
    let document = gloo::utils::document();
    let list = document.get_element_by_id("files").and_then(|list| list.text_content());
    let name = match list {
        Some(list) => {
            let mut names: HashMap<String, String> =
                serde_json::from_str(&list).map_err(|error| format!("the page's list of files: {error}"))?;
            names.remove(path).ok_or_else(|| format!("the page's list of files has no {path}"))?
        }
        None => {
            let opened = window().performance().map_or(0.0, |performance| performance.time_origin());
            format!("{path}?opened={opened}")
        }
    };
    let base = document.base_uri()?.ok_or("the page has no address")?;
    Ok(web_sys::Url::new_with_base(&name, &base)?.href())
}

/// This program's memory, in bytes. It grows and never shrinks.
#[must_use]
pub fn memory_bytes() -> f64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    let buffer: js_sys::ArrayBuffer = memory.buffer().unchecked_into();
    f64::from(buffer.byte_length())
}

/// What the browser's WebAssembly has for vectors: asked by a program of one product and sum.
#[must_use]
pub fn simd() -> Simd {
    /// One function without parameters that returns a vector: three times a vector of zeros, then
    /// `f32x4.relaxed_madd`.
    const PROGRAM: [u8; 40] = [
        0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 17,
        65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11,
    ];
    let program = js_sys::Uint8Array::from(PROGRAM.as_slice());
    match js_sys::WebAssembly::validate(&program) {
        Ok(true) => Simd::Relaxed,
        _ => Simd::Plain,
    }
}

/// Milliseconds since the page opened.
#[must_use]
pub fn now_ms() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |performance| performance.now())
}

/// What was stored in this browser under a name. None where storage is forbidden.
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

/// What was stored under a name since this tab was opened. None where storage is forbidden.
#[must_use]
pub fn stored_in_tab(key: &str) -> Option<String> {
    window().session_storage().ok().flatten()?.get_item(key).ok().flatten()
}

/// Stores something until the tab is closed; where that is forbidden, it lasts as long as the page.
pub fn store_in_tab(key: &str, value: &str) {
    if let Some(storage) = window().session_storage().ok().flatten()
        && let Err(error) = storage.set_item(key, value)
    {
        web_sys::console::warn_1(&error);
    }
}

/// A promise that is rejected with this text after so many milliseconds, to be raced with others.
pub fn rejected_after(milliseconds: u32, why: &'static str) -> Promise {
    future_to_promise(async move {
        sleep(milliseconds).await;
        Err(why.into())
    })
}

/// Whether a server answered with a web page, as some do for every file that they have not.
pub fn is_page(response: &web_sys::Response) -> bool {
    let media_type = response.headers().get("content-type").ok().flatten().unwrap_or_default();
    media_type.trim_start().to_lowercase().starts_with("text/html")
}

/// Whether this is an iPhone or an iPad, of which newer ones call themselves Macs (which have no touch screens). Their
/// browsers are all the same one inside.
#[must_use]
pub fn is_ios() -> bool {
    let navigator = window().navigator();
    let name = navigator.user_agent().unwrap_or_default();
    name.contains("iPhone")
        || name.contains("iPad")
        || name.contains("Macintosh") && navigator.max_touch_points() > 1
}

/// The file that an address names.
pub fn file_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path).to_owned()
}
