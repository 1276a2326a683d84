use yew::prelude::*;

use crate::hooks::{Theme, use_roll};
use crate::player::PlayerHandle;
use session::Playback;
use session::roll::RollSource;

#[derive(Properties, PartialEq)]
pub struct RollProps {
    pub source: RollSource,
    pub playback: Playback,
    pub theme: Theme,
    pub player: PlayerHandle,
    /// What the page is waiting for.
    pub waiting_for: Option<AttrValue>,
}

/// The piano roll on its keyboard.
#[component]
pub fn Roll(props: &RollProps) -> Html {
    let canvas = use_node_ref();
    use_roll(&canvas, &props.source, props.playback, props.theme, &props.player);
    let is_empty = props.source == RollSource::default();
    html! {
        <section class="roll" aria-label="Piano roll">
            <canvas ref={canvas} role="img" aria-label="The notes as they fall onto the keys of a piano" />
            if is_empty {
                <p class="empty">{ "Press Generate. It all happens here." }</p>
            }
            <p class="waiting" aria-live="polite">
                if let Some(waiting_for) = &props.waiting_for {
                    <span>{ waiting_for.clone() }</span>
                }
            </p>
        </section>
    }
}
