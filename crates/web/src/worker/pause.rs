//! Yielding to other work.

use js_sys::Promise;
use wasm_bindgen_futures::JsFuture;

/// Returns after the waiting messages, and after at least `ms` milliseconds.
pub(super) async fn pause(ms: f64) {
    let promise = Promise::new(&mut |resolve, _| {
        let scope = super::scope();
        if let Err(error) = scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms as i32) {
            web_sys::console::error_1(&error);
        }
    });
    if let Err(error) = JsFuture::from(promise).await {
        web_sys::console::error_1(&error);
    }
}
