use yew::prelude::*;

use super::{Glyph, Icon};
use session::{Action, Download, EngineState, Notice, Remedy, format};

#[derive(Properties, PartialEq)]
pub struct NoticesProps {
    pub notices: Vec<Notice>,
    pub engine: EngineState,
    pub dispatch: Callback<Action>,
    pub on_remedy: Callback<Remedy>,
}

/// What the visitor should know, and what is being loaded, over the roll.
#[component]
pub fn Notices(NoticesProps { notices, engine, dispatch, on_remedy }: &NoticesProps) -> Html {
    let line = |(index, notice): (usize, &Notice)| {
        let remedies = notice.remedies().into_iter().map(|remedy| {
            let onclick = on_remedy.reform(move |_| remedy);
            html! { <button type="button" {onclick}>{ remedy.label() }</button> }
        });
        let ondismiss = dispatch.reform(move |_| Action::Dismiss(index));
        html! {
            <li key={notice.to_string()}>
                <span>{ notice.to_string() }</span>
                { for remedies }
                <button type="button" class="round" aria-label="Dismiss" title="Dismiss" onclick={ondismiss}>
                    <Icon glyph={Glyph::Cross} />
                </button>
            </li>
        }
    };
    html! {
        <div class="notices">
            <div class="over">
                if let EngineState::Downloading(download) = engine {
                    <LoadingBar download={*download} />
                }
                <div role="alert">
                    if !notices.is_empty() {
                        <ul>{ for notices.iter().enumerate().map(line) }</ul>
                    }
                </div>
            </div>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct LoadingBarProps {
    download: Download,
}

/// How much of the model is here, and how long the rest takes.
#[component]
fn LoadingBar(LoadingBarProps { download }: &LoadingBarProps) -> Html {
    let received = format::megabytes(download.received_bytes);
    let label = match (download.total_bytes, download.secs_left()) {
        (Some(total), Some(secs)) => {
            format!("Model: {received} of {} MB · {secs} s left", format::megabytes(total))
        }
        (Some(total), None) => format!("Model: {received} of {} MB", format::megabytes(total)),
        (None, _) => format!("Model: {received} MB"),
    };
    html! {
        <span class="loading">
            <progress aria-label="Loading the model" max={download.total_bytes.map(|total| total.to_string())}
                value={download.total_bytes.map(|_| download.received_bytes.to_string())} />
            <span class="small">{ label }</span>
        </span>
    }
}
