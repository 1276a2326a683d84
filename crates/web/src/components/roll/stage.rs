use std::collections::BTreeMap;

use gloo::events::{EventListener, EventListenerOptions};
use session::roll::Zoom;
use session::shortcuts::Shortcut;
use wasm_bindgen::JsCast;
use web_sys::{Element, WheelEvent};
use yew::prelude::*;

use crate::hooks::{RollHandle, shortcut_of};

/// A pointer that moves further than this does not click.
const CLICK_PX: f64 = 6.0;
/// What turning a wheel by so many pixels enlarges by e. Larger is slower.
const WHEEL_PX: f64 = 300.0;

/// A place in the window, in CSS pixels.
type Place = (f64, f64);
/// Pointers that are down, by their numbers: where they went down, and where they are.
type Pointers = BTreeMap<i32, (Place, Place)>;

#[derive(Properties, PartialEq)]
pub struct StageProps {
    pub canvas: NodeRef,
    pub is_empty: bool,
    /// What the page is waiting for.
    pub waiting_for: Option<AttrValue>,
    pub zoom: Zoom,
    pub on_zoom: Callback<Zoom>,
    pub handle: RollHandle,
    pub on_seek: Callback<u64>,
}

/// The notes and the keys. A click seeks; Ctrl and the wheel, or two fingers, zoom.
#[component]
pub fn Stage(props: &StageProps) -> Html {
    use_wheel(&props.canvas, props.zoom, &props.on_zoom);
    use_zoom_keys(props.zoom, &props.on_zoom);
    let pointers = use_mut_ref(Pointers::new);
    let place = |event: &PointerEvent| (f64::from(event.client_x()), f64::from(event.client_y()));
    let onpointerdown = {
        let pointers = pointers.clone();
        Callback::from(move |event: PointerEvent| {
            if event.button() == 0 {
                pointers.borrow_mut().insert(event.pointer_id(), (place(&event), place(&event)));
            }
        })
    };
    let onpointermove = {
        let (pointers, zoom, on_zoom) = (pointers.clone(), props.zoom, props.on_zoom.clone());
        Callback::from(move |event: PointerEvent| {
            let mut pointers = pointers.borrow_mut();
            let before = spread(&pointers);
            if let Some((_, now)) = pointers.get_mut(&event.pointer_id()) {
                *now = place(&event);
            }
            if let (Some(before), Some(after)) = (before, spread(&pointers)) {
                on_zoom.emit(zoom.by(after / before));
            }
        })
    };
    let onpointerup = {
        let (pointers, handle, on_seek) = (pointers.clone(), props.handle.clone(), props.on_seek.clone());
        Callback::from(move |event: PointerEvent| {
            let mut pointers = pointers.borrow_mut();
            let is_alone = pointers.len() == 1;
            let Some((down, _)) = pointers.remove(&event.pointer_id()) else { return };
            let is_click = is_alone && distance(down, place(&event)) < CLICK_PX;
            if let Some(at_us) = is_click.then(|| handle.time_at(height(&event))).flatten() {
                on_seek.emit(at_us);
            }
        })
    };
    let onpointercancel = Callback::from(move |event: PointerEvent| {
        pointers.borrow_mut().remove(&event.pointer_id());
    });
    html! {
        <>
            <canvas ref={props.canvas.clone()} role="img"
                aria-label="Notes that fall onto the keys of a piano, which light up as they sound"
                {onpointerdown} {onpointermove} {onpointerup} onpointerleave={onpointercancel.clone()} {onpointercancel} />
            if props.is_empty {
                <p class="empty">{ "Press Generate. It all happens here." }</p>
            }
            <p class="waiting" aria-live="polite">
                if let Some(waiting_for) = &props.waiting_for {
                    <span>{ waiting_for.clone() }</span>
                }
            </p>
        </>
    }
}

/// Ctrl and the wheel; touch pads send pinches so.
#[hook]
fn use_wheel(canvas: &NodeRef, zoom: Zoom, on_zoom: &Callback<Zoom>) {
    use_effect_with((canvas.clone(), zoom, on_zoom.clone()), |(canvas, zoom, on_zoom)| {
        let (zoom, on_zoom) = (*zoom, on_zoom.clone());
        let options = EventListenerOptions::enable_prevent_default();
        let listener = canvas.cast::<Element>().map(|canvas| {
            EventListener::new_with_options(&canvas, "wheel", options, move |event| {
                let event: &WheelEvent = event.unchecked_ref();
                if event.ctrl_key() {
                    event.prevent_default();
                    on_zoom.emit(zoom.by((-event.delta_y() / WHEEL_PX).exp()));
                }
            })
        });
        move || drop(listener)
    });
}

/// The keys + and −. The zoom is the roll's own.
#[hook]
fn use_zoom_keys(zoom: Zoom, on_zoom: &Callback<Zoom>) {
    use_effect_with((zoom, on_zoom.clone()), |(zoom, on_zoom)| {
        let (zoom, on_zoom) = (*zoom, on_zoom.clone());
        let listener =
            EventListener::new(&gloo::utils::document(), "keydown", move |event| {
                match shortcut_of(event.unchecked_ref()) {
                    Some(Shortcut::ZoomIn) => on_zoom.emit(zoom.enlarged()),
                    Some(Shortcut::ZoomOut) => on_zoom.emit(zoom.reduced()),
                    _ => {}
                }
            });
        move || drop(listener)
    });
}

/// How far apart two fingers are.
fn spread(pointers: &Pointers) -> Option<f64> {
    let mut places = pointers.values().map(|(_, now)| *now);
    match (places.next(), places.next(), places.next()) {
        (Some(a), Some(b), None) => Some(distance(a, b).max(1.0)),
        _ => None,
    }
}

fn distance(a: Place, b: Place) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// Below the top of the canvas.
fn height(event: &PointerEvent) -> f64 {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.map_or(0.0, |canvas| f64::from(event.client_y()) - canvas.get_bounding_client_rect().top())
}
