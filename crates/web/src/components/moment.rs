use session::shape::PITCH_CLASS_NAMES;
use session::{Action, Span, State, format};
use yew::prelude::*;

use super::{Glyph, Icon, value_of};
use crate::player::{Player, PlayerHandle};

/// How far a span can be transposed, in semitones.
const MAX_SEMITONES: i8 = 12;

#[derive(Properties, PartialEq)]
pub struct MomentProps {
    pub state: UseReducerHandle<crate::store::Store>,
    pub player: PlayerHandle,
    pub dispatch: Callback<Action>,
    pub on_branch: Callback<()>,
    pub on_versions: Callback<()>,
}

/// What can be done at the play-head: go on another way, choose among versions, mark, loop, bring back.
#[component]
pub fn Moment(props: &MomentProps) -> Html {
    let semitones = use_state(|| 0_i8);
    let state: &State = &props.state;
    if state.takes.current().is_none_or(|take| take.n_notes() == 0) {
        return Html::default();
    }
    let act = |action: Action| props.dispatch.reform(move |_: MouseEvent| action.clone());
    let at_head = |make: fn(u64, Option<Span>) -> Option<Span>| {
        let (dispatch, player, mark) = (props.dispatch.clone(), props.player.clone(), state.mark);
        Callback::from(move |_: MouseEvent| {
            dispatch.emit(Action::Mark(make(player.with(Player::heard_us), mark)));
        })
    };
    let from_here = at_head(|at_us, mark| {
        let to_us = mark.map(|mark| mark.to_us).filter(|&to_us| to_us > at_us);
        Some(Span { from_us: at_us, to_us: to_us.unwrap_or(at_us + 4_000_000) })
    });
    let to_here = at_head(|at_us, mark| {
        let from_us = mark.map(|mark| mark.from_us).filter(|&from_us| from_us < at_us);
        Some(Span { from_us: from_us.unwrap_or(at_us.saturating_sub(4_000_000)), to_us: at_us })
    });
    let bring_back = {
        let (dispatch, player, semitones) = (props.dispatch.clone(), props.player.clone(), *semitones);
        Callback::from(move |_: MouseEvent| {
            dispatch.emit(Action::BringBack { at_us: player.with(Player::heard_us), semitones });
        })
    };
    let on_semitones = {
        let semitones = semitones.setter();
        Callback::from(move |event: Event| semitones.set(value_of(&event).parse().unwrap_or(0)))
    };
    let is_looping = state.transport.is_looping;
    html! {
        <section class="moment" aria-label="At this moment">
            <button type="button" onclick={props.on_branch.reform(|_| ())} title="Go on another way from here (B)">
                <Icon glyph={Glyph::Branch} />{ "Branch" }
            </button>
            <Versions state={props.state.clone()} dispatch={props.dispatch.clone()} on_versions={props.on_versions.clone()} />
            <span class="group" role="group" aria-label="Marked span">
                <button type="button" onclick={from_here} title="The span begins at the play-head">{ "Mark from here" }</button>
                <button type="button" onclick={to_here} title="The span ends at the play-head">{ "Mark to here" }</button>
                if let Some(mark) = state.mark {
                    <span class="small">{ span_label(mark) }</span>
                    <button type="button" class={classes!("toggle", is_looping.then_some("on"))}
                        aria-pressed={is_looping.to_string()} title="Play the span over and over (L)"
                        onclick={act(Action::SetLooping(!is_looping))}><Icon glyph={Glyph::Loop} />{ "Loop" }</button>
                    if state.performed().is_none() {
                        <button type="button" onclick={bring_back} title="Play the span again from here, and go on from it">
                            <Icon glyph={Glyph::Return} />{ "Bring back" }
                        </button>
                        <select aria-label="Transposed by" title="Transposed by" onchange={on_semitones}>
                            { for (-MAX_SEMITONES..=MAX_SEMITONES).rev().map(|by| html! {
                                <option value={by.to_string()} selected={by == *semitones}>{ interval(by) }</option>
                            }) }
                        </select>
                    }
                    <button type="button" class="round" aria-label="Unmark" title="Unmark" onclick={act(Action::Mark(None))}>
                        <Icon glyph={Glyph::Cross} />
                    </button>
                }
            </span>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct VersionsProps {
    state: UseReducerHandle<crate::store::Store>,
    dispatch: Callback<Action>,
    on_versions: Callback<()>,
}

/// Four ways to go on, to switch between while they play.
#[component]
fn Versions(VersionsProps { state, dispatch, on_versions }: &VersionsProps) -> Html {
    let versions = &state.transport.versions;
    let current = state.takes.list().current();
    html! {
        <>
            <button type="button" onclick={on_versions.reform(|_| ())} title="Four ways on from here, side by side (V)">
                { "Four versions" }
            </button>
            if !versions.is_empty() {
                <span class="group" role="group" aria-label="Versions">
                    { for versions.iter().enumerate().map(|(index, &take)| {
                        let is_chosen = current == Some(take);
                        html! {
                            <button type="button" key={index} class={classes!("version", is_chosen.then_some("on"))}
                                aria-label={format!("Version {}", index + 1)} aria-pressed={is_chosen.to_string()}
                                title={format!("Key {}", index + 1)}
                                onclick={dispatch.reform(move |_| Action::Choose(index))}>{ index + 1 }</button>
                        }
                    }) }
                    <button type="button" title="The others stay in the list"
                        onclick={dispatch.reform(|_| Action::KeepVersion)}>{ "Keep this one" }</button>
                </span>
            }
        </>
    }
}

fn span_label(span: Span) -> String {
    let clock = |us: u64| format::clock(us / 1_000_000);
    format!("{} to {}", clock(span.from_us), clock(span.to_us))
}

/// "as it was", "up 5 (C to F)".
fn interval(semitones: i8) -> String {
    let to = PITCH_CLASS_NAMES[usize::from(semitones.rem_euclid(12).unsigned_abs())];
    match semitones {
        0 => "as it was".into(),
        up @ 1.. => format!("up {up} (C to {to})"),
        down => format!("down {} (C to {to})", -down),
    }
}
