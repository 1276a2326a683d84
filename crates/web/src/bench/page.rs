use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::report::{Crops, Learning, Report, Row, Run};
use super::{learning, measure};
use crate::components::{Glyph, Icon, value_of};
use crate::hooks::use_theme;
use session::format;

use crate::{file, js};
use session::protocol::BackendKind;
use session::teach::Simd;

#[derive(Clone, Debug, Default, PartialEq)]
struct Composer {
    runs: Vec<Run>,
    learning: Vec<Learning>,
    is_running: bool,
    /// How far it is, or what went wrong.
    words: String,
}

enum Action {
    Begin,
    Progress(String),
    End(Result<Measured, String>),
}

enum Measured {
    Composing(Run),
    Learning(Learning),
}

/// What is measured: the value and the words of the choice.
const WORKS: [(&str, &str); 7] = [
    ("cpu", "Processor"),
    ("webgpu", "WebGPU"),
    ("burn", "Burn, 32 bits, processor"),
    ("burn-webgpu", "Burn, 32 bits, WebGPU"),
    ("learn", "Burn learns, processor"),
    ("learn-relaxed", "Burn learns, processor, relaxed SIMD"),
    ("learn-webgpu", "Burn learns, WebGPU"),
];

async fn measured(work: &str, on_progress: impl Fn(String)) -> Result<Measured, String> {
    let cpu = match work {
        "learn" => Some(Some(Simd::Plain)),
        "learn-relaxed" => Some(Some(Simd::Relaxed)),
        "learn-webgpu" => Some(None),
        _ => None,
    };
    if let Some(cpu) = cpu {
        return learning::run(cpu, on_progress).await.map(Measured::Learning);
    }
    let backend = match work {
        "webgpu" => BackendKind::WebGpu,
        "burn" => BackendKind::Burn,
        "burn-webgpu" => BackendKind::BurnWebGpu,
        _ => BackendKind::Cpu,
    };
    measure::run(backend, on_progress).await.map(Measured::Composing)
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
                    Ok(measured) => {
                        match measured {
                            Measured::Composing(run) => composer.runs.push(run),
                            Measured::Learning(run) => composer.learning.push(run),
                        }
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
    let work = use_state(|| WORKS[0].0.to_owned());
    let kept = use_mut_ref(|| None);
    let (_, on_theme) = use_theme();
    use_effect_with((), |()| gloo::utils::document().set_title("Performance RNN: benchmark"));

    let onchange = {
        let work = work.setter();
        Callback::from(move |event: Event| work.set(value_of(&event)))
    };
    let on_run = {
        let (composer, work) = (composer.dispatcher(), (*work).clone());
        Callback::from(move |_: MouseEvent| {
            composer.dispatch(Action::Begin);
            let (composer, work) = (composer.clone(), work.clone());
            spawn_local(async move {
                let outcome = measured(&work, |words| composer.dispatch(Action::Progress(words))).await;
                composer.dispatch(Action::End(outcome));
            });
        })
    };
    let on_save = {
        let composer = composer.clone();
        Callback::from(move |_: MouseEvent| match save(&composer) {
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
                        { for WORKS.iter().map(|(value, name)| html! {
                            <option value={*value} selected={*work == *value}>{ *name }</option>
                        }) }
                    </select>
                    <button type="button" class="generate" onclick={on_run} disabled={composer.is_running}>{ "Run" }</button>
                    <button type="button" onclick={on_save} disabled={composer.runs.is_empty() && composer.learning.is_empty()}>{ "Download JSON" }</button>
                </div>
                <p role="status">{ &composer.words }</p>
                { for composer.runs.iter().map(|run| table(run, &composer.runs[0])) }
                { for composer.learning.iter().map(learning_table) }
            </main>
        </>
    }
}

/// The figures of a run, and how its logits differ from those of the first.
fn table(run: &Run, first: &Run) -> Html {
    let facts = format!(
        "First events {:.1} s after asking for a worker, weights from the {}; {} MB of memory; logits within {:.5} \
         of the first table's.",
        run.first_events_ms / 1000.0,
        if run.weights == super::report::Origin::Server { "server" } else { "cache" },
        format::megabytes(run.memory_bytes),
        run.difference(first),
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

fn learning_table(run: &Learning) -> Html {
    let row = |crops: &Crops| {
        html! {
            <tr>
                <th scope="row">{ format!("{} × {}", crops.batch, crops.time) }</th>
                <td>{ format::grouped(crops.events_per_second.round() as u64) }</td>
                <td>{ format!("{} MB", format::megabytes(crops.memory_bytes)) }</td>
            </tr>
        }
    };
    html! {
        <table>
            <caption>{ format!("Burn learns on {}", run.place) }</caption>
            <thead>
                <tr>
                    <th scope="col">{ "Sequences × events" }</th>
                    <th scope="col">{ "Events per second" }</th>
                    <th scope="col">{ "Memory" }</th>
                </tr>
            </thead>
            <tbody>{ for run.crops.iter().map(row) }</tbody>
        </table>
    }
}

fn save(composer: &Composer) -> Result<file::ObjectUrl, String> {
    let navigator = js::get(&js::window(), "navigator");
    let report = Report {
        browser: js::get(&navigator, "userAgent").as_string().unwrap_or_default(),
        threads: js::get(&navigator, "hardwareConcurrency").as_f64().unwrap_or_default(),
        runs: composer.runs.clone(),
        learning: composer.learning.clone(),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    file::save(json.as_bytes(), "application/json", "performance-rnn-bench.json")
        .map_err(|notice| notice.to_string())
}
