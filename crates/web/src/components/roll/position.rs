use std::rc::Rc;

use session::roll::{Landmark, Scale};
use session::{Span, format};
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use crate::hooks::RollHandle;
use crate::js;
use crate::roll::{Look, RollNodes};

/// How far keys move, in microseconds.
const STEP_US: i64 = 5_000_000;
const FINE_STEP_US: i64 = 1_000_000;
const PAGE_US: i64 = 30_000_000;
/// Keys that follow each other within this time add up.
const FOLLOW_MS: f64 = 600.0;
/// A span that is shorter unmarks.
const SHORTEST_SPAN_US: u64 = 250_000;

#[derive(Properties, PartialEq)]
pub struct PositionProps {
    pub nodes: RollNodes,
    pub look: Look,
    /// Time, pace, loudness and key at the play-head.
    pub text: AttrValue,
    pub is_playing: bool,
    /// Whether there is no performance to go anywhere in.
    pub is_idle: bool,
    pub mark: Option<Span>,
    pub landmarks: Rc<Vec<Landmark>>,
    pub handle: RollHandle,
    pub on_seek: Callback<u64>,
    pub on_mark: Callback<Option<Span>>,
}

/// A pointer over the strip, in microseconds since the primer's end.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Aim {
    at_us: u64,
    /// Where it went down with Shift.
    from_us: Option<u64>,
}

/// The overview of the whole performance, which is a slider. A click or a drag seeks; with Shift, a drag marks
/// a span.
#[component]
pub fn Position(props: &PositionProps) -> Html {
    let aim = use_state(|| None::<Aim>);
    let is_down = use_mut_ref(|| false);
    let is_focused = use_state(|| false);
    let told = use_mut_ref(AttrValue::default);
    // A screen reader reads each new value of a slider that has the focus. While it plays, only those that
    // the visitor has asked for.
    let is_asked = use_mut_ref(|| true);
    if !*is_focused || !props.is_playing || is_asked.replace(false) {
        *told.borrow_mut() = props.text.clone();
    }
    let at = {
        let look = props.look;
        let end_us = props.handle.head_and_end_us().1;
        move |event: &PointerEvent| time_at(event, look).min(end_us)
    };
    let onpointerdown = {
        let (aim, is_down, is_idle) = (aim.setter(), is_down.clone(), props.is_idle);
        Callback::from(move |event: PointerEvent| {
            if event.button() != 0 || is_idle {
                return;
            }
            if let Some(strip) = strip_of(&event)
                && let Err(error) = strip.set_pointer_capture(event.pointer_id())
            {
                web_sys::console::debug_1(&error);
            }
            *is_down.borrow_mut() = true;
            let at_us = at(&event);
            aim.set(Some(Aim { at_us, from_us: event.shift_key().then_some(at_us) }));
        })
    };
    let onpointermove = {
        let (aim, is_idle) = (aim.clone(), props.is_idle);
        Callback::from(move |event: PointerEvent| {
            if !is_idle {
                aim.set(Some(Aim { at_us: at(&event), from_us: aim.and_then(|aim| aim.from_us) }));
            }
        })
    };
    let onpointerup = {
        let (aim, is_down) = (aim.clone(), is_down.clone());
        let (on_seek, on_mark) = (props.on_seek.clone(), props.on_mark.clone());
        Callback::from(move |event: PointerEvent| {
            if !is_down.replace(false) {
                return;
            }
            let at_us = at(&event);
            match aim.and_then(|aim| aim.from_us) {
                Some(from_us) => on_mark.emit(span(from_us, at_us)),
                None => on_seek.emit(at_us),
            }
            aim.set(None);
        })
    };
    let leave = {
        let aim = aim.setter();
        Callback::from(move |_: PointerEvent| {
            *is_down.borrow_mut() = false;
            aim.set(None);
        })
    };
    // Where the last key led and when, because the play-head follows some time later.
    let led = use_mut_ref(|| (0, f64::NEG_INFINITY));
    let onkeydown = {
        let (handle, on_seek, is_idle) = (props.handle.clone(), props.on_seek.clone(), props.is_idle);
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.alt_key() || event.meta_key() || is_idle {
                return;
            }
            let (head_us, end_us) = handle.head_and_end_us();
            let (led_us, led_ms) = *led.borrow();
            let head_us = if js::now_ms() - led_ms < FOLLOW_MS { led_us } else { head_us };
            let Some(at_us) = after_key(&event.key(), event.shift_key(), head_us, end_us) else { return };
            event.prevent_default();
            *led.borrow_mut() = (at_us, js::now_ms());
            *is_asked.borrow_mut() = true;
            on_seek.emit(at_us);
        })
    };
    let focus = |is_now: bool| {
        let is_focused = is_focused.setter();
        Callback::from(move |_: FocusEvent| is_focused.set(is_now))
    };
    let Look { position_us, end_us, .. } = props.look;
    let mark = aim.and_then(|aim| span(aim.from_us?, aim.at_us)).or(props.mark);
    let left = |at_us: u64| format!("left: {:.3}%", props.look.percent(at_us));
    html! {
        <div class="position" role="slider" tabindex="0" aria-label="Position" aria-valuemin="0"
            aria-valuemax={(end_us / 1_000_000).to_string()} aria-valuenow={(position_us / 1_000_000).to_string()}
            aria-valuetext={told.borrow().clone()} aria-disabled={props.is_idle.then_some("true")}
            {onkeydown} onfocus={focus(true)} onblur={focus(false)}
            {onpointerdown} {onpointermove} {onpointerup} onpointerleave={leave.clone()} onpointercancel={leave}>
            if props.look.primer_us > 0 && !props.is_idle {
                <span class="primer" style={format!("width: {:.3}%", props.look.percent(0))} />
            }
            if let Some(mark) = mark {
                <span class="mark" style={format!("left: {:.3}%; right: {:.3}%",
                    props.look.percent(mark.from_us), 100.0 - props.look.percent(mark.to_us))} />
            }
            <canvas ref={props.nodes.strip.clone()} aria-hidden="true" />
            { for props.landmarks.iter().map(|landmark| html! { <span class="tick" style={left(landmark.at_us)} /> }) }
            <span class="head" ref={props.nodes.head.clone()} />
            if let Some(aim) = *aim {
                <span class={classes!("aim", (props.look.percent(aim.at_us) > 90.0).then_some("late"))} style={left(aim.at_us)}><span>{ format::clock(aim.at_us / 1_000_000) }</span></span>
            }
        </div>
    }
}

/// Where a key leads to from `head_us`.
fn after_key(key: &str, is_fine: bool, head_us: u64, end_us: u64) -> Option<u64> {
    let step_us = if is_fine { FINE_STEP_US } else { STEP_US };
    let by = |us: i64| head_us.saturating_add_signed(us).min(end_us);
    Some(match key {
        "ArrowLeft" | "ArrowDown" => by(-step_us),
        "ArrowRight" | "ArrowUp" => by(step_us),
        "PageDown" => by(-PAGE_US),
        "PageUp" => by(PAGE_US),
        "Home" => 0,
        "End" => end_us,
        _ => return None,
    })
}

/// Between two places, if they are far enough apart.
fn span(a_us: u64, b_us: u64) -> Option<Span> {
    let (from_us, to_us) = (a_us.min(b_us), a_us.max(b_us));
    (to_us - from_us >= SHORTEST_SPAN_US).then_some(Span { from_us, to_us })
}

/// The time under a pointer, in microseconds since the primer's end.
fn time_at(event: &PointerEvent, look: Look) -> u64 {
    let Some(strip) = strip_of(event) else { return 0 };
    let edges = strip.get_bounding_client_rect();
    let scale = Scale { length_us: look.length_us, width_px: edges.width() };
    scale.at_us(f64::from(event.client_x()) - edges.left()).saturating_sub(look.primer_us)
}

fn strip_of(event: &PointerEvent) -> Option<Element> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    target.closest(".position").ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_move_within_the_music() {
        let after = |key, head_secs: u64| {
            after_key(key, false, head_secs * 1_000_000, 100_000_000).map(|us| us / 1_000_000)
        };
        assert_eq!((after("ArrowRight", 10), after("ArrowLeft", 10)), (Some(15), Some(5)));
        assert_eq!((after("ArrowLeft", 3), after("PageUp", 90)), (Some(0), Some(100)));
        assert_eq!((after("Home", 50), after("End", 50), after("x", 50)), (Some(0), Some(100), None));
        assert_eq!(after_key("ArrowUp", true, 0, 100_000_000), Some(1_000_000));
    }
}
