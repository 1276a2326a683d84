mod conduct;

use std::rc::Rc;

use performance::score::{PALETTES, Rendering};
use session::{Action, Performed};
use yew::prelude::*;

use super::{Glyph, Icon, value_of, when};
use conduct::Conduct;

#[derive(Properties, PartialEq)]
pub struct PerformDrawerProps {
    pub performed: Rc<Performed>,
    pub is_conducting: bool,
    /// A beat, by pointer.
    pub on_tap: Callback<()>,
    pub dispatch: Callback<Action>,
    pub on_close: Callback<()>,
}

/// How the score on stage is performed. Everything here is heard at once, at the same place.
#[component]
pub fn PerformDrawer(props: &PerformDrawerProps) -> Html {
    let PerformDrawerProps { performed, dispatch, .. } = props;
    let rendering = &performed.rendering;
    let plain = Rendering { gestures: rendering.gestures.clone(), ..Rendering::default() };
    let is_plain = *rendering == plain;
    let reset = dispatch.reform(move |_: MouseEvent| Action::Render(plain.clone()));
    // While taps give the tempo, Space is a tap wherever the focus is in here.
    let taps = props.is_conducting.then_some("taps");
    html! {
        <section class={classes!("shape", "perform", taps)} id="perform" aria-label="Perform the score">
            <ExpressionField rendering={rendering.clone()} dispatch={dispatch.clone()} />
            <TempoField rendering={rendering.clone()} dispatch={dispatch.clone()} />
            <RendererField rendering={rendering.clone()} dispatch={dispatch.clone()} />
            <InterpretationField rendering={rendering.clone()} dispatch={dispatch.clone()} />
            <RulesField rendering={rendering.clone()} dispatch={dispatch.clone()} />
            <WrittenField rendering={rendering.clone()} has_dynamics={performed.piece.score.has_dynamics()}
                dispatch={dispatch.clone()} />
            <Conduct performed={Rc::clone(performed)} is_on={props.is_conducting} on_tap={props.on_tap.clone()}
                dispatch={dispatch.clone()} />
            <div class="shape-foot">
                <button type="button" onclick={reset} disabled={is_plain}>{ "Reset" }</button>
                <button type="button" class="shape-close" onclick={props.on_close.reform(|_| ())}>{ "Done" }</button>
            </div>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct FieldProps {
    rendering: Rendering,
    dispatch: Callback<Action>,
}

/// Renders what `change` makes of a field's number.
fn render<N: std::str::FromStr>(
    props: &FieldProps,
    change: impl Fn(Rendering, N) -> Rendering + 'static,
) -> Callback<InputEvent> {
    let rendering = props.rendering.clone();
    when(&props.dispatch, move |event: InputEvent| {
        let number = value_of(&event).parse().ok()?;
        Some(Action::Render(change(rendering.clone(), number)))
    })
}

/// 0 is the score as it is written.
#[component]
fn ExpressionField(props: &FieldProps) -> Html {
    let expression = props.rendering.expression;
    let oninput = render(props, |rendering, expression| Rendering { expression, ..rendering });
    let text = match expression {
        0 => "as written".to_owned(),
        percent => format!("{percent} %"),
    };
    html! {
        <div class="field">
            <label for="expression">{ "Expression" }</label>
            <input id="expression" type="range" min="0" max={Rendering::MOST_EXPRESSION.to_string()} step="5"
                value={expression.to_string()} aria-valuetext={text.clone()}
                title="0 is the score as it is written, 200 % exaggerates" {oninput} />
            <span class="value wide" aria-hidden="true">{ text }</span>
        </div>
    }
}

#[component]
fn TempoField(props: &FieldProps) -> Html {
    let tempo = props.rendering.tempo;
    let oninput = render(props, |rendering, tempo| Rendering { tempo, ..rendering });
    let text = format!("{tempo} %");
    html! {
        <div class="field">
            <label for="tempo">{ "Tempo" }</label>
            <input id="tempo" type="range" min={Rendering::TEMPOS.start().to_string()}
                max={Rendering::TEMPOS.end().to_string()} step="5" value={tempo.to_string()}
                aria-valuetext={text.clone()} {oninput} />
            <span class="value wide" aria-hidden="true">{ text }</span>
        </div>
    }
}

/// From rules to what was learned from people.
#[component]
fn RendererField(props: &FieldProps) -> Html {
    let learned = props.rendering.learned;
    let oninput = render(props, |rendering, learned| Rendering { learned, ..rendering });
    let text = match learned {
        0 => "by rule".to_owned(),
        100 => "learned".to_owned(),
        percent => format!("{percent} % learned"),
    };
    html! {
        <div class="field">
            <label for="learned">{ "Rules or people" }</label>
            <input id="learned" type="range" min="0" max="100" step="10" value={learned.to_string()}
                aria-valuetext={text.clone()} title="From rules of performance to what was learned from pianists" {oninput} />
            <span class="value wide" aria-hidden="true">{ text }</span>
        </div>
    }
}

/// The character that rules give.
#[component]
fn RulesField(FieldProps { rendering, dispatch }: &FieldProps) -> Html {
    let onchange = {
        let rendering = rendering.clone();
        when(dispatch, move |event: Event| {
            let palette = value_of(&event).parse().ok()?;
            // Whoever chooses rules wants them to be heard.
            let learned = if rendering.learned == 100 { 0 } else { rendering.learned };
            Some(Action::Render(Rendering { palette, learned, ..rendering.clone() }))
        })
    };
    html! {
        <div class="field">
            <label for="rules">{ "Rules" }</label>
            <select id="rules" title="The character that the rules give" {onchange}>
                { for PALETTES.iter().enumerate().map(|(idx, palette)| html! {
                    <option value={idx.to_string()} selected={usize::from(rendering.palette) == idx}>
                        { palette.name }
                    </option>
                }) }
            </select>
        </div>
    }
}

#[component]
fn InterpretationField(FieldProps { rendering, dispatch }: &FieldProps) -> Html {
    html! {
        <div class="field">
            <span class="label" id="interpretation-label">{ "Interpretation" }</span>
            <span class="group" role="group" aria-labelledby="interpretation-label">
                { for Rendering::INTERPRETATIONS.map(|interpretation| {
                    let is_chosen = rendering.interpretation == interpretation;
                    let chosen = Rendering { interpretation, ..rendering.clone() };
                    html! {
                        <button type="button" key={interpretation} class={classes!("version", is_chosen.then_some("on"))}
                            aria-label={format!("Interpretation {interpretation}")} aria-pressed={is_chosen.to_string()}
                            title={format!("Key {interpretation}")}
                            onclick={dispatch.reform(move |_| Action::Render(chosen.clone()))}>{ interpretation }</button>
                    }
                }) }
            </span>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct WrittenFieldProps {
    rendering: Rendering,
    has_dynamics: bool,
    dispatch: Callback<Action>,
}

/// What is written instead of what is played: the dynamics alone, or everything.
#[component]
fn WrittenField(WrittenFieldProps { rendering, has_dynamics, dispatch }: &WrittenFieldProps) -> Html {
    let other = Rendering { keeps_dynamics: !rendering.keeps_dynamics, ..rendering.clone() };
    let flat = Rendering { is_flat: !rendering.is_flat, ..rendering.clone() };
    let title =
        if *has_dynamics { "Loudness as the score says" } else { "This score says nothing about loudness" };
    html! {
        <div class="field">
            <label class="check" {title}>
                <input type="checkbox" checked={rendering.keeps_dynamics} disabled={!has_dynamics && !rendering.keeps_dynamics}
                    onchange={dispatch.reform(move |_| Action::Render(other.clone()))} />
                { "Keep written dynamics" }
            </label>
            <button type="button" class={classes!("toggle", rendering.is_flat.then_some("on"))}
                aria-pressed={rendering.is_flat.to_string()} title="The same place without any expression, and back (F)"
                onclick={dispatch.reform(move |_| Action::Render(flat.clone()))}>
                <Icon glyph={Glyph::Loop} />{ "Compare with the flat score" }
            </button>
        </div>
    }
}
