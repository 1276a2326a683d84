use performance::ReturnRate;
use session::protocol::Model;
use session::shape::{DENSITIES, MAX_DYNAMICS, PITCH_CLASS_NAMES, Scale, Strength, THEMES, Wish};
use session::{Action, Shape};
use yew::prelude::*;

use super::{value_of, when};

/// Where the slider stands before a density was asked for, in notes per second.
const USUAL_DENSITY: f32 = 8.0;
const FREE: &str = "free";
const AS_PRIMER: &str = "primer";
const OWN: &str = "own";

#[derive(Properties, PartialEq)]
pub struct ShapeDrawerProps {
    pub shape: Shape,
    /// Density of the primer that the next or present performance continues, if there is one.
    pub primer_density: Option<f32>,
    pub model: Option<Model>,
    pub dispatch: Callback<Action>,
    pub on_close: Callback<()>,
}

/// What the music is to be like. Everything here is heard at once.
#[component]
pub fn ShapeDrawer(props: &ShapeDrawerProps) -> Html {
    let ShapeDrawerProps { shape, primer_density, dispatch, .. } = props;
    let reset = dispatch.reform(|_: MouseEvent| Action::SetShape(Shape::default()));
    html! {
        <section class="shape" id="shape" aria-label="Shape of the music">
            <DensityField shape={shape.clone()} primer_density={*primer_density} dispatch={dispatch.clone()} />
            <NotesField shape={shape.clone()} has_primer={primer_density.is_some()} dispatch={dispatch.clone()} />
            <DynamicsField shape={shape.clone()} dispatch={dispatch.clone()} />
            <ThemesField shape={shape.clone()} dispatch={dispatch.clone()} />
            <ComposerField shape={shape.clone()} model={props.model.clone()} dispatch={dispatch.clone()} />
            <div class="shape-foot">
                <button type="button" onclick={reset} disabled={*shape == Shape::default()}>{ "Reset" }</button>
                <button type="button" class="shape-close" onclick={props.on_close.reform(|_| ())}>{ "Done" }</button>
            </div>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct DensityFieldProps {
    shape: Shape,
    primer_density: Option<f32>,
    dispatch: Callback<Action>,
}

/// Notes per second; the slider counts doublings.
#[component]
fn DensityField(DensityFieldProps { shape, primer_density, dispatch }: &DensityFieldProps) -> Html {
    let asked = shape.density.asked();
    let followed = primer_density.filter(|_| shape.density == Wish::AsPrimer);
    let density = asked.or(followed).unwrap_or(USUAL_DENSITY).clamp(*DENSITIES.start(), *DENSITIES.end());
    let set = {
        let shape = shape.clone();
        move |density| Action::SetShape(Shape { density, ..shape.clone() })
    };
    let oninput = {
        let set = set.clone();
        when(dispatch, move |event: InputEvent| {
            let doublings: f32 = value_of(&event).parse().ok()?;
            doublings.is_finite().then(|| set(Wish::Asked(doublings.exp2())))
        })
    };
    let onchange = {
        let next = if asked.is_some() { Wish::Free } else { Wish::Asked(density) };
        dispatch.reform(move |_: Event| set(next))
    };
    let text = match (asked, followed) {
        (Some(density), _) => notes_per_second(density),
        (None, Some(density)) => format!("{}, as the primer", notes_per_second(density)),
        (None, None) => "free".into(),
    };
    html! {
        <div class="field">
            <label for="density">{ "Density" }</label>
            <input id="density" type="range" min={DENSITIES.start().log2().to_string()}
                max={DENSITIES.end().log2().to_string()} step="0.05" value={density.log2().to_string()}
                aria-valuetext={text.clone()} title="Notes per second. Heard at once." {oninput}
                class={classes!(asked.is_none().then_some("unset"))} />
            <span class="value wide" aria-hidden="true">{ text }</span>
            <label class="check">
                <input type="checkbox" checked={asked.is_none()} {onchange} />{ "Free density" }
            </label>
        </div>
    }
}

fn notes_per_second(density: f32) -> String {
    if density < 9.95 { format!("{density:.1} notes/s") } else { format!("{density:.0} notes/s") }
}

#[derive(Properties, PartialEq)]
struct NotesFieldProps {
    shape: Shape,
    has_primer: bool,
    dispatch: Callback<Action>,
}

/// Twelve toggles laid out as an octave, and scales.
#[component]
fn NotesField(NotesFieldProps { shape, has_primer, dispatch }: &NotesFieldProps) -> Html {
    let key = |class: usize| {
        let strength = shape.strength(class);
        let next = shape.clone().toggled(class);
        let is_black = matches!(class, 1 | 3 | 6 | 8 | 10);
        let (style, title) = match strength {
            Strength::Off => ("off", "not asked for"),
            Strength::On => ("on", "wanted"),
            Strength::Strong => ("strong", "wanted more than others"),
        };
        html! {
            <button type="button" key={class} class={classes!("key", style, if is_black { "black" } else { "white" })}
                aria-pressed={(strength != Strength::Off).to_string()} aria-description={title}
                title={format!("{}: {title}", PITCH_CLASS_NAMES[class])}
                onclick={dispatch.reform(move |_| Action::SetShape(next.clone()))}>{ PITCH_CLASS_NAMES[class] }</button>
        }
    };
    let scale = shape.scale();
    let root = use_state(|| 0_usize);
    let root_shown = scale.map_or(*root, |(root, _)| root);
    let chosen = match (shape.pitches, scale) {
        (_, Some((_, scale))) => scale.label(),
        (Wish::Asked(_), None) => OWN,
        (Wish::AsPrimer, None) if *has_primer => AS_PRIMER,
        (_, None) => FREE,
    };
    let on_scale = {
        let shape = shape.clone();
        when(dispatch, move |event: Event| {
            let value = value_of(&event);
            let pitches = match (value.as_str(), Scale::from_label(&value)) {
                (_, Some(scale)) => Wish::Asked(scale.strengths(root_shown)),
                (AS_PRIMER, None) => Wish::AsPrimer,
                (FREE, None) => Wish::Free,
                _ => return None,
            };
            Some(Action::SetShape(Shape { pitches, ..shape.clone() }))
        })
    };
    let on_root = {
        let (shape, dispatch, root) = (shape.clone(), dispatch.clone(), root.setter());
        Callback::from(move |event: Event| {
            let Some(new) = PITCH_CLASS_NAMES.iter().position(|name| *name == value_of(&event)) else {
                return;
            };
            root.set(new);
            if let Some((_, scale)) = scale {
                let pitches = Wish::Asked(scale.strengths(new));
                dispatch.emit(Action::SetShape(Shape { pitches, ..shape.clone() }));
            }
        })
    };
    let on_strict = {
        let shape = Shape { is_strict: !shape.is_strict, ..shape.clone() };
        dispatch.reform(move |_: Event| Action::SetShape(shape.clone()))
    };
    html! {
        <div class="field notes">
            <span class="label" id="notes-label">{ "Notes" }</span>
            <div class="octave" role="group" aria-labelledby="notes-label">{ for (0..12).map(key) }</div>
            <select aria-label="Root" title="Root of the scale" onchange={on_root}>
                { for PITCH_CLASS_NAMES.iter().enumerate().map(|(class, name)| html! {
                    <option value={*name} selected={class == root_shown}>{ *name }</option>
                }) }
            </select>
            <select aria-label="Scale" onchange={on_scale}>
                <option value={FREE} selected={chosen == FREE}>{ "any notes" }</option>
                if *has_primer {
                    <option value={AS_PRIMER} selected={chosen == AS_PRIMER}>{ "as the primer" }</option>
                }
                { for Scale::ALL.into_iter().map(|scale| html! {
                    <option value={scale.label()} selected={chosen == scale.label()}>{ scale.label() }</option>
                }) }
                if chosen == OWN {
                    <option value={OWN} selected=true>{ "my own" }</option>
                }
            </select>
            <label class="check" title="No other notes at all">
                <input type="checkbox" checked={shape.is_strict} onchange={on_strict} />{ "Only these" }
            </label>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct DynamicsFieldProps {
    shape: Shape,
    dispatch: Callback<Action>,
}

/// Louder or softer than the network plays; the notes stay the same.
#[component]
fn DynamicsField(DynamicsFieldProps { shape, dispatch }: &DynamicsFieldProps) -> Html {
    let oninput = {
        let shape = shape.clone();
        when(dispatch, move |event: InputEvent| {
            let dynamics: i8 = value_of(&event).parse().ok()?;
            Some(Action::SetShape(Shape {
                dynamics: dynamics.clamp(-MAX_DYNAMICS, MAX_DYNAMICS),
                ..shape.clone()
            }))
        })
    };
    let text = match shape.dynamics {
        0 => "as played".to_owned(),
        louder @ 1.. => format!("louder by {louder}"),
        softer => format!("softer by {}", -softer),
    };
    html! {
        <div class="field">
            <label for="dynamics">{ "Dynamics" }</label>
            <input id="dynamics" type="range" min={(-MAX_DYNAMICS).to_string()} max={MAX_DYNAMICS.to_string()} step="1"
                value={shape.dynamics.to_string()} aria-valuetext={text.clone()} title="Louder or softer; the notes stay."
                {oninput} />
            <span class="value wide" aria-hidden="true">{ text }</span>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ThemesFieldProps {
    shape: Shape,
    dispatch: Callback<Action>,
}

/// How often what was played comes back.
#[component]
fn ThemesField(ThemesFieldProps { shape, dispatch }: &ThemesFieldProps) -> Html {
    let onchange = {
        let shape = shape.clone();
        when(dispatch, move |event: Event| {
            let themes = value_of(&event).parse::<ReturnRate>().ok()?;
            Some(Action::SetShape(Shape { themes, ..shape.clone() }))
        })
    };
    html! {
        <div class="field">
            <label for="themes">{ "Themes come back" }</label>
            <select id="themes" title="Now and then, a passage that was played before is played again" {onchange}>
                { for THEMES.into_iter().map(|(name, percent)| html! {
                    <option value={percent.to_string()} selected={shape.themes.percent() == percent}>{ name }</option>
                }) }
            </select>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ComposerFieldProps {
    shape: Shape,
    model: Option<Model>,
    dispatch: Callback<Action>,
}

/// Last and modest: a composer is recognized in one piece of five.
#[component]
fn ComposerField(ComposerFieldProps { shape, model, dispatch }: &ComposerFieldProps) -> Html {
    let composers = model.as_ref().map_or(&[][..], |model| model.composers.as_slice());
    if composers.is_empty() {
        return Html::default();
    }
    let onchange = {
        let shape = shape.clone();
        dispatch.reform(move |event: Event| {
            Action::SetShape(Shape { composer: value_of(&event).parse().ok(), ..shape.clone() })
        })
    };
    html! {
        <div class="field">
            <label for="composer">{ "Leaning towards" }</label>
            <select id="composer" title="A hint, no more" {onchange}>
                <option value="" selected={shape.composer.is_none()}>{ "nobody" }</option>
                { for composers.iter().enumerate().map(|(index, name)| html! {
                    <option value={index.to_string()} selected={shape.composer == Some(index)}>{ name }</option>
                }) }
            </select>
        </div>
    }
}
