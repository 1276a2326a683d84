use yew::prelude::*;

use session::format;
use session::protocol::{BackendKind, Engine};
use session::{EngineState, Speed};

#[derive(Properties, PartialEq)]
pub struct StatusLineProps {
    pub engine: EngineState,
    pub speed: Speed,
    pub on_model: Callback<()>,
}

/// What runs where, and how fast.
#[component]
pub fn StatusLine(StatusLineProps { engine, speed, on_model }: &StatusLineProps) -> Html {
    let (text, reason) = match engine {
        EngineState::Starting => ("Opening…".to_owned(), None),
        EngineState::Downloading(_) => ("Loading the model…".to_owned(), None),
        EngineState::Preparing => ("Preparing the model…".to_owned(), None),
        EngineState::Ready(engine) => {
            (running_on(engine), engine.placement.reason.as_ref().map(ToString::to_string))
        }
        EngineState::Down => ("Nothing can be composed at the moment".to_owned(), None),
    };
    html! {
        <footer class="foot">
            <p role="status">
                { text }
                if let Some(reason) = reason {
                    <span class="reason">{ reason }</span>
                }
            </p>
            if let EngineState::Ready(engine) = engine {
                // Outside the status, so that screen readers do not read out each change.
                if let Some(times) = speed.times_real_time() {
                    <p class="speed">{ format!("{} real time", format::times(times)) }</p>
                }
                <p class="model">
                    <button type="button" class="link" onclick={on_model.reform(|_| ())}>{ model(engine) }</button>
                </p>
            }
        </footer>
    }
}

fn running_on(engine: &Engine) -> String {
    let placement = &engine.placement;
    match (placement.backend, placement.is_software, placement.adapter.as_str()) {
        (BackendKind::Cpu, ..) => "Running on CPU (WebAssembly SIMD)".into(),
        (BackendKind::Burn, ..) => "Running on Burn, 32 bits (reference), on the CPU".into(),
        (BackendKind::WebGpu, is_software, adapter) => {
            format!("Running on {}", webgpu(is_software, adapter))
        }
        (BackendKind::BurnWebGpu, is_software, adapter) => {
            format!("Running on Burn, 32 bits (reference), on {}", webgpu(is_software, adapter))
        }
    }
}

fn webgpu(is_software: bool, adapter: &str) -> String {
    let place = if is_software { "software WebGPU, slow" } else { "WebGPU" };
    if adapter.is_empty() { place.to_owned() } else { format!("{place} · {adapter}") }
}

fn model(engine: &Engine) -> String {
    let name = &engine.model.name;
    engine
        .model
        .validation_nats
        .map_or_else(|| format!("Model: {name}"), |nats| format!("Model: {name}, {nats:.2} nats"))
}
