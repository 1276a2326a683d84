use gloo::events::EventListener;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{EventTarget, MessageEvent};
use yew::prelude::*;

use crate::js;
use session::{Action, EngineState, Notice, Playback, State};

/// The service worker that `cargo xtask build` writes beside the page (`xtask/src/site/service.js`).
const SERVICE: &str = "./service.js";

/// Has the browser keep the page for visits without a network, once nothing else needs the line, and says when a new
/// version is complete.
#[hook]
pub fn use_offline(state: &State, dispatch: &Callback<Action>) {
    let is_idle =
        matches!(state.engine, EngineState::Ready(_)) && state.transport.playback != Playback::Starting;
    let was_idle = use_state(|| false);
    if is_idle && !*was_idle {
        was_idle.set(true);
    }
    use_effect_with(*was_idle, {
        let dispatch = dispatch.clone();
        move |&was_idle| {
            let service = container().zip(version()).filter(|_| was_idle);
            let listeners = service.map(|(container, version)| register(container, version, dispatch));
            move || drop(listeners)
        }
    });
}

/// Asks for the service worker, and for a newer one whenever the visitor comes back to the tab.
fn register(container: EventTarget, version: String, dispatch: Callback<Action>) -> [EventListener; 2] {
    spawn_local({
        let container = container.clone();
        async move {
            if let Err(error) = keep_up(&container).await {
                web_sys::console::warn_2(&"no visits without a network".into(), &error);
            }
        }
    });
    let on_message = EventListener::new(&container, "message", move |event| {
        let data = event.dyn_ref::<MessageEvent>().and_then(|message| message.data().as_string());
        if data.is_some_and(|complete| complete != version) {
            dispatch.emit(Action::Notify(Notice::NewVersion));
        }
    });
    let document = gloo::utils::document();
    let on_visible = EventListener::new(&document.clone(), "visibilitychange", move |_| {
        if !document.hidden() {
            let container = container.clone();
            spawn_local(async move {
                if let Err(error) = keep_up(&container).await {
                    web_sys::console::debug_1(&error);
                }
            });
        }
    });
    [on_message, on_visible]
}

/// Registers the service worker; where there is one already, looks for a newer.
async fn keep_up(container: &JsValue) -> Result<(), JsValue> {
    let registration = JsFuture::from(js::promise(container, "register", &[SERVICE.into()])?).await?;
    if js::get(&registration, "active").is_truthy() {
        // Without a network there is none, and nothing to say about it.
        if let Err(error) = JsFuture::from(js::promise(&registration, "update", &[])?).await {
            web_sys::console::debug_1(&error);
        }
    }
    Ok(())
}

/// None where the page is not served safely, and in private windows of some browsers.
fn container() -> Option<EventTarget> {
    js::get(&js::window().navigator(), "serviceWorker").dyn_into().ok()
}

/// The page's version; none where Trunk serves it.
fn version() -> Option<String> {
    let meta = gloo::utils::document().query_selector("meta[name=version]").ok().flatten()?;
    meta.get_attribute("content")
}
