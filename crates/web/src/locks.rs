//! Locks between tabs (Web Locks).

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::js;

/// Between two attempts to get a lock that a tab which is being closed may still hold.
const RETRY_MS: u32 = 100;

/// Whether a lock was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Until the tab is closed, however it ends.
    Held,
    /// By another tab.
    Elsewhere,
    /// This browser has no locks, or not for this page.
    Unknown,
}

/// Takes a lock for as long as this tab lives; tries for this long.
pub async fn hold(name: &str, patience_ms: u32) -> Lock {
    let mut waited_ms = 0;
    loop {
        match try_hold(name).await {
            Ok(true) => return Lock::Held,
            Ok(false) if waited_ms < patience_ms => {
                js::sleep(RETRY_MS).await;
                waited_ms += RETRY_MS;
            }
            Ok(false) => return Lock::Elsewhere,
            Err(error) => {
                web_sys::console::debug_1(&error);
                return Lock::Unknown;
            }
        }
    }
}

/// The names of all locks that tabs of this page hold.
pub async fn held() -> Vec<String> {
    let query = async {
        let locks = manager()?;
        let query: Function = Reflect::get(&locks, &"query".into())?.dyn_into()?;
        JsFuture::from(query.call0(&locks)?.dyn_into::<Promise>()?).await
    };
    let found = query.await.map(|found| Array::from(&js::get(&found, "held"))).unwrap_or_default();
    found.iter().filter_map(|lock| js::get(&lock, "name").as_string()).collect()
}

fn manager() -> Result<JsValue, JsValue> {
    let locks = Reflect::get(&js::window().navigator(), &"locks".into())?;
    if locks.is_object() { Ok(locks) } else { Err("this browser has no locks".into()) }
}

async fn try_hold(name: &str) -> Result<bool, JsValue> {
    let locks = manager()?;
    let request: Function = Reflect::get(&locks, &"request".into())?.dyn_into()?;
    let options = Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &true.into())?;
    let mut refused = None;
    let answered = Promise::new(&mut |resolve, reject| {
        let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            let is_held = lock.is_object();
            if let Err(error) = resolve.call1(&JsValue::UNDEFINED, &is_held.into()) {
                web_sys::console::warn_1(&error);
            }
            // A promise that is never kept holds the lock.
            if is_held { Promise::new(&mut |_, _| ()).into() } else { JsValue::UNDEFINED }
        });
        match request.call3(&locks, &name.into(), &options, &granted) {
            // It is refused where the page's storage is.
            Ok(promise) => {
                let on_refused = Closure::once_into_js(move |error: JsValue| {
                    if let Err(error) = reject.call1(&JsValue::UNDEFINED, &error) {
                        web_sys::console::warn_1(&error);
                    }
                });
                let catch = Reflect::get(&promise, &"catch".into()).and_then(JsCast::dyn_into::<Function>);
                refused = catch.and_then(|catch| catch.call1(&promise, &on_refused)).err();
            }
            Err(error) => refused = Some(error),
        }
    });
    match refused {
        Some(error) => Err(error),
        None => Ok(JsFuture::from(answered).await? == true),
    }
}
