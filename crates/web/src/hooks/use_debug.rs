use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Object, Reflect, Uint16Array};
use wasm_bindgen::prelude::*;
use yew::prelude::*;

use super::Keeper;
use crate::js;
use crate::player::{Player, PlayerHandle};
use session::{State, Take};

const NAME: &str = "performanceRnn";

type Latest = Rc<RefCell<(Option<Rc<Take>>, String)>>;
type Function = Closure<dyn FnMut() -> JsValue>;

/// A look inside for tests in a browser, read-only, as `window.performanceRnn`:
///
/// - `tokens()`: `Uint16Array` of the performance on stage, without its primer;
/// - `primer()`: `Uint16Array` of its primer, empty if it has none;
/// - `recipe()`: what it follows from, as JSON (`performance::Recipe`);
/// - `performed()`: how a score is performed, as JSON (`performance::score::Rendering`), else `null`;
/// - `quarters()`: the written place at the play-head, in quarters, if a score is performed;
/// - `head()`: microseconds of the performance up to which instruments have their messages for good;
/// - `latency()`: output latency in seconds, as far as the browser knows;
/// - `played()`: seconds of the performance at the play-head, as heard;
/// - `level()`: largest sample of the last 43 ms that went to the loudspeakers, 0 to 1;
/// - `playback()`: `Stopped`, `Starting`, `Playing`, `Behind` or `Finished`;
/// - `kept()`: how the session is written down, as JSON ([`Keeper::report`]);
/// - `memory()`: bytes of the page's wasm memory;
/// - `audio()`: the browser's `AudioContext.playbackStats` where it has them, else `undefined`.
#[hook]
pub fn use_debug(state: &State, player: &PlayerHandle, keeper: &Keeper) {
    let latest = use_mut_ref(|| (None::<Rc<Take>>, String::new()));
    *latest.borrow_mut() = (state.takes.current().cloned(), format!("{:?}", state.transport.playback));
    use_effect_with((), {
        let (player, keeper) = (player.clone(), keeper.clone());
        move |()| {
            let handle = Handle::install(&latest, &player, keeper);
            move || drop(handle)
        }
    });
}

/// Owns the functions on `window`, and removes them again.
struct Handle {
    _functions: Vec<Function>,
}

impl Handle {
    fn install(latest: &Latest, player: &PlayerHandle, keeper: Keeper) -> Self {
        let tokens = Rc::clone(latest);
        let primer = Rc::clone(latest);
        let recipe = Rc::clone(latest);
        let playback = Rc::clone(latest);
        let [performed, quarters] = [(); 2].map(|()| Rc::clone(latest));
        let heard = player.clone();
        let [latency, head, played, level, audio] = [(); 5].map(|()| player.clone());
        let functions: Vec<(&str, Function)> = vec![
            ("kept", Closure::new(move || keeper.report().into())),
            (
                "tokens",
                Closure::new(move || {
                    numbers(tokens.borrow().0.iter().flat_map(|take| take.heard(0)).map(|token| token.get()))
                }),
            ),
            (
                "primer",
                Closure::new(move || {
                    let latest = primer.borrow();
                    let primer = latest.0.as_ref().and_then(|take| take.primer.clone());
                    numbers(primer.iter().flat_map(|primer| &primer.tokens).map(|token| token.get()))
                }),
            ),
            (
                "recipe",
                Closure::new(move || {
                    let latest = recipe.borrow();
                    let json = latest.0.as_ref().map(|take| serde_json::to_string(&take.recipe()));
                    json.and_then(Result::ok).map_or(JsValue::NULL, JsValue::from)
                }),
            ),
            (
                "performed",
                Closure::new(move || {
                    let latest = performed.borrow();
                    let performed = latest.0.as_ref().and_then(|take| take.performed.as_ref());
                    let json = performed.map(|performed| serde_json::to_string(&performed.rendering));
                    json.and_then(Result::ok).map_or(JsValue::NULL, JsValue::from)
                }),
            ),
            (
                "quarters",
                Closure::new(move || {
                    let latest = quarters.borrow();
                    let performed = latest.0.as_ref().and_then(|take| take.performed.as_ref());
                    let at_us = heard.with(Player::heard_us);
                    performed.map_or(JsValue::NULL, |performed| performed.quarters_at(at_us).into())
                }),
            ),
            (
                "latency",
                Closure::new(move || (latency.with(|player| player.latency_us()) as f64 / 1e6).into()),
            ),
            ("head", Closure::new(move || (head.with(|player| player.head_us()) as f64).into())),
            ("playback", Closure::new(move || playback.borrow().1.as_str().into())),
            ("played", Closure::new(move || (played.with(Player::heard_us) as f64 / 1e6).into())),
            ("level", Closure::new(move || level.with(|player| player.level()).into())),
            ("memory", Closure::new(|| js::memory_bytes().into())),
            (
                "audio",
                Closure::new(move || {
                    audio.with(|player| {
                        player.audio().map_or(JsValue::UNDEFINED, |context| js::get(context, "playbackStats"))
                    })
                }),
            ),
        ];
        let object = Object::new();
        for (name, function) in &functions {
            set(&object, name, function.as_ref());
        }
        set(&js::window(), NAME, &object);
        Self { _functions: functions.into_iter().map(|(_, function)| function).collect() }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        set(&js::window(), NAME, &JsValue::UNDEFINED);
    }
}

fn set(object: &JsValue, name: &str, value: &JsValue) {
    if let Err(error) = Reflect::set(object, &name.into(), value) {
        web_sys::console::warn_1(&error);
    }
}

fn numbers(numbers: impl Iterator<Item = u16>) -> JsValue {
    Uint16Array::from(numbers.collect::<Vec<_>>().as_slice()).into()
}
