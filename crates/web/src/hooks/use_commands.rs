use std::rc::Rc;

use performance::score::Rendering;
use web_sys::File;
use yew::prelude::*;

use super::{EngineLink, Files, use_recorder};
use crate::file::{self, ObjectUrl};
use crate::js;
use crate::player::{Player, PlayerHandle};
use crate::store::Store;
use session::doors::MAX_MODEL_BYTES;
use session::engine::Preference;
use session::shortcuts::Shortcut;
use session::{Action, DRAWN_SEEDS, EngineState, Notice, Playback, Remedy, State, Take, WithPrimer, opening};

/// How many versions are offered.
const N_VERSIONS: usize = 4;
/// Storage key: whether this browser has composed before.
const HEARD_KEY: &str = "performance-rnn-heard";

/// What the buttons do besides dispatching actions.
#[derive(Clone, PartialEq)]
pub struct Commands {
    pub on_shortcut: Callback<Shortcut>,
    pub on_generate: Callback<()>,
    pub on_stop: Callback<()>,
    pub on_pause: Callback<()>,
    pub on_branch: Callback<()>,
    pub on_versions: Callback<()>,
    pub on_download: Callback<()>,
    pub on_play: Callback<u32>,
    pub on_save: Callback<Rc<Take>>,
    pub on_record: Callback<()>,
    pub on_record_take: Callback<Rc<Take>>,
    pub on_model: Callback<File>,
    pub on_preference: Callback<Preference>,
    pub on_remedy: Callback<Remedy>,
    /// The conductor's beat.
    pub on_tap: Callback<()>,
}

/// What opens and closes over or beside the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// The Shape drawer.
    Shape,
    /// The Perform drawer.
    Perform,
    /// About and help.
    Help,
}

/// What other hooks do, for shortcuts and remedies.
#[derive(Clone, PartialEq)]
pub struct PageActions {
    pub on_open: Callback<Sheet>,
    pub on_share: Callback<()>,
    pub files: Files,
}

/// The page's commands, always the same ones.
#[hook]
pub fn use_commands(
    state: &UseReducerHandle<Store>,
    dispatch: &Callback<Action>,
    player: &PlayerHandle,
    engine: &EngineLink,
    with_primer: WithPrimer,
    actions: &PageActions,
) -> Commands {
    // The state as of the last rendering, for callbacks that live longer.
    let latest = use_mut_ref(|| (state.clone(), with_primer));
    *latest.borrow_mut() = (state.clone(), with_primer);
    let saved = use_mut_ref(|| None::<ObjectUrl>);
    let recorder = use_recorder(dispatch, player);
    let parts = (dispatch.clone(), player.clone(), engine.clone(), recorder, actions.clone());
    (*use_memo(parts, move |(dispatch, player, engine, recorder, actions)| {
        let PageActions { on_open, on_share, files } = actions;
        let on_generate = {
            let (dispatch, player, engine, latest) =
                (dispatch.clone(), player.clone(), engine.clone(), Rc::clone(&latest));
            Callback::from(move |()| {
                player.with(|player| player.unlock());
                if latest.borrow().0.engine == EngineState::Down {
                    engine.retry();
                }
                let drawn_seed = next_seed(&latest.borrow().0);
                dispatch.emit(Action::Generate { drawn_seed });
            })
        };
        let on_stop = {
            let (dispatch, player) = (dispatch.clone(), player.clone());
            Callback::from(move |()| {
                player.with(|player| player.stop());
                dispatch.emit(Action::Stop);
            })
        };
        let on_save_take = {
            let (dispatch, latest) = (dispatch.clone(), Rc::clone(&latest));
            Callback::from(move |take: Rc<Take>| {
                let (state, with_primer) = &*latest.borrow();
                let bytes = take.to_midi(*with_primer, state.outputs.pedal);
                match file::save(&bytes, "audio/midi", &take.file_name("mid")) {
                    Ok(url) => *saved.borrow_mut() = Some(url),
                    Err(notice) => dispatch.emit(Action::Notify(notice)),
                }
            })
        };
        let on_download = {
            let (on_save, latest) = (on_save_take.clone(), Rc::clone(&latest));
            Callback::from(move |()| {
                let take = latest.borrow().0.takes.current().cloned().filter(|take| take.n_notes() > 0);
                take.into_iter().for_each(|take| on_save.emit(take));
            })
        };
        let on_record_take = {
            let (recorder, latest) = (recorder.clone(), Rc::clone(&latest));
            Callback::from(move |take: Rc<Take>| recorder.emit((take, latest.borrow().1)))
        };
        let on_record = {
            let (on_record, latest) = (on_record_take.clone(), Rc::clone(&latest));
            Callback::from(move |()| {
                let take = latest.borrow().0.takes.current().cloned().filter(|take| take.n_notes() > 0);
                take.into_iter().for_each(|take| on_record.emit(take));
            })
        };
        let on_pause = {
            let (dispatch, player, latest) = (dispatch.clone(), player.clone(), Rc::clone(&latest));
            Callback::from(move |()| {
                let transport = latest.borrow().0.transport.clone();
                if transport.run.is_some() && transport.playback != Playback::Paused {
                    dispatch.emit(Action::Pause);
                } else {
                    player.with(|player| player.unlock());
                    dispatch.emit(Action::Resume);
                }
            })
        };
        // Sounds, so it is to be called while the visitor presses something.
        let at_head = |act: fn(u64) -> Action| {
            let (dispatch, player) = (dispatch.clone(), player.clone());
            Callback::from(move |()| {
                let at_us = player.with(|player| {
                    player.unlock();
                    player.heard_us()
                });
                dispatch.emit(act(at_us));
            })
        };
        let on_branch = at_head(|at_us| Action::Branch { at_us, drawn_seed: draw_seed() });
        let on_versions = at_head(|at_us| {
            let drawn_seeds = std::iter::repeat_with(draw_seed).take(N_VERSIONS).collect();
            Action::Versions { at_us, drawn_seeds }
        });
        let on_play = {
            let (dispatch, player) = (dispatch.clone(), player.clone());
            Callback::from(move |id| {
                player.with(|player| player.unlock());
                dispatch.emit(Action::Replay(id));
            })
        };
        let on_remedy = {
            let (dispatch, player, engine) = (dispatch.clone(), player.clone(), engine.clone());
            let (files, use_model) = (files.clone(), on_model(&dispatch, &engine));
            Callback::from(move |remedy| match remedy {
                Remedy::UseAsPrimer => files.on_as_primer.emit(()),
                Remedy::GoOn => {
                    // The network goes on from the score instead.
                    dispatch.emit(Action::Stop);
                    files.on_as_primer.emit(());
                }
                Remedy::Perform => files.on_perform.emit(()),
                Remedy::UseModel => {
                    dispatch.emit(Action::Settle(Notice::ModelDropped { file: String::new() }));
                    files.model.borrow_mut().take().into_iter().for_each(|file| use_model.emit(file));
                }
                Remedy::ReloadModel => {
                    dispatch.emit(Action::EngineStarting);
                    dispatch.emit(Action::Settle(Notice::WeightsBroken { why: String::new() }));
                    dispatch.emit(Action::Settle(Notice::WeightsCorrupt { why: String::new() }));
                    dispatch.emit(Action::Settle(Notice::WeightsMissing { status: 0, file: String::new() }));
                    dispatch.emit(Action::Settle(Notice::PageInstead { file: String::new() }));
                    engine.retry();
                }
                Remedy::ReloadSamples => {
                    dispatch.emit(Action::Settle(Notice::SamplesMissing { why: String::new() }));
                    player.with(|player| player.fetch_samples());
                }
            })
        };
        let on_tap = {
            let (dispatch, player, latest) = (dispatch.clone(), player.clone(), Rc::clone(&latest));
            Callback::from(move |()| {
                let at_us = player.with(|player| {
                    player.unlock();
                    player.heard_us()
                });
                // The first tap starts the music.
                if !latest.borrow().0.is_sounding() {
                    dispatch.emit(Action::Resume);
                }
                dispatch.emit(Action::Tap { at_us });
            })
        };
        let on_shortcut = {
            let on_tap = on_tap.clone();
            let (on_generate, on_stop, on_pause, on_download, on_branch, on_versions) = (
                on_generate.clone(),
                on_stop.clone(),
                on_pause.clone(),
                on_download.clone(),
                on_branch.clone(),
                on_versions.clone(),
            );
            let (dispatch, player, latest) = (dispatch.clone(), player.clone(), Rc::clone(&latest));
            let (on_open, on_share) = (on_open.clone(), on_share.clone());
            Callback::from(move |shortcut| {
                let state = latest.borrow().0.clone();
                let has_take = state.takes.current().is_some_and(|take| take.n_notes() > 0);
                let seek = |secs: i64| {
                    let at_us = player.with(Player::heard_us).saturating_add_signed(secs * 1_000_000);
                    dispatch.emit(Action::Seek { at_us });
                };
                let performed = state.performed().map(|performed| performed.rendering.clone());
                let render = |rendering| dispatch.emit(Action::Render(rendering));
                match shortcut {
                    Shortcut::Toggle if state.conductor.is_some() && performed.is_some() => on_tap.emit(()),
                    Shortcut::Toggle if state.is_running() => on_stop.emit(()),
                    Shortcut::Toggle => on_generate.emit(()),
                    Shortcut::Stop => on_stop.emit(()),
                    Shortcut::Download => on_download.emit(()),
                    Shortcut::Shape if performed.is_none() => on_open.emit(Sheet::Shape),
                    Shortcut::Help => on_open.emit(Sheet::Help),
                    Shortcut::Undo => dispatch.emit(Action::Undo),
                    Shortcut::Redo => dispatch.emit(Action::Redo),
                    // The roll follows.
                    Shortcut::ZoomIn | Shortcut::ZoomOut => {}
                    _ if !has_take => {}
                    Shortcut::Share if state.is_sounding() => {}
                    Shortcut::Share => on_share.emit(()),
                    Shortcut::Pause => on_pause.emit(()),
                    Shortcut::Back(secs) => seek(-i64::from(secs)),
                    Shortcut::Forward(secs) => seek(secs.into()),
                    Shortcut::Branch => on_branch.emit(()),
                    Shortcut::Versions => on_versions.emit(()),
                    Shortcut::Choose(index) => match performed {
                        Some(rendering) => {
                            let interpretation = index as u8 + 1;
                            render(Rendering { interpretation, ..rendering });
                        }
                        None => dispatch.emit(Action::Choose(index)),
                    },
                    Shortcut::Shape | Shortcut::Perform if performed.is_some() => {
                        on_open.emit(Sheet::Perform)
                    }
                    Shortcut::Conduct if performed.is_some() => {
                        dispatch.emit(Action::SetConducting(state.conductor.is_none()));
                    }
                    Shortcut::Flat => {
                        if let Some(rendering) = performed {
                            render(Rendering { is_flat: !rendering.is_flat, ..rendering });
                        }
                    }
                    Shortcut::Shape | Shortcut::Perform | Shortcut::Conduct => {}
                    Shortcut::Loop => {
                        let is_looping = state.mark.is_some() && !state.transport.is_looping;
                        dispatch.emit(Action::SetLooping(is_looping));
                    }
                }
            })
        };
        Commands {
            on_shortcut,
            on_stop,
            on_pause,
            on_branch,
            on_versions,
            on_download,
            on_generate,
            on_play,
            on_save: on_save_take,
            on_record,
            on_record_take,
            on_model: on_model(dispatch, engine),
            on_preference: {
                let engine = engine.clone();
                Callback::from(move |preference| engine.set_preference(preference))
            },
            on_remedy,
            on_tap,
        }
    }))
    .clone()
}

fn on_model(dispatch: &Callback<Action>, engine: &EngineLink) -> Callback<File> {
    let (dispatch, engine) = (dispatch.clone(), engine.clone());
    Callback::from(move |chosen: File| {
        let (dispatch, engine) = (dispatch.clone(), engine.clone());
        wasm_bindgen_futures::spawn_local(async move {
            let name = file::name(&chosen);
            if chosen.size() > MAX_MODEL_BYTES {
                let why = format!("it is larger than {} MB", MAX_MODEL_BYTES / 1e6);
                return dispatch.emit(Action::Notify(Notice::ModelFileRefused { file: name, why }));
            }
            match file::read(&chosen, &name).await {
                // The music goes on until the model is there.
                Ok(bytes) => engine.load_file(name, bytes),
                Err(notice) => dispatch.emit(Action::Notify(notice)),
            }
        });
    })
}

/// The seed of the next performance; a visitor's first one is [`opening::SEED`].
fn next_seed(state: &State) -> u64 {
    // Where nothing can be stored, at least not twice in a row.
    if state.takes.current().is_some() || js::stored(HEARD_KEY).is_some() {
        return draw_seed();
    }
    js::store(HEARD_KEY, "yes");
    opening::SEED
}

/// A random seed.
pub fn draw_seed() -> u64 {
    // Seeds are no secrets, and `DRAWN_SEEDS` is far below 2^53.
    (js_sys::Math::random() * DRAWN_SEEDS as f64) as u64
}
