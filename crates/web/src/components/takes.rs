use std::rc::Rc;

use web_sys::{HtmlInputElement, KeyboardEvent};
use yew::prelude::*;

use super::{Glyph, Icon};
use session::format;
use session::protocol::TakeId;
use session::{Action, Row, Take};

#[derive(Properties, PartialEq)]
pub struct TakesProps {
    pub rows: Vec<Row>,
    /// The one on stage.
    pub current: Option<TakeId>,
    pub dispatch: Callback<Action>,
    pub can_undo_redo: (bool, bool),
    pub on_play: Callback<TakeId>,
    pub on_save: Callback<Rc<Take>>,
    pub on_record: Callback<Rc<Take>>,
    /// One file of sound at a time.
    pub is_recording: bool,
}

/// The performances so far: branches are indented below what they came from.
#[component]
pub fn Takes(props: &TakesProps) -> Html {
    let renamed = use_state(|| None::<TakeId>);
    let (can_undo, can_redo) = props.can_undo_redo;
    if props.rows.is_empty() && !can_undo && !can_redo {
        return Html::default();
    }
    let act = |action: Action| props.dispatch.reform(move |_: MouseEvent| action.clone());
    let title_of = |id: TakeId| {
        let row = props.rows.iter().find(|row| row.take.id == id);
        row.map_or_else(|| format!("No. {id}"), Row::title)
    };
    html! {
        <section class="takes" aria-label="Performances">
            <div class="takes-head">
                <h2>{ "Performances" }</h2>
                <button type="button" class="round" aria-label="Undo" title="Undo (Ctrl+Z)" disabled={!can_undo}
                    onclick={act(Action::Undo)}><Icon glyph={Glyph::Undo} /></button>
                <button type="button" class="round" aria-label="Redo" title="Redo (Ctrl+Shift+Z)" disabled={!can_redo}
                    onclick={act(Action::Redo)}><Icon glyph={Glyph::Redo} /></button>
            </div>
            <ul>
                { for props.rows.iter().map(|row| html! {
                    <Line key={row.take.id} row={row.clone()} is_current={props.current == Some(row.take.id)}
                        origin={row.take.parent.map(|parent| {
                            format!("from {} at {}", title_of(parent.take), format::clock(parent.at_us / 1_000_000))
                        })}
                        is_renamed={*renamed == Some(row.take.id)} on_rename={setter(&renamed)}
                        dispatch={props.dispatch.clone()} on_play={props.on_play.clone()} on_save={props.on_save.clone()}
                        on_record={props.on_record.clone()} is_recording={props.is_recording} />
                }) }
            </ul>
        </section>
    }
}

fn setter<T: 'static>(state: &UseStateHandle<T>) -> Callback<T> {
    let setter = state.setter();
    Callback::from(move |value| setter.set(value))
}

#[derive(Properties, PartialEq)]
struct LineProps {
    row: Row,
    is_current: bool,
    /// "from No. 3 at 0:42".
    origin: Option<String>,
    /// Whether its name is being typed.
    is_renamed: bool,
    on_rename: Callback<Option<TakeId>>,
    dispatch: Callback<Action>,
    on_play: Callback<TakeId>,
    on_save: Callback<Rc<Take>>,
    on_record: Callback<Rc<Take>>,
    is_recording: bool,
}

#[component]
fn Line(props: &LineProps) -> Html {
    let Row { take, listed, depth } = &props.row;
    let id = take.id;
    let title = props.row.title();
    let with_take = |callback: &Callback<Rc<Take>>| {
        let take = Rc::clone(take);
        callback.reform(move |_: MouseEvent| Rc::clone(&take))
    };
    let name = |what: &str| format!("{what} performance {id}");
    let act = |action: Action| props.dispatch.reform(move |_: MouseEvent| action.clone());
    // A deep tree stays on the page.
    let style = format!("--depth: {}", (*depth).min(6));
    html! {
        <li {style} class={classes!(props.is_current.then_some("current"))}
            aria-current={props.is_current.then_some("true")}>
            <button type="button" class={classes!("round", "star", listed.is_starred.then_some("on"))}
                aria-label={name("Star")} aria-pressed={listed.is_starred.to_string()} title="Star"
                onclick={act(Action::Star(id))}><Icon glyph={Glyph::Star} /></button>
            <span class="name">
                if props.is_renamed {
                    <NameField {id} name={listed.name.clone().unwrap_or_default()} dispatch={props.dispatch.clone()}
                        on_done={props.on_rename.reform(|()| None)} />
                } else {
                    <span class="title">{ title }</span>
                    <button type="button" class="round pencil" aria-label={name("Rename")} title="Rename"
                        onclick={props.on_rename.reform(move |_| Some(id))}><Icon glyph={Glyph::Pencil} /></button>
                }
                <span class="small">{ describe(take, props.origin.as_deref()) }</span>
            </span>
            <button type="button" class="round" aria-label={name("Play")} title="Play again"
                onclick={props.on_play.reform(move |_| id)}><Icon glyph={Glyph::Triangle} /></button>
            <button type="button" class="round" aria-label={name("Save")} title="Save as MIDI"
                onclick={with_take(&props.on_save)}><Icon glyph={Glyph::Download} /></button>
            <button type="button" class="round" aria-label={name("Save the sound of")} title="Save as audio"
                disabled={props.is_recording}
                onclick={with_take(&props.on_record)}><Icon glyph={Glyph::Wave} /></button>
            <button type="button" class="round" aria-label={name("Remove")} title="Remove (Undo brings it back)"
                onclick={act(Action::Forget(id))}><Icon glyph={Glyph::Cross} /></button>
        </li>
    }
}

#[derive(Properties, PartialEq)]
struct NameFieldProps {
    id: TakeId,
    name: String,
    dispatch: Callback<Action>,
    on_done: Callback<()>,
}

/// Enter or leaving it renames, Esc does not.
#[component]
fn NameField(NameFieldProps { id, name, dispatch, on_done }: &NameFieldProps) -> Html {
    let input = use_node_ref();
    use_effect_with(input.clone(), |input| {
        if let Some(input) = input.cast::<HtmlInputElement>() {
            // Where the focus cannot be set, the visitor clicks.
            input.focus().ok();
            input.select();
        }
    });
    let take = *id;
    let typed = {
        let input = input.clone();
        move || input.cast::<HtmlInputElement>().map(|input| input.value())
    };
    let is_canceled = use_mut_ref(|| false);
    let onblur = {
        let (dispatch, on_done, is_canceled, before) =
            (dispatch.clone(), on_done.clone(), is_canceled.clone(), name.clone());
        Callback::from(move |_: FocusEvent| {
            if let Some(name) = typed().filter(|name| !*is_canceled.borrow() && *name != before) {
                dispatch.emit(Action::Rename { take, name });
            }
            on_done.emit(());
        })
    };
    let onkeydown = {
        let (input, is_canceled) = (input.clone(), is_canceled);
        Callback::from(move |event: KeyboardEvent| {
            let key = event.key();
            if key == "Enter" || key == "Escape" {
                event.stop_propagation();
                *is_canceled.borrow_mut() = key == "Escape";
                if let Some(input) = input.cast::<HtmlInputElement>() {
                    input.blur().ok();
                }
            }
        })
    };
    html! {
        <input ref={input} class="rename" type="text" maxlength="80" value={name.clone()} placeholder={format!("No. {id}")}
            aria-label={format!("Name of performance {id}")} {onblur} {onkeydown} />
    }
}

fn describe(take: &Take, origin: Option<&str>) -> String {
    let mut facts: Vec<String> = origin.map(str::to_owned).into_iter().collect();
    if let Some(performed) = &take.performed {
        facts.extend([format::clock(take.music_us() / 1_000_000), format::count(take.n_notes(), "note")]);
        facts.push(format!("{} performed", performed.piece.name));
        facts.push(performed.rendering_in_words());
        return facts.join(" · ");
    }
    facts.extend([
        format::clock(take.music_us() / 1_000_000),
        format::count(take.n_notes(), "note"),
        format!("seed {}", format::grouped(take.seed)),
        format!("temperature {:.2}", take.log.sampling_at(0).temperature),
    ]);
    facts.extend(take.primer.as_ref().map(|primer| format!("after {}", primer.name)));
    facts.join(" · ")
}
