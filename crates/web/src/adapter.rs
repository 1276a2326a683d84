//! What GPU the browser would use, as far as it tells.

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use session::engine::Adapter;

use crate::js;

/// What adapters call themselves that run on the CPU.
const SOFTWARE: [&str; 6] = ["swiftshader", "llvmpipe", "lavapipe", "softpipe", "basic render", "software"];

/// Asks the browser.
///
/// The page asks before it starts a worker, because the program for GPUs is large.
pub async fn find() -> Adapter {
    let gpu = js::get(&js::get(&js_sys::global(), "navigator"), "gpu");
    let Ok(request) = js::get(&gpu, "requestAdapter").dyn_into::<js_sys::Function>() else {
        return Adapter::NoWebGpu;
    };
    let options = Object::new();
    if let Err(error) = Reflect::set(&options, &"powerPreference".into(), &"high-performance".into()) {
        web_sys::console::debug_1(&error);
    }
    let asked = request.call1(&gpu, &options).map(|promise| Promise::resolve(&promise));
    let adapter = match asked {
        Ok(promise) => JsFuture::from(promise).await.unwrap_or(JsValue::NULL),
        Err(_) => JsValue::NULL,
    };
    if !adapter.is_object() {
        return Adapter::Nothing;
    }
    let info = js::get(&adapter, "info");
    let fact = |name: &str| js::get(&info, name).as_string().unwrap_or_default();
    let facts = [fact("description"), fact("device"), fact("vendor"), fact("architecture")];
    let is_fallback = |object: &JsValue| js::get(object, "isFallbackAdapter").is_truthy();
    let all = facts.join(" ").to_lowercase();
    let is_software =
        is_fallback(&info) || is_fallback(&adapter) || SOFTWARE.iter().any(|software| all.contains(software));
    Adapter::Found { name: name(&facts), is_software }
}

/// The description if there is one (few browsers tell), else vendor and architecture.
fn name([description, _, vendor, architecture]: &[String; 4]) -> String {
    if !description.is_empty() {
        return description.clone();
    }
    [vendor.as_str(), architecture.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
