use std::rc::Rc;

use js_sys::{Date, Object};
use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::{Glyph, Icon, when};
use crate::js;
use crate::sessions::Other;
use session::format;

#[derive(Properties, PartialEq)]
pub struct SessionBarProps {
    /// Whether there is anything to save.
    pub is_empty: bool,
    pub others: Rc<Vec<Other>>,
    pub on_save: Callback<()>,
    pub on_file: Callback<File>,
    pub on_bring: Callback<String>,
    pub on_remove: Callback<String>,
}

/// The session as a file, and the other sessions in this browser.
#[component]
pub fn SessionBar(props: &SessionBarProps) -> Html {
    let onchange = when(&props.on_file, |event: Event| {
        let input: HtmlInputElement = event.target_dyn_into()?;
        let file = input.files()?.get(0);
        // So that choosing the same file again is a change again.
        input.set_value("");
        file
    });
    html! {
        <section class="takes session" aria-label="Session">
            <div class="session-files">
                <button type="button" disabled={props.is_empty} onclick={props.on_save.reform(|_| ())}
                    title="All performances, settings and the primer as one file">
                    <Icon glyph={Glyph::Download} />{ "Save session…" }
                </button>
                <input id="session-file" class="hidden" type="file" accept=".prnn" aria-label="Open session…" {onchange} />
                <label class="button" for="session-file"><Icon glyph={Glyph::File} />{ "Open session…" }</label>
            </div>
            if !props.others.is_empty() {
                <h2>{ "Other sessions in this browser" }</h2>
                <ul>{ for props.others.iter().map(|other| line(other, props)) }</ul>
            }
        </section>
    }
}

fn line(other: &Other, props: &SessionBarProps) -> Html {
    let when = written(other.written_ms);
    let facts = [
        Some(format::count(other.glance.n_takes, "performance")),
        Some(format::clock(other.glance.music_us / 1_000_000)),
        other.is_open.then(|| "open in another tab".to_owned()),
    ];
    let with_id = |callback: &Callback<String>| {
        let id = other.id.clone();
        callback.reform(move |_: MouseEvent| id.clone())
    };
    let remove = {
        let (id, on_remove) = (other.id.clone(), props.on_remove.clone());
        let question = format!("Remove the session of {when} and its performances from this browser?");
        Callback::from(move |_: MouseEvent| {
            if js::window().confirm_with_message(&question).unwrap_or(false) {
                on_remove.emit(id.clone());
            }
        })
    };
    html! {
        <li key={other.id.clone()}>
            <span class="name">
                { &when }
                <span class="small">{ facts.into_iter().flatten().collect::<Vec<_>>().join(" · ") }</span>
            </span>
            <button type="button" aria-label={format!("Bring here the session of {when}")}
                title="Adds its performances to the list above" onclick={with_id(&props.on_bring)}>
                { "Bring here" }
            </button>
            if !other.is_open {
                <button type="button" class="round" aria-label={format!("Remove the session of {when}")} title="Remove"
                    onclick={remove}><Icon glyph={Glyph::Cross} /></button>
            }
        </li>
    }
}

/// "11/28/2026, 2:05:33 AM", as this visitor writes it.
fn written(ms: f64) -> String {
    let date = Date::new(&ms.into());
    String::from(date.to_locale_string("default", &Object::new()))
}
