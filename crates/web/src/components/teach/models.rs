use session::teach::TaughtModel;
use yew::prelude::*;

use crate::components::{Glyph, Icon};
use crate::hooks::TeachLink;

#[derive(Properties, PartialEq)]
pub struct ModelsProps {
    pub models: Vec<TaughtModel>,
    pub playing: Option<String>,
    pub link: TeachLink,
}

/// The models that can play: the released one, and those that were taught here.
#[component]
pub fn Models(ModelsProps { models, playing, link }: &ModelsProps) -> Html {
    if models.is_empty() {
        return Html::default();
    }
    let choice = |id: Option<String>, name: String, facts: String| {
        let (link, is_playing) = (link.clone(), *playing == id);
        let onchange = Callback::from(move |_: Event| link.play(id.clone()));
        html! {
            <label class="name">
                <input type="radio" name="model" checked={is_playing} {onchange} />
                { name }
                <span class="small">{ facts }</span>
            </label>
        }
    };
    let line = |model: &TaughtModel| {
        let (id, is_playing) = (model.id.clone(), playing.as_ref() == Some(&model.id));
        let (from, to) = model.nats;
        let pieces = session::format::count(model.pieces, "piece");
        let day = js_sys::Date::new(&model.made_ms.into()).to_iso_string();
        let day: String = String::from(day).chars().take(10).collect();
        let with = |act: fn(&TeachLink, String, bool)| {
            let (link, id) = (link.clone(), id.clone());
            Callback::from(move |_: MouseEvent| act(&link, id.clone(), is_playing))
        };
        html! {
            <li key={id.clone()}>
                { choice(Some(id.clone()), model.name.clone(), format!("{day} · {pieces} · {from:.2} → {to:.2} nats")) }
                <button type="button" class="round" aria-label={format!("Save the model {}", model.name)}
                    title="Save as a weight file" onclick={with(|link, id, _| link.download(id))}>
                    <Icon glyph={Glyph::Download} />
                </button>
                <button type="button" class="round" aria-label={format!("Delete the model {}", model.name)}
                    title="Delete" onclick={with(TeachLink::delete)}>
                    <Icon glyph={Glyph::Cross} />
                </button>
            </li>
        }
    };
    html! {
        <fieldset class="models">
            <legend>{ "Who plays" }</legend>
            <ul>
                <li key="base">{ choice(None, "The released model".to_owned(), String::new()) }</li>
                { for models.iter().map(line) }
            </ul>
        </fieldset>
    }
}
