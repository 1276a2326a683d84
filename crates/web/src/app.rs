//! The page: state, hooks and components put together.

use std::ops::Deref;
use std::rc::Rc;

use web_sys::UrlSearchParams;
use yew::prelude::*;

use crate::components::{
    About, Header, LengthField, Notices, OutputField, PrimerField, Roll, SeedField, StatusLine, Takes,
    TemperatureField, Transport,
};
use crate::hooks::{
    draw_seed, use_commands, use_debug, use_engine, use_midi, use_page_drop, use_player, use_shortcuts,
    use_theme,
};
use crate::js;
use crate::placement::Preference;
use crate::roll::RollSource;
use crate::state::{Action, EngineState, Length, State, WithPrimer};

/// [`State`] in the form that Yew keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Store(State);

impl Reducible for Store {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        Rc::new(Self(Rc::unwrap_or_clone(self).0.reduced(action)))
    }
}

impl Deref for Store {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

/// The whole page.
#[component]
pub fn App() -> Html {
    let state = use_reducer(|| Store(opening_state()));
    let on = use_callback(state.dispatcher(), |action, dispatcher| dispatcher.dispatch(action));
    let player = use_player(&state, &on);
    let preference = *use_memo((), |()| asked_preference().unwrap_or_else(Preference::stored));
    let engine = use_engine(&state, &on, &player, preference);
    let on_connect = use_midi(&state, &on, &player);
    let (theme, on_theme) = use_theme();
    use_debug(&state, &player);

    let is_about_open = use_state(|| false);
    let with_primer = use_state(|| WithPrimer::Yes);
    let on_about = |is_open: bool| {
        let is_about_open = is_about_open.setter();
        Callback::from(move |()| is_about_open.set(is_open))
    };
    let commands = use_commands(&state, &on, &player, &engine, *with_primer);
    let is_over = use_page_drop(commands.on_primer.clone());
    use_shortcuts(commands.shortcuts.clone());

    let settings = &state.settings;
    let model = match &state.engine {
        EngineState::Ready(engine) => Some(engine.model.clone()),
        _ => None,
    };
    html! {
        <>
            <Header {on_theme} on_help={on_about(true)} />
            <main>
                <Roll source={roll_source(&state)} playback={state.playback} {theme} player={player.clone()}
                    waiting_for={state.waiting_for().map(AttrValue::from)} />
                <Notices notices={state.notices.clone()} on={on.clone()} on_remedy={commands.on_remedy.clone()} />
                <Transport state={state.clone()} on={on.clone()} on_generate={commands.on_generate.clone()}
                    on_stop={commands.shortcuts.on_stop.clone()} on_download={commands.shortcuts.on_download.clone()}
                    on_record={commands.on_record.clone()}
                    with_primer={*with_primer} on_with_primer={setter(&with_primer)} />
                <section class="settings" aria-label="Settings">
                    <PrimerField primer={state.primer.clone()} {is_over} on_file={commands.on_primer.clone()}
                        on={on.clone()} />
                    <TemperatureField value={settings.sampling.temperature} on={on.clone()} />
                    <LengthField value={settings.length} on={on.clone()} />
                    <SeedField value={settings.seed} is_locked={settings.is_seed_locked} on={on.clone()}
                        on_draw={on.reform(|()| Action::SetSeed(draw_seed()))} />
                    <OutputField outputs={state.outputs.clone()} on={on.clone()} {on_connect} />
                </section>
                <Takes current={state.take.clone()} earlier={state.earlier.clone()} on_play={commands.on_play.clone()}
                    on_save={commands.on_save.clone()} on_record={commands.on_record_take.clone()}
                    is_recording={state.recording.is_some()} on_forget={on.reform(Action::Forget)} />
            </main>
            <StatusLine engine={state.engine.clone()} speed={state.speed} on_model={on_about(true)} />
            <About is_open={*is_about_open} {model} preference={engine.preference()} on_preference={commands.on_preference.clone()}
                on_close={on_about(false)} on_model_file={commands.on_model.clone()} />
        </>
    }
}

/// While nothing runs, a primer that the performance on stage does not continue is previewed.
fn roll_source(state: &State) -> RollSource {
    let continued = state.take.as_ref().and_then(|take| take.primer.clone());
    let is_new = match (&state.primer, &continued) {
        (Some(primer), Some(continued)) => !Rc::ptr_eq(primer, continued),
        (primer, _) => primer.is_some(),
    };
    if is_new && !state.is_running() {
        return RollSource { primer: state.primer.clone(), take: None };
    }
    RollSource { primer: continued, take: state.take.clone() }
}

fn setter<T: 'static>(state: &UseStateHandle<T>) -> Callback<T> {
    let setter = state.setter();
    Callback::from(move |value| setter.set(value))
}

/// The state as the page's address asks for it: `?seed=482913&temperature=0.9&top_p=0.95&length=60`.
fn opening_state() -> State {
    let asked = |name: &str| query()?.get(name);
    let actions = [
        asked("seed").and_then(|seed| seed.parse().ok()).map(Action::SetSeed),
        asked("temperature").and_then(|value| value.parse().ok()).map(Action::SetTemperature),
        asked("top_p").and_then(|value| value.parse().ok()).map(Action::SetTopP),
        asked("length").map(|value| Action::SetLength(Length::from_value(&value))),
    ];
    actions.into_iter().flatten().fold(State::new(draw_seed()), State::reduced)
}

/// `?backend=webgpu`, `cpu`, `auto` or `measure` in the page's address.
fn asked_preference() -> Option<Preference> {
    Preference::from_value(&query()?.get("backend")?)
}

fn query() -> Option<UrlSearchParams> {
    let search = js::window().location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()
}
