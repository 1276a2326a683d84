use yew::prelude::*;

use super::{Glyph, Icon, VolumeField};
use session::format;
use session::{Action, OutputChoice, State, WithPrimer};

#[derive(Properties, PartialEq)]
pub struct TransportProps {
    pub state: UseReducerHandle<crate::store::Store>,
    pub dispatch: Callback<Action>,
    pub on_generate: Callback<()>,
    pub on_stop: Callback<()>,
    /// Pauses, or plays on.
    pub on_pause: Callback<()>,
    pub is_shape_open: bool,
    pub on_shape: Callback<()>,
    pub is_perform_open: bool,
    pub on_perform: Callback<()>,
    pub on_download: Callback<()>,
    pub on_record: Callback<()>,
    pub on_share: Callback<()>,
    pub with_primer: WithPrimer,
    pub on_with_primer: Callback<WithPrimer>,
}

/// Generate, Stop, the time, downloads and volume.
#[component]
pub fn Transport(props: &TransportProps) -> Html {
    let state: &State = &props.state;
    let take = state.takes.current().filter(|take| take.n_notes() > 0);
    // Also what a link promises.
    let is_playable = take.is_some() || state.takes.current().is_some_and(|take| take.awaited().is_some());
    let title = take.map(|take| {
        let length = format::clock(take.music_us() / 1_000_000);
        format!("{length}, {}", format::count(take.n_notes(), "note"))
    });
    html! {
        <section class="transport" aria-label="Transport">
            <button type="button" class="generate" onclick={props.on_generate.reform(|_| ())} title="Space">
                <Icon glyph={Glyph::Dot} />{ "Generate" }
            </button>
            <button type="button" class={classes!("stop", (!state.is_running()).then_some("idle"))}
                onclick={props.on_stop.reform(|_| ())} title="Esc">
                <Icon glyph={Glyph::Square} />{ "Stop" }
            </button>
            if state.performed().is_some() {
                <button type="button" class={classes!("toggle", props.is_perform_open.then_some("on"))}
                    aria-expanded={props.is_perform_open.to_string()} aria-controls="perform"
                    title="How the score is performed (E)"
                    onclick={props.on_perform.reform(|_| ())}><Icon glyph={Glyph::Sliders} />{ "Perform" }</button>
            } else {
                <button type="button" class={classes!("toggle", props.is_shape_open.then_some("on"))}
                    aria-expanded={props.is_shape_open.to_string()} aria-controls="shape" title="Density, notes, dynamics (H)"
                    onclick={props.on_shape.reform(|_| ())}><Icon glyph={Glyph::Sliders} />{ "Shape" }</button>
            }
            <PauseButton is_playing={state.is_sounding()} {is_playable} on_pause={props.on_pause.clone()} />
            <span class="time" aria-label="Time played">{ format::clock(state.transport.position_secs()) }</span>
            <span class="spacer" />
            <span class="download">
                <button type="button" disabled={take.is_none()} title={title.unwrap_or_else(|| "D".into())}
                    onclick={props.on_download.reform(|_| ())}>
                    <Icon glyph={Glyph::Download} />{ "Download MIDI" }
                </button>
                <RecordButton recording={state.recording.map(|(_, percent)| percent)} is_idle={take.is_none()}
                    on_record={props.on_record.clone()} />
                <ShareButton is_empty={take.is_none()} is_playing={state.is_sounding()}
                    on_share={props.on_share.clone()} />
                if take.is_some_and(|take| take.primer.is_some()) {
                    <WithPrimerField value={props.with_primer} on_change={props.on_with_primer.clone()} />
                }
            </span>
            <VolumeField value={state.settings.volume} dispatch={props.dispatch.clone()}
                is_piano={state.outputs.choice == OutputChoice::Piano} />
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct PauseButtonProps {
    is_playing: bool,
    /// There is something to pause or to play.
    is_playable: bool,
    on_pause: Callback<()>,
}

#[component]
fn PauseButton(PauseButtonProps { is_playing, is_playable, on_pause }: &PauseButtonProps) -> Html {
    let (glyph, label) =
        if *is_playing || !is_playable { (Glyph::Pause, "Pause") } else { (Glyph::Triangle, "Play") };
    html! {
        <button type="button" class={classes!("pause", (!is_playable).then_some("unseen"))} title="P" disabled={!is_playable} onclick={on_pause.reform(|_| ())}>
            <Icon {glyph} />{ label }
        </button>
    }
}

#[derive(Properties, PartialEq)]
struct RecordButtonProps {
    /// How much of a recording is done, in percent.
    recording: Option<u8>,
    is_idle: bool,
    on_record: Callback<()>,
}

/// Sound as a file, and how far it is.
#[component]
fn RecordButton(props: &RecordButtonProps) -> Html {
    let (label, title, glyph) = match props.recording {
        Some(_) => ("Cancel audio", "Make no file of sound", Glyph::Cross),
        None => ("Download audio", "As the built-in piano plays it: a WAV file", Glyph::Wave),
    };
    html! {
        <button type="button" class="record" disabled={props.is_idle && props.recording.is_none()} aria-label={label}
            {title} onclick={props.on_record.reform(|_| ())}>
            <Icon {glyph} /><span class="words">{ label }</span>
            { for props.recording.map(|percent| html! { <span class="percent">{ format!("{percent} %") }</span> }) }
        </button>
    }
}

#[derive(Properties, PartialEq)]
struct ShareButtonProps {
    is_empty: bool,
    is_playing: bool,
    on_share: Callback<()>,
}

/// A link to the performance.
#[component]
fn ShareButton(ShareButtonProps { is_empty, is_playing, on_share }: &ShareButtonProps) -> Html {
    let title = match (is_empty, is_playing) {
        (true, _) => "There is nothing to share yet",
        (_, true) => "While it plays, it is not known yet what the link would bring: stop first",
        _ => "Copies a link that brings this performance, note for note",
    };
    html! {
        <button type="button" class="share" disabled={*is_empty || *is_playing} {title} onclick={on_share.reform(|_| ())}>
            <Icon glyph={Glyph::Link} />{ "Share" }
        </button>
    }
}

#[derive(Properties, PartialEq)]
struct WithPrimerFieldProps {
    value: WithPrimer,
    on_change: Callback<WithPrimer>,
}

#[component]
fn WithPrimerField(props: &WithPrimerFieldProps) -> Html {
    let value = props.value;
    let other = if value == WithPrimer::Yes { WithPrimer::No } else { WithPrimer::Yes };
    html! {
        <label class="check">
            <input type="checkbox" checked={value == WithPrimer::Yes} onchange={props.on_change.reform(move |_| other)} />
            { "with the primer" }
        </label>
    }
}
