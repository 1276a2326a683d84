use web_sys::{File, HtmlDialogElement, HtmlInputElement};
use yew::prelude::*;

use super::{Glyph, Icon, value_of, when};
use crate::storage;
use session::engine::{Benchmark, Preference};
use session::format;
use session::shortcuts::HELP;

use session::protocol::Model;

#[derive(Properties, PartialEq)]
pub struct AboutProps {
    pub is_open: bool,
    pub model: Option<Model>,
    /// Where the network is to run.
    pub preference: Preference,
    pub on_preference: Callback<Preference>,
    pub on_close: Callback<()>,
    pub on_model_file: Callback<File>,
}

/// What this is, how to use it, and credits.
#[component]
pub fn About(props: &AboutProps) -> Html {
    let dialog = use_node_ref();
    use_effect_with((dialog.clone(), props.is_open), |(dialog, is_open)| {
        let Some(dialog) = dialog.cast::<HtmlDialogElement>() else { return };
        if !*is_open {
            dialog.close();
        } else if !dialog.open() && dialog.show_modal().is_err() {
            dialog.set_open(true);
        }
    });
    let onclose = props.on_close.reform(|_: Event| ());
    let onchange = when(&props.on_model_file, |event: Event| {
        let input: HtmlInputElement = event.target_dyn_into()?;
        let file = input.files()?.get(0);
        input.set_value("");
        file
    });
    let on_preference = when(&props.on_preference, |event: Event| Preference::from_value(&value_of(&event)));
    let chosen = match props.preference {
        Preference::Measured => Preference::Faster.value(),
        preference => preference.value(),
    };
    let has_letters = use_state(storage::has_character_keys);
    let on_letters = {
        let has_letters = has_letters.clone();
        Callback::from(move |_: Event| {
            storage::store_character_keys(!*has_letters);
            has_letters.set(!*has_letters);
        })
    };
    let key =
        |key: &'static str, does: &'static str| html! { <><dt><kbd>{ key }</kbd></dt><dd>{ does }</dd></> };
    html! {
        <dialog ref={dialog} {onclose} aria-labelledby="about-title">
            <button type="button" class="round close" aria-label="Close" onclick={props.on_close.reform(|_| ())}>
                <Icon glyph={Glyph::Cross} />
            </button>
            <h2 id="about-title">{ "Performance RNN" }</h2>
            <p>{ "A recurrent network composes a piano performance, note by note, on your own computer. Nothing is \
                recorded, and nothing leaves this page. Drop a MIDI file, and it continues from its end, in its key, \
                as fast and as loud. Choose a MIDI device to play on it. You can save what you like, as MIDI or as \
                sound." }</p>
            <p>{ "A higher temperature is more adventurous. The seed decides all random choices: the same seed and \
                settings play the same music again." }</p>
            <h3>{ "Keys" }</h3>
            <dl>
                { for HELP.map(|(keys, does)| key(keys, does)) }
            </dl>
            <label class="check">
                <input type="checkbox" checked={*has_letters} onchange={on_letters} />
                { "Single letters and digits are shortcuts" }
            </label>
            <h3>{ "Model" }</h3>
            <p>{ describe(props.model.as_ref()) }</p>
            <p>
                <label class="button" for="model-file">{ "Use a model of your own…" }</label>
                <input id="model-file" class="hidden" type="file" accept=".safetensors" {onchange} />
            </p>
            <p>
                <label for="placement">{ "It runs on " }</label>
                <select id="placement" onchange={on_preference}>
                    { for Preference::ALL.into_iter().map(|preference| html! {
                        <option value={preference.value()} selected={preference.value() == chosen}>{ preference.label() }</option>
                    }) }
                </select>
                if let Some(benchmark) = storage::benchmark() {
                    { measured(&benchmark) }
                }
            </p>
            <h3>{ "Credits" }</h3>
            <ul>
                <li>{ "After " }{ link("https://arxiv.org/abs/1808.03715", "This Time with Feeling") }
                    { " (Oore, Simon, Dieleman, Eck, Simonyan) and Magenta's Performance RNN; sounding-note input \
                    after robz." }</li>
                <li>{ "Piano: " }{ link("https://archive.org/details/SalamanderGrandPianoV3", "Salamander Grand Piano V3") }
                    { " by Alexander Holm, " }{ link("https://creativecommons.org/licenses/by/3.0/", "CC BY 3.0") }
                    { ", shortened and encoded as MP3." }</li>
                <li>{ "Weights, also those that perform scores: trained on " }{ link("https://magenta.tensorflow.org/datasets/maestro", "MAESTRO v3") }
                    { " (Hawthorne et al. 2019) and " }{ link("https://github.com/CPJKU/asap-dataset", "(n)ASAP") }
                    { " (Foscarin et al. 2020, Peter et al. 2023), " }
                    { link("https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC BY-NC-SA 4.0") }
                    { ": for non-commercial use." }</li>
                <li>{ "Scores by rule: after the KTH rules for music performance (Sundberg, Friberg, Bresin); conducting \
                    after pDM (Friberg 2006)." }</li>
                <li>{ "Code: MIT or Apache-2.0. Built with Burn, CubeCL, Yew and wgpu. How fast it is here: " }
                    <a href="bench.html">{ "benchmark" }</a>{ "." }</li>
            </ul>
        </dialog>
    }
}

fn describe(model: Option<&Model>) -> String {
    let Some(model) = model else { return "Not loaded.".into() };
    let mut facts = vec![model.name.clone()];
    facts.extend(model.validation_nats.map(|nats| format!("{nats:.3} nats per event on the validation set")));
    facts.extend(model.license.clone());
    format!("{}.", facts.join(", "))
}

fn measured(benchmark: &Benchmark) -> String {
    let Benchmark { adapter, cpu, gpu, .. } = benchmark;
    let gpu = if *gpu > 0.0 { format!("{} events/s", format::grouped(*gpu as u64)) } else { "failed".into() };
    format!(" Measured here: processor {} events/s, {adapter} {gpu}.", format::grouped(*cpu as u64))
}

fn link(href: &'static str, text: &'static str) -> Html {
    html! { <a {href} target="_blank" rel="noopener">{ text }</a> }
}
