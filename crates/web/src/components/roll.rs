mod curves;
mod lane;
mod position;
mod section_list;
mod stage;
mod tools;

use std::rc::Rc;

use session::roll::{Landmark, RollSource, Zoom};
use session::{Action, Parent, Playback, Span, format};
use yew::prelude::*;

use crate::hooks::{Drawn, EngineLink, Theme, use_roll};
use crate::js;
use crate::player::PlayerHandle;
use crate::roll::{Look, RollNodes};
use curves::Curves;
use lane::Lane;
use position::Position;
use section_list::SectionList;
use stage::Stage;
use tools::Tools;

/// Storage key: how much the roll is enlarged, until the tab is closed.
const ZOOM_KEY: &str = "performance-rnn-zoom";
/// Storage key: whether the keys show what the network considers, until the tab is closed.
const CONSIDERED_KEY: &str = "performance-rnn-considered";

#[derive(Properties, PartialEq)]
pub struct RollProps {
    pub source: RollSource,
    pub playback: Playback,
    /// The span that is marked.
    pub mark: Option<Span>,
    pub theme: Theme,
    pub player: PlayerHandle,
    pub engine: EngineLink,
    /// What the page is waiting for.
    pub waiting_for: Option<AttrValue>,
    pub dispatch: Callback<Action>,
}

/// The piano roll on its keyboard, an overview above it, and below it what was changed.
#[component]
pub fn Roll(props: &RollProps) -> Html {
    let (roll, strip, head) = (use_node_ref(), use_node_ref(), use_node_ref());
    let nodes = RollNodes { roll, strip, head };
    let zoom =
        use_state(|| js::stored_in_tab(ZOOM_KEY).map_or_else(Zoom::default, |text| Zoom::from_value(&text)));
    let shows_considered =
        use_state(|| js::stored_in_tab(CONSIDERED_KEY).is_some_and(|text| text == "shown"));
    use_effect_with((*shows_considered, props.engine.clone()), |(is_shown, engine)| {
        engine.consider(*is_shown)
    });
    let look = use_state(Look::default);
    let are_sections_open = use_state(|| false);
    let take = props.source.take.as_ref();
    let key = take.map(|take| (take.id, take.kept_since(0).0, take.log.entries().len()));
    let changes = use_memo(key, |_| take.map_or_else(Vec::new, |take| take.changes()));
    let parent = take.and_then(|take| take.parent);
    let landmarks = use_memo((Rc::clone(&changes), parent), |(changes, parent)| {
        let branch = parent
            .map(|Parent { take, at_us, .. }| Landmark { at_us, title: format!("Branched from No. {take}") });
        let changes =
            changes.iter().map(|change| Landmark { at_us: change.at_us, title: change.label.clone() });
        let mut landmarks: Vec<Landmark> = branch.into_iter().chain(changes).collect();
        landmarks.sort_by_key(|landmark| landmark.at_us);
        landmarks
    });
    let on_look = {
        let look = look.setter();
        Callback::from(move |new| look.set(new))
    };
    let drawn = Drawn {
        source: &props.source,
        playback: props.playback,
        changes: &landmarks,
        theme: props.theme,
        zoom: *zoom,
        considered: shows_considered.then(|| props.engine.considered()),
    };
    let handle = use_roll(&nodes, &drawn, &props.player, on_look);
    let on_zoom = {
        let zoom = zoom.setter();
        Callback::from(move |new: Zoom| {
            js::store_in_tab(ZOOM_KEY, &new.value());
            zoom.set(new);
        })
    };
    let on_seek = props.dispatch.reform(|at_us| Action::Seek { at_us });
    let on_mark = props.dispatch.reform(Action::Mark);
    let sections_key = (look.n_blocks, look.primer_us, key, Rc::clone(&landmarks), *are_sections_open);
    let sections = use_memo(
        sections_key,
        |(.., landmarks, is_open)| {
            if *is_open { handle.sections(landmarks) } else { Vec::new() }
        },
    );
    let text = {
        let (position, end) = (look.position_us / 1_000_000, look.end_us / 1_000_000);
        format!("{} of {}, {}", format::clock(position), format::clock(end), handle.reading(look.position_us))
    };
    let on_considered = {
        let (setter, is_shown) = (shows_considered.setter(), *shows_considered);
        Callback::from(move |()| {
            js::store_in_tab(CONSIDERED_KEY, if is_shown { "hidden" } else { "shown" });
            setter.set(!is_shown);
        })
    };
    let on_sections = {
        let (setter, is_open) = (are_sections_open.setter(), *are_sections_open);
        Callback::from(move |()| setter.set(!is_open))
    };
    html! {
        <section class="roll" aria-label="Piano roll">
            <Position nodes={nodes.clone()} look={*look} {text} is_playing={props.playback == Playback::Playing}
                is_idle={take.is_none()} mark={props.mark} landmarks={Rc::clone(&landmarks)}
                handle={handle.clone()} on_seek={on_seek.clone()} {on_mark} />
            <div class="stage">
                <Tools zoom={*zoom} on_zoom={on_zoom.clone()} is_idle={take.is_none()}
                    are_sections_open={*are_sections_open} {on_sections}
                    shows_considered={*shows_considered} {on_considered} />
                if *are_sections_open {
                    <SectionList {sections} position_us={look.position_us} on_seek={on_seek.clone()} />
                }
                <Stage canvas={nodes.roll.clone()} is_empty={props.source == RollSource::default()}
                waiting_for={props.waiting_for.clone()} zoom={*zoom} on_zoom={on_zoom.clone()} {handle} {on_seek} />
            </div>
            if let Some(performed) = take.and_then(|take| take.performed.clone()) {
                <Curves {performed} look={*look} />
            } else if take.is_some() {
                <Lane {changes} look={*look} dispatch={props.dispatch.clone()} />
            }
        </section>
    }
}
