//! The page: state, hooks and components put together.

use std::rc::Rc;

use performance::Controls;
use session::engine::Preference;
use session::roll::RollSource;
use session::{Action, EngineState, Length, Moment, State, WithPrimer};
use yew::prelude::*;

use crate::components::{
    About, Header, LengthField, Moment as AtMoment, Notices, OutputField, PerformDrawer, PrimerField, Roll,
    SeedField, SessionBar, ShapeDrawer, StatusLine, Takes, TeachPanel, TemperatureField, Transport,
};
use crate::hooks::{
    PageActions, Sheet, draw_seed, use_commands, use_debug, use_engine, use_files, use_links, use_midi,
    use_offline, use_page_drop, use_player, use_session, use_share, use_shortcuts, use_teach, use_theme,
};
use crate::player::PlayerHandle;
use crate::store::Store;
use crate::{js, storage};

/// On narrower pages, drawers are sheets over the roll.
const SHEET_PX: f64 = 720.0;

#[component]
pub fn App() -> Html {
    let state = use_reducer(|| Store::new(opening_state()));
    let player = (*use_memo((), |()| PlayerHandle::new())).clone();
    let dispatch = use_callback((state.dispatcher(), player.clone()), |action, (dispatcher, player)| {
        let (head_us, ahead_us) = player.with(|player| (player.head_us(), player.ahead_us()));
        let at = Moment { now_ms: js::now_ms(), head_us, ahead_us };
        dispatcher.dispatch((action, at));
    });
    use_player(&state, &dispatch, &player);
    let preference = *use_memo((), |()| asked_preference().unwrap_or_else(storage::preference));
    let engine = use_engine(&state, &dispatch, &player, preference);
    let (teach, teach_link) = use_teach(&engine);
    let on_connect = use_midi(&state, &dispatch, &player);
    use_offline(&state, &dispatch);
    let (theme, on_theme) = use_theme();

    let is_about_open = use_state(|| false);
    let is_shape_open = use_state(|| false);
    let on_shape = use_callback(is_shape_open.clone(), |(), is_open| is_open.set(!**is_open));
    let (is_perform_open, on_perform) = use_perform_drawer(&state);
    let on_open = use_callback(
        (is_about_open.setter(), on_shape.clone(), on_perform.clone()),
        |sheet, (is_about_open, on_shape, on_perform)| match sheet {
            Sheet::Shape => on_shape.emit(()),
            Sheet::Perform => on_perform.emit(()),
            Sheet::Help => is_about_open.set(true),
        },
    );
    let with_primer = use_state(|| WithPrimer::Yes);
    let on_about = |is_open: bool| {
        let is_about_open = is_about_open.setter();
        Callback::from(move |()| is_about_open.set(is_open))
    };
    let on_link = use_links(&dispatch);
    // What the address asks for comes after what was kept.
    let on_kept = use_callback((dispatch.clone(), on_link), |(), (dispatch, on_link)| {
        asked_settings().for_each(|action| dispatch.emit(action));
        on_link.emit(());
    });
    let kept = use_session(&state, &dispatch, on_kept);
    use_debug(&state, &player, &kept.keeper);
    let files = use_files(&state, &dispatch, &player);
    let on_share = use_share(&state, &dispatch);
    let actions = PageActions { on_open, on_share: on_share.clone(), files: files.clone() };
    let commands = use_commands(&state, &dispatch, &player, &engine, *with_primer, &actions);
    let is_over = use_page_drop(files.on_drop_all.clone());
    use_shortcuts(commands.on_shortcut.clone());

    let settings = &state.settings;
    let model = match &state.engine {
        EngineState::Ready(engine) => Some(engine.model.clone()),
        _ => None,
    };
    html! {
        <>
            <Header {on_theme} on_help={on_about(true)} />
            <main>
                <Notices notices={state.notices.as_slice().to_vec()} engine={state.engine.clone()} dispatch={dispatch.clone()}
                    on_remedy={commands.on_remedy.clone()} />
                <Roll source={roll_source(&state)} playback={state.transport.playback} {theme} player={player.clone()} engine={engine.clone()}
                    mark={state.mark} waiting_for={state.waiting_for().map(AttrValue::from)} dispatch={dispatch.clone()} />
                <Transport state={state.clone()} dispatch={dispatch.clone()} on_generate={commands.on_generate.clone()}
                    on_stop={commands.on_stop.clone()} on_pause={commands.on_pause.clone()} is_shape_open={*is_shape_open}
                    on_shape={on_shape.clone()} {is_perform_open} on_perform={on_perform.clone()} on_download={commands.on_download.clone()}
                    on_record={commands.on_record.clone()} {on_share}
                    with_primer={*with_primer} on_with_primer={setter(&with_primer)} />
                if *is_shape_open && state.performed().is_none() {
                    <ShapeDrawer shape={settings.shape.clone()} primer_density={primer_density(&state)} model={model.clone()}
                        dispatch={dispatch.clone()} on_close={on_shape} />
                }
                if let Some(performed) = state.performed().filter(|_| is_perform_open) {
                    <PerformDrawer performed={Rc::clone(performed)} is_conducting={state.conductor.is_some()}
                        on_tap={commands.on_tap.clone()} dispatch={dispatch.clone()} on_close={on_perform} />
                }
                <AtMoment state={state.clone()} player={player.clone()} dispatch={dispatch.clone()}
                    on_branch={commands.on_branch.clone()} on_versions={commands.on_versions.clone()} />
                <section class="settings" aria-label="Settings">
                    <PrimerField primer={state.primer.clone()} {is_over} on_file={files.on_primer.clone()}
                        dispatch={dispatch.clone()} />
                    <TemperatureField value={settings.sampling.temperature} dispatch={dispatch.clone()} />
                    <LengthField value={settings.length} dispatch={dispatch.clone()} />
                    <SeedField value={settings.seed} is_locked={settings.is_seed_locked} dispatch={dispatch.clone()}
                        on_draw={dispatch.reform(|()| Action::SetSeed(draw_seed()))} />
                    <OutputField outputs={state.outputs.clone()} dispatch={dispatch.clone()} {on_connect} />
                </section>
                <Takes rows={state.takes.rows()} current={state.takes.list().current()} dispatch={dispatch.clone()}
                    can_undo_redo={state.can_undo_redo()} on_play={commands.on_play.clone()}
                    on_save={commands.on_save.clone()} on_record={commands.on_record_take.clone()}
                    is_recording={state.recording.is_some()} />
                <SessionBar is_empty={state.takes.list().ids().next().is_none()} others={kept.others.clone()}
                    on_save={files.on_save.clone()} on_file={files.on_drop.clone()}
                    on_bring={kept.on_bring.clone()} on_remove={kept.on_remove.clone()} />
                <TeachPanel teach={(**teach).clone()} link={teach_link} />
            </main>
            <StatusLine engine={state.engine.clone()} speed={state.speed} on_model={on_about(true)} />
            <About is_open={*is_about_open} {model} preference={engine.preference()} on_preference={commands.on_preference.clone()}
                on_close={on_about(false)} on_model_file={commands.on_model.clone()} />
        </>
    }
}

/// Whether the Perform drawer is open, and a callback that opens or closes it. It opens with a score, where there is
/// room beside the roll.
#[hook]
fn use_perform_drawer(state: &State) -> (bool, Callback<()>) {
    let is_open = use_state(|| false);
    let score = state.performed().map(|performed| performed.piece.hash);
    use_effect_with(score, {
        let is_open = is_open.setter();
        move |score| {
            let width = js::window().inner_width().ok().and_then(|width| width.as_f64());
            is_open.set(score.is_some() && width > Some(SHEET_PX));
        }
    });
    let toggle = use_callback(is_open.clone(), |(), is_open| is_open.set(!**is_open));
    (*is_open, toggle)
}

/// Notes per second of the primer that the next performance continues, or the present one.
fn primer_density(state: &State) -> Option<f32> {
    let continued = state.takes.current().and_then(|take| take.primer.clone()).filter(|_| state.is_running());
    let primer = continued.or_else(|| state.primer.clone())?;
    Controls::like(&primer.tokens).density
}

/// While nothing runs, a new primer is previewed.
fn roll_source(state: &State) -> RollSource {
    let continued = state.takes.current().and_then(|take| take.primer.clone());
    let is_new = match (&state.primer, &continued) {
        (Some(primer), Some(continued)) => !Rc::ptr_eq(primer, continued),
        (primer, _) => primer.is_some(),
    };
    if is_new && !state.is_running() {
        return RollSource { primer: state.primer.clone(), take: None };
    }
    RollSource { primer: continued, take: state.takes.current().cloned() }
}

fn setter<T: 'static>(state: &UseStateHandle<T>) -> Callback<T> {
    let setter = state.setter();
    Callback::from(move |value| setter.set(value))
}

/// The state with the settings in the page's address: `?seed=482913&temperature=0.9&top_p=0.95&length=60`.
fn opening_state() -> State {
    let reduced = |state: State, action| state.reduced(action, Moment::default());
    let stored = std::iter::once(Action::SetPedal(storage::pedal()));
    stored.chain(asked_settings()).fold(State::new(draw_seed()), reduced)
}

fn asked_settings() -> impl Iterator<Item = Action> {
    let actions = [
        js::asked("seed").and_then(|seed| seed.parse().ok()).map(Action::SetSeed),
        js::asked("temperature").and_then(|value| value.parse().ok()).map(Action::SetTemperature),
        js::asked("top_p").and_then(|value| value.parse().ok()).map(Action::SetTopP),
        js::asked("length").map(|value| Action::SetLength(Length::from_value(&value))),
    ];
    actions.into_iter().flatten()
}

/// `?backend=webgpu`, `cpu`, `auto` or `measure` in the page's address.
fn asked_preference() -> Option<Preference> {
    Preference::from_value(&js::asked("backend")?)
}
