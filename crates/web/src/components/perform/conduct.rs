use std::rc::Rc;

use performance::score::GestureKind;
use session::{Action, Performed};
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use crate::components::{value_of, when};

#[derive(Properties, PartialEq)]
pub struct ConductProps {
    pub performed: Rc<Performed>,
    pub is_on: bool,
    /// A beat, by pointer.
    pub on_tap: Callback<()>,
    pub dispatch: Callback<Action>,
}

/// Beats give the tempo, and a plane of energy and mood the character.
#[component]
pub fn Conduct(props: &ConductProps) -> Html {
    let ConductProps { performed, is_on, dispatch, .. } = props;
    let is_conducted = !performed.rendering.gestures.is_empty();
    let other = !is_on;
    let onpointerdown = props.on_tap.reform(|event: PointerEvent| event.prevent_default());
    // A click without a pointer: by keyboard or a screen reader.
    let onclick = when(&props.on_tap, |event: MouseEvent| (event.detail() == 0).then_some(()));
    html! {
        <div class="field conduct">
            <button type="button" class={classes!("toggle", is_on.then_some("on"))} aria-pressed={is_on.to_string()}
                title="Taps give the tempo, and a plane the mood (C)"
                onclick={dispatch.reform(move |_| Action::SetConducting(other))}>{ "Conduct" }</button>
            if *is_on {
                <button type="button" class="beat" {onpointerdown} {onclick}>{ "Tap the beat (Space)" }</button>
                <Plane performed={Rc::clone(performed)} dispatch={dispatch.clone()} />
            }
            if is_conducted {
                <button type="button" title="As if nobody had conducted"
                    onclick={dispatch.reform(|_| Action::Unconduct)}>{ "Forget the conducting" }</button>
            }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct PlaneProps {
    performed: Rc<Performed>,
    dispatch: Callback<Action>,
}

/// A plane for the pointer, and a slider for each of its sides.
#[component]
fn Plane(PlaneProps { performed, dispatch }: &PlaneProps) -> Html {
    let moods = performed.rendering.gestures.iter().rev().filter_map(|gesture| match gesture.kind {
        GestureKind::Mood { energy, valence } => Some((energy, valence)),
        GestureKind::Beat { .. } => None,
    });
    let (energy, valence) = moods.into_iter().next().unwrap_or_default();
    let is_down = use_mut_ref(|| false);
    let at = |event: &PointerEvent| -> Option<Action> {
        let plane: Element = event.target()?.dyn_into().ok()?;
        let place = plane.get_bounding_client_rect();
        let side = |from_low: f64, length: f64| {
            (200.0 * from_low / length.max(1.0) - 100.0).clamp(-100.0, 100.0).round() as i8
        };
        Some(Action::SetMood {
            energy: side(place.bottom() - f64::from(event.client_y()), place.height()),
            valence: side(f64::from(event.client_x()) - place.left(), place.width()),
        })
    };
    let onpointerdown = {
        let (dispatch, is_down) = (dispatch.clone(), is_down.clone());
        Callback::from(move |event: PointerEvent| {
            if let Some(plane) = event.target().and_then(|target| target.dyn_into::<Element>().ok())
                && let Err(error) = plane.set_pointer_capture(event.pointer_id())
            {
                web_sys::console::debug_1(&error);
            }
            *is_down.borrow_mut() = true;
            at(&event).into_iter().for_each(|action| dispatch.emit(action));
        })
    };
    let onpointermove = {
        let is_down = is_down.clone();
        when(dispatch, move |event: PointerEvent| if *is_down.borrow() { at(&event) } else { None })
    };
    let up = Callback::from(move |_: PointerEvent| *is_down.borrow_mut() = false);
    let on_energy = when(dispatch, move |event: InputEvent| {
        Some(Action::SetMood { energy: value_of(&event).parse().ok()?, valence })
    });
    let on_valence = when(dispatch, move |event: InputEvent| {
        Some(Action::SetMood { energy, valence: value_of(&event).parse().ok()? })
    });
    let place = format!("left: {}%; bottom: {}%", 50 + i32::from(valence) / 2, 50 + i32::from(energy) / 2);
    html! {
        <div class="moods" role="group" aria-label="Energy and mood">
            <div class="plane" aria-hidden="true" {onpointerdown} {onpointermove} onpointerup={up.clone()} onpointercancel={up}>
                <span class="angry">{ "angry" }</span><span class="happy">{ "happy" }</span>
                <span class="sad">{ "sad" }</span><span class="tender">{ "tender" }</span>
                <span class="thumb" style={place} />
            </div>
            <label>{ "Energy" }
                <input type="range" min="-100" max="100" step="10" value={energy.to_string()}
                    aria-valuetext={side(energy, "calm", "vigorous")} oninput={on_energy} />
            </label>
            <label>{ "Mood" }
                <input type="range" min="-100" max="100" step="10" value={valence.to_string()}
                    aria-valuetext={side(valence, "sad", "happy")} oninput={on_valence} />
            </label>
        </div>
    }
}

/// "60 % happy".
fn side(value: i8, low: &str, high: &str) -> String {
    match value {
        0 => "in the middle".to_owned(),
        value if value < 0 => format!("{} % {low}", -i32::from(value)),
        value => format!("{value} % {high}"),
    }
}
