use std::rc::Rc;

use session::{Action, TakeChange, format};
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use crate::components::{Glyph, Icon};
use crate::roll::Look;

/// How far an arrow key moves a change, in microseconds.
const STEP_US: i64 = 1_000_000;
/// The same with Shift.
const FINE_STEP_US: i64 = 100_000;
/// A pointer that moves less does not drag.
const DRAG_PX: i32 = 4;

#[derive(Properties, PartialEq)]
pub struct LaneProps {
    pub changes: Rc<Vec<TakeChange>>,
    pub look: Look,
    pub dispatch: Callback<Action>,
}

/// A change that is being moved: which, and where it is now.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moved {
    entry: usize,
    to_us: u64,
    /// Where a pointer went down, while it is.
    down_px: Option<i32>,
}

/// Every change of the performance, where it was made. Points can be dragged, or moved by arrow keys and set by
/// Enter; Delete removes them. Both make a branch.
#[component]
pub fn Lane(props: &LaneProps) -> Html {
    let moved = use_state(|| None::<Moved>);
    if props.changes.is_empty() {
        return Html::default();
    }
    let set = {
        let (moved, dispatch) = (moved.clone(), props.dispatch.clone());
        let places: Vec<(usize, u64)> =
            props.changes.iter().map(|change| (change.entry, change.at_us)).collect();
        Callback::from(move |()| {
            let Some(Moved { entry, to_us, .. }) = *moved else { return };
            moved.set(None);
            if !places.contains(&(entry, to_us)) {
                dispatch.emit(Action::MoveChange { entry, to_us });
            }
        })
    };
    let mut changes: Vec<&TakeChange> = props.changes.iter().collect();
    changes.sort_by_key(|change| change.at_us);
    let ends = changes.iter().skip(1).map(|change| props.look.percent(change.at_us)).chain([100.0]);
    let points = changes.iter().copied().zip(ends.collect::<Vec<_>>());
    html! {
        <ul class="lane" aria-label="Changes">
            { for points.map(|(change, end)| point(props, change, end, &moved, &set)) }
        </ul>
    }
}

/// One change; its words have room until `end_percent`.
fn point(
    props: &LaneProps,
    change: &TakeChange,
    end_percent: f64,
    moved: &UseStateHandle<Option<Moved>>,
    set: &Callback<()>,
) -> Html {
    let (entry, look) = (change.entry, props.look);
    let here = moved.filter(|moved| moved.entry == entry);
    let at_us = here.map_or(change.at_us, |moved| moved.to_us);
    let name = format!("{} at {}", change.label, clock(at_us));
    let onpointerdown = {
        let moved = moved.setter();
        Callback::from(move |event: PointerEvent| {
            if event.button() != 0 {
                return;
            }
            if let Some(button) = event.target().and_then(|target| target.dyn_into::<Element>().ok())
                && let Err(error) = button.set_pointer_capture(event.pointer_id())
            {
                web_sys::console::debug_1(&error);
            }
            moved.set(Some(Moved { entry, to_us: at_us, down_px: Some(event.client_x()) }));
        })
    };
    let onpointermove = {
        let (moved, begin_us) = (moved.clone(), change.at_us);
        Callback::from(move |event: PointerEvent| {
            let Some(Moved { down_px: Some(down_px), .. }) = here else { return };
            let by_px = event.client_x() - down_px;
            if by_px.abs() >= DRAG_PX {
                let by_us = f64::from(by_px) * look.length_us as f64 / lane_px(&event);
                let to_us = begin_us.saturating_add_signed(by_us as i64).min(look.end_us);
                moved.set(Some(Moved { entry, to_us, down_px: Some(down_px) }));
            }
        })
    };
    let cancel = {
        let moved = moved.setter();
        Callback::from(move |_: PointerEvent| moved.set(None))
    };
    let onkeydown = {
        let (moved, dispatch, set) = (moved.setter(), props.dispatch.clone(), set.clone());
        Callback::from(move |event: KeyboardEvent| {
            let step_us = if event.shift_key() { FINE_STEP_US } else { STEP_US };
            let by_us = match event.key().as_str() {
                "ArrowLeft" | "ArrowDown" => -step_us,
                "ArrowRight" | "ArrowUp" => step_us,
                "Enter" => {
                    event.prevent_default();
                    return set.emit(());
                }
                "Delete" | "Backspace" => {
                    event.prevent_default();
                    moved.set(None);
                    return dispatch.emit(Action::RemoveChange { entry });
                }
                _ => return,
            };
            event.prevent_default();
            let to_us = at_us.saturating_add_signed(by_us).min(look.end_us);
            moved.set(Some(Moved { entry, to_us, down_px: None }));
        })
    };
    let (left, room) = (look.percent(at_us), (end_percent - look.percent(at_us)).max(0.0));
    html! {
        <li key={entry} style={format!("left: {left:.3}%; width: {room:.3}%")} class={classes!(here.map(|_| "moved"))}>
            <button type="button" class="point" data-arrows="true" aria-label={name.clone()} title={format!("{name}. Drag it, or arrow keys and Enter; Delete removes it.")}
                {onpointerdown} {onpointermove} onpointerup={set.reform(|_: PointerEvent| ())} onpointercancel={cancel}
                onblur={set.reform(|_: FocusEvent| ())} {onkeydown} />
            <span class="words" aria-hidden="true">{ if here.is_some() { clock(at_us) } else { change.label.clone() } }</span>
            <button type="button" class="remove" aria-label={format!("Remove {name}")} title="Remove"
                onclick={props.dispatch.reform(move |_| Action::RemoveChange { entry })}>
                <Icon glyph={Glyph::Cross} />
            </button>
        </li>
    }
}

/// `0:42.5`: a point is placed more finely than to a second.
fn clock(at_us: u64) -> String {
    format!("{}.{}", format::clock(at_us / 1_000_000), at_us / 100_000 % 10)
}

/// The width of the lane under a point.
fn lane_px(event: &PointerEvent) -> f64 {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let lane = target.and_then(|point| point.closest(".lane").ok().flatten());
    lane.map_or(1.0, |lane| f64::from(lane.client_width()).max(1.0))
}
