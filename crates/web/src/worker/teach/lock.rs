//! One tab learns at a time: there is one place to keep where a run stands.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::js;
use crate::worker::pause::pause;
use crate::worker::scope;

const NAME: &str = "performance-rnn-teaching";
/// How often, and after how many milliseconds, it is asked for again: a worker that was ended a moment ago may still
/// have it.
const ATTEMPTS: usize = 5;
const AGAIN_MS: f64 = 200.0;

/// The right to learn, given back when dropped, or when the tab is closed.
pub(super) struct Lock(Option<Function>);

impl Lock {
    /// `None` where another tab has it. A browser without locks gives it to everybody.
    pub(super) async fn take() -> Option<Self> {
        for _ in 1..ATTEMPTS {
            if let Some(lock) = Self::ask().await {
                return Some(lock);
            }
            pause(AGAIN_MS).await;
        }
        Self::ask().await
    }

    async fn ask() -> Option<Self> {
        let locks = js::get(&js::get(&scope(), "navigator"), "locks");
        let Ok(request) = js::get(&locks, "request").dyn_into::<Function>() else { return Some(Self(None)) };
        let answer = Promise::new(&mut |resolve, _| {
            let failed = resolve.clone();
            // Called with the lock, or with null; the lock is held until the returned promise is kept.
            let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
                if lock.is_null() {
                    tell(&resolve, &JsValue::NULL);
                    return JsValue::UNDEFINED;
                }
                Promise::new(&mut |release, _| tell(&resolve, &release)).into()
            });
            let options = Object::new();
            let asked = Reflect::set(&options, &"ifAvailable".into(), &true.into())
                .and_then(|_| request.call3(&locks, &NAME.into(), &options, &granted));
            if asked.is_err() {
                tell(&failed, &JsValue::UNDEFINED);
            }
        });
        match JsFuture::from(answer).await {
            Ok(answer) if answer.is_null() => None,
            answer => Some(Self(answer.ok().and_then(|release| release.dyn_into().ok()))),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            tell(&release, &JsValue::UNDEFINED);
        }
    }
}

fn tell(function: &Function, value: &JsValue) {
    if let Err(error) = function.call1(&JsValue::UNDEFINED, value) {
        web_sys::console::debug_1(&error);
    }
}
