use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::measure;
use super::report::{Report, Row, Run};
use crate::components::{Glyph, Icon, value_of};
use crate::hooks::use_theme;
use session::format;

use crate::{file, js};
use session::protocol::BackendKind;

#[derive(Clone, Debug, Default, PartialEq)]
struct Composer {
    runs: Vec<Run>,
    is_running: bool,
    /// How far it is, or what went wrong.
    words: String,
}

enum Action {
    Begin,
    Progress(String),
    End(Result<Run, String>),
}

impl Reducible for Composer {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut composer = Rc::unwrap_or_clone(self);
        match action {
            Action::Begin => composer.is_running = true,
            Action::Progress(words) => composer.words = words,
            Action::End(outcome) => {
                composer.is_running = false;
                composer.words = match outcome {
                    Ok(run) => {
                        composer.runs.push(run);
                        "Done.".into()
                    }
                    Err(why) => format!("Not measured: {why}"),
                };
            }
        }
        Rc::new(composer)
    }
}

/// Choose a backend, run, read the table, keep the figures.
#[component]
pub fn BenchPage() -> Html {
    let composer = use_reducer(Composer::default);
    let backend = use_state(|| BackendKind::Cpu);
    let kept = use_mut_ref(|| None);
    let (_, on_theme) = use_theme();
    use_effect_with((), |()| gloo::utils::document().set_title("Performance RNN: benchmark"));

    let onchange = {
        let backend = backend.setter();
        Callback::from(move |event: Event| {
            backend.set(match value_of(&event).as_str() {
                "webgpu" => BackendKind::WebGpu,
                "burn" => BackendKind::Burn,
                _ => BackendKind::Cpu,
            });
        })
    };
    let on_run = {
        let (composer, backend) = (composer.dispatcher(), *backend);
        Callback::from(move |_: MouseEvent| {
            composer.dispatch(Action::Begin);
            let composer = composer.clone();
            spawn_local(async move {
                let outcome = measure::run(backend, |words| composer.dispatch(Action::Progress(words))).await;
                composer.dispatch(Action::End(outcome));
            });
        })
    };
    let on_save = {
        let composer = composer.clone();
        Callback::from(move |_: MouseEvent| match save(&composer.runs) {
            Ok(url) => *kept.borrow_mut() = Some(url),
            Err(why) => composer.dispatch(Action::Progress(why)),
        })
    };
    html! {
        <>
            <header class="head">
                <h1>{ "Benchmark" }</h1>
                <p class="tagline">{ "how fast this browser composes" }</p>
                <button type="button" class="round" aria-label="Bright or dark" title="Bright or dark"
                    onclick={on_theme.reform(|_| ())}>
                    <Icon glyph={Glyph::HalfMoon} />
                </button>
            </header>
            <main class="bench">
                <p>{ "Runs the worker of " }<a href="./">{ "Performance RNN" }</a>{ " with the released weights, one \
                    take and up to 16 at once. Half a minute; nothing leaves this computer." }</p>
                <div class="transport">
                    <label for="backend">{ "Compute on" }</label>
                    <select id="backend" {onchange} disabled={composer.is_running}>
                        <option value="cpu" selected=true>{ "Processor" }</option>
                        <option value="webgpu">{ "WebGPU" }</option>
                        <option value="burn">{ "Burn, 32 bits (reference)" }</option>
                    </select>
                    <button type="button" class="generate" onclick={on_run} disabled={composer.is_running}>{ "Run" }</button>
                    <button type="button" onclick={on_save} disabled={composer.runs.is_empty()}>{ "Download JSON" }</button>
                </div>
                <p role="status">{ &composer.words }</p>
                { for composer.runs.iter().map(table) }
            </main>
        </>
    }
}

fn table(run: &Run) -> Html {
    let facts = format!(
        "First events {:.1} s after asking for a worker, weights from the {}; {} MB of memory.",
        run.first_events_ms / 1000.0,
        if run.weights == super::report::Origin::Server { "server" } else { "cache" },
        format::megabytes(run.memory_bytes),
    );
    html! {
        <table>
            <caption>{ run.name() }<br /><span class="small">{ facts }</span></caption>
            <thead>
                <tr>
                    <th scope="col">{ "Takes at once" }</th>
                    <th scope="col">{ "Events per second" }</th>
                    <th scope="col">{ "Events in a chunk" }</th>
                    <th scope="col">{ "Chunk, p50" }</th>
                    <th scope="col">{ "Chunk, p95" }</th>
                </tr>
            </thead>
            <tbody>{ for run.batches.iter().map(row) }</tbody>
        </table>
    }
}

fn row(row: &Row) -> Html {
    html! {
        <tr>
            <th scope="row">{ row.takes }</th>
            <td>{ format::grouped(row.events_per_second.round() as u64) }</td>
            <td>{ row.chunk_events }</td>
            <td>{ format!("{:.1} ms", row.chunk_p50_ms) }</td>
            <td>{ format!("{:.1} ms", row.chunk_p95_ms) }</td>
        </tr>
    }
}

fn save(runs: &[Run]) -> Result<file::ObjectUrl, String> {
    let navigator = js::get(&js::window(), "navigator");
    let report = Report {
        browser: js::get(&navigator, "userAgent").as_string().unwrap_or_default(),
        threads: js::get(&navigator, "hardwareConcurrency").as_f64().unwrap_or_default(),
        runs: runs.to_vec(),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    file::save(json.as_bytes(), "application/json", "performance-rnn-bench.json")
        .map_err(|notice| notice.to_string())
}
