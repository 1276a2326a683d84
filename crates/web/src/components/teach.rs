//! Teaching the piano somebody's own music.

mod curve;
mod models;

use js_sys::Array;
use session::doors;
use session::teach::{MusicReport, Phase, Teach};
use web_sys::{DragEvent, HtmlInputElement};
use yew::prelude::*;

use super::value_of;
use crate::dropped;
use crate::hooks::TeachLink;
use curve::Curve;
use models::Models;

#[derive(Properties, PartialEq)]
pub struct TeachPanelProps {
    pub teach: Teach,
    pub link: TeachLink,
}

/// Files in, learning, and what came of it.
#[component]
pub fn TeachPanel(TeachPanelProps { teach, link }: &TeachPanelProps) -> Html {
    let is_open = use_state(|| false);
    let toggle = {
        let (is_open, link) = (is_open.clone(), link.clone());
        Callback::from(move |_: MouseEvent| {
            if !*is_open {
                link.open();
            }
            is_open.set(!*is_open);
        })
    };
    html! {
        <section class="teach" aria-label="Teach it your music">
            <button type="button" aria-expanded={is_open.to_string()} onclick={toggle}>{ "Teach" }</button>
            if *is_open {
                <p>{ "Bring MIDI files, and the piano learns to play more like them. Everything stays on this \
                    computer, and the piano can go on playing meanwhile." }</p>
                <FilesField link={link.clone()} is_busy={teach.is_busy()} />
                if let Some(report) = &teach.report {
                    <Report report={report.clone()} line={teach.music_line().unwrap_or_default()} />
                }
                <PlaceField teach={teach.clone()} link={link.clone()} />
                <Buttons teach={teach.clone()} link={link.clone()} />
                <p role="status" aria-live="polite">{ teach.status() }</p>
                if let Some(problem) = &teach.problem {
                    <p role="alert" class="problem">{ problem.clone() }</p>
                }
                <Curve learned={teach.learned.clone()} set_aside={teach.set_aside.clone()} planned={teach.events.1} />
                <Models models={teach.models.clone()} playing={teach.playing.clone()} link={link.clone()} />
            }
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct FilesFieldProps {
    link: TeachLink,
    /// No other music is taken now.
    is_busy: bool,
}

/// Where music comes in: chosen files, a chosen folder, or dropped ones.
#[component]
fn FilesField(FilesFieldProps { link, is_busy }: &FilesFieldProps) -> Html {
    let onchange = {
        let link = link.clone();
        Callback::from(move |event: Event| {
            let Some(input) = event.target_dyn_into::<HtmlInputElement>() else { return };
            let files = input.files().map(|files| Array::from(&files)).unwrap_or_default();
            // So that choosing the same files again is a change again.
            input.set_value("");
            link.read(&files);
        })
    };
    let ondrop = {
        let (link, is_busy) = (link.clone(), *is_busy);
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            // Elsewhere on the page a file is a primer.
            event.stop_propagation();
            if is_busy {
                return;
            }
            let (link, items) = (link.clone(), dropped::entries(&event));
            wasm_bindgen_futures::spawn_local(async move { link.read(&dropped::files(items).await) });
        })
    };
    html! {
        <div class="bring" {ondrop}>
            <label for="teach-files">{ "Music to learn from" }</label>
            <input id="teach-files" type="file" multiple=true disabled={*is_busy}
                accept={doors::MUSIC} onchange={onchange.clone()} />
            <label for="teach-folder">{ "or a folder" }</label>
            <input id="teach-folder" type="file" webkitdirectory=true disabled={*is_busy} {onchange} />
            <span class="small">{ "or drop files or a folder here" }</span>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ReportProps {
    report: MusicReport,
    line: AttrValue,
}

/// What was read, and what was left out and why.
#[component]
fn Report(ReportProps { report, line }: &ReportProps) -> Html {
    let unnamed = report.n_left_out - report.left_out.len().min(report.n_left_out);
    html! {
        <>
            <p class="music">{ line.clone() }</p>
            if report.n_left_out > 0 {
                <details>
                    <summary>{ format!("{} of {} left out", report.n_left_out, report.files) }</summary>
                    <ul>
                        { for report.left_out.iter().map(|left_out| html! {
                            <li class="small">{ format!("{} {}", left_out.file, left_out.why) }</li>
                        }) }
                        if unnamed > 0 {
                            <li class="small">{ format!("and {unnamed} more") }</li>
                        }
                    </ul>
                </details>
            }
        </>
    }
}

#[derive(Properties, PartialEq)]
struct ButtonsProps {
    teach: Teach,
    link: TeachLink,
}

/// Where it learns, to choose where there is a choice.
#[component]
fn PlaceField(ButtonsProps { teach, link }: &ButtonsProps) -> Html {
    let onchange = {
        let (link, places) = (link.clone(), teach.places.clone());
        Callback::from(move |event: Event| {
            let chosen = value_of(&event);
            if let Some(place) = places.iter().find(|place| place.to_string() == chosen) {
                link.move_to(place.clone());
            }
        })
    };
    html! {
        <>
            if teach.places.len() > 1 && !teach.is_busy() {
                <label for="teach-place">{ "Learns on" }</label>
                <select id="teach-place" {onchange}>
                    { for teach.places.iter().map(|place| html! {
                        <option selected={*place == teach.place}>{ place.to_string() }</option>
                    }) }
                </select>
            }
            if teach.is_busy() || teach.place_reason.is_some() {
                <p class="small">{ teach.place_line() }</p>
            }
        </>
    }
}

#[component]
fn Buttons(ButtonsProps { teach, link }: &ButtonsProps) -> Html {
    let on = |act: fn(&TeachLink)| {
        let link = link.clone();
        Callback::from(move |_: MouseEvent| act(&link))
    };
    let button = |name: &'static str, act: fn(&TeachLink)| {
        html! { <button type="button" onclick={on(act)}>{ name }</button> }
    };
    html! {
        <div class="buttons">
            if teach.phase == Phase::Read {
                { button("Start learning", |link| link.start(false)) }
            }
            if teach.phase == Phase::Learning {
                { button("Pause", TeachLink::pause) }
            }
            if teach.phase == Phase::Paused {
                { button("Go on", TeachLink::go_on) }
            }
            if matches!(teach.phase, Phase::Learning | Phase::Paused) {
                { button("Stop", TeachLink::stop) }
                { button("Cancel", TeachLink::cancel) }
            }
            if let (Phase::Idle, Some(unfinished)) = (&teach.phase, &teach.unfinished) {
                <p>{ format!("An earlier visit had learned {} % of {}.", 100 * unfinished.events
                    / unfinished.planned.max(1), session::format::count(unfinished.report.pieces, "piece")) }</p>
                { button("Go on from there", |link| link.start(true)) }
                { button("Forget it", TeachLink::cancel) }
            }
        </div>
    }
}
