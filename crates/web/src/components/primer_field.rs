use std::rc::Rc;

use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::{Glyph, Icon, when};
use session::doors;
use session::format;
use session::{Action, Primer};

#[derive(Properties, PartialEq)]
pub struct PrimerFieldProps {
    pub primer: Option<Rc<Primer>>,
    /// A file is being dragged over the page.
    pub is_over: bool,
    pub on_file: Callback<File>,
    pub dispatch: Callback<Action>,
}

/// Where a performance to continue comes in.
#[component]
pub fn PrimerField(props: &PrimerFieldProps) -> Html {
    let onchange = when(&props.on_file, |event: Event| {
        let input: HtmlInputElement = event.target_dyn_into()?;
        let file = input.files()?.get(0);
        // So that choosing the same file again is a change again.
        input.set_value("");
        file
    });
    let (title, detail) = match &props.primer {
        None => ("Drop a .mid or a score here, or choose one".to_owned(), Vec::new()),
        Some(primer) => (primer.name.clone(), details(primer)),
    };
    html! {
        <div class={classes!("field", "primer", props.is_over.then_some("over"))}>
            <label for="primer">{ "Primer" }<span class="hidden">{ " MIDI file" }</span></label>
            <div class="zone">
                <input id="primer" type="file" accept={format!("{},{}", doors::MUSIC, doors::SCORES)} {onchange} />
                <Icon glyph={Glyph::File} />
                <span class="name" aria-live="polite">
                    <span>{ title }</span>
                    { for detail.into_iter().map(|line| html! { <span class="small">{ line }</span> }) }
                </span>
            </div>
            if props.primer.is_some() {
                <button type="button" class="round" aria-label="Remove the primer" title="Remove the primer"
                    onclick={props.dispatch.reform(|_| Action::ClearPrimer)}>
                    <Icon glyph={Glyph::Cross} />
                </button>
            }
        </div>
    }
}

/// Length and notes, what was done to it, and what was left out.
fn details(primer: &Primer) -> Vec<String> {
    let length = format::clock(primer.music_us / 1_000_000);
    let mut facts = vec![length, format::count(primer.n_notes, "note")];
    facts.extend((!primer.summary.is_empty()).then(|| primer.summary.clone()));
    let mut lines = vec![facts.join(" · ")];
    let shown = 2;
    lines.extend(primer.dropped.iter().take(shown).cloned());
    if primer.dropped.len() > shown {
        lines.push(format!("and {} more", format::count(primer.dropped.len() - shown, "remark")));
    }
    lines
}
