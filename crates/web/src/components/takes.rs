use std::rc::Rc;

use yew::prelude::*;

use super::{Glyph, Icon};
use session::Take;
use session::format;
use session::protocol::TakeId;

#[derive(Properties, PartialEq)]
pub struct TakesProps {
    pub current: Option<Rc<Take>>,
    pub earlier: Vec<Rc<Take>>,
    pub on_play: Callback<TakeId>,
    pub on_save: Callback<Rc<Take>>,
    pub on_record: Callback<Rc<Take>>,
    /// One file of sound at a time.
    pub is_recording: bool,
    pub on_forget: Callback<TakeId>,
}

/// The performances so far.
#[component]
pub fn Takes(props: &TakesProps) -> Html {
    let current = props.current.as_ref().filter(|take| take.n_notes() > 0 && take.is_complete);
    if current.is_none() && props.earlier.is_empty() {
        return Html::default();
    }
    let line = |take: &Rc<Take>, is_current: bool| {
        let id = take.id;
        let with_take = |callback: &Callback<Rc<Take>>| {
            let take = Rc::clone(take);
            callback.reform(move |_: MouseEvent| Rc::clone(&take))
        };
        let name = |what: &str| format!("{what} performance {id}");
        html! {
            <li key={id}>
                <span class="name">
                    { format!("No. {id}") }
                    <span class="small">{ describe(take) }</span>
                </span>
                <button type="button" class="round" aria-label={name("Play")} title="Play again"
                    onclick={props.on_play.reform(move |_| id)}><Icon glyph={Glyph::Triangle} /></button>
                <button type="button" class="round" aria-label={name("Save")} title="Save as MIDI"
                    onclick={with_take(&props.on_save)}><Icon glyph={Glyph::Download} /></button>
                <button type="button" class="round" aria-label={name("Save the sound of")} title="Save as audio"
                    disabled={props.is_recording}
                    onclick={with_take(&props.on_record)}><Icon glyph={Glyph::Wave} /></button>
                if !is_current {
                    <button type="button" class="round" aria-label={name("Remove")} title="Remove"
                        onclick={props.on_forget.reform(move |_| id)}><Icon glyph={Glyph::Cross} /></button>
                }
            </li>
        }
    };
    html! {
        <section class="takes" aria-label="Performances">
            <h2>{ "Performances" }</h2>
            <ul>
                { for current.map(|take| line(take, true)) }
                { for props.earlier.iter().map(|take| line(take, false)) }
            </ul>
        </section>
    }
}

fn describe(take: &Take) -> String {
    let mut facts = vec![
        format::clock(take.music_us() / 1_000_000),
        format::count(take.n_notes(), "note"),
        format!("seed {}", format::grouped(take.seed)),
        format!("temperature {:.2}", take.log.sampling_at(0).temperature),
    ];
    facts.extend(take.primer.as_ref().map(|primer| format!("after {}", primer.name)));
    facts.join(" · ")
}
