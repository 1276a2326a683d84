use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use yew::prelude::*;

use crate::engine::Engine;
use crate::js;
use crate::notice::Notice;
use crate::player::PlayerHandle;
use crate::protocol::{Backend, Reply, Request};
use crate::state::{Action, EngineState, RunKind, State};

/// Where the weights lie, beside the page. Another content has another address.
const WEIGHTS: &str = concat!("weights/base.safetensors?v=", env!("WEIGHTS_VERSION"));
/// A worker that crashes this often is not started again.
const MAX_CRASHES: u32 = 3;
/// Ticks while the tab is hidden. Must be well below the look-ahead for MIDI devices.
const TICK_MS: u32 = 25;

/// The worker, for those who have something to ask of it.
#[derive(Clone)]
pub struct EngineLink(Rc<RefCell<Option<Engine>>>);

impl EngineLink {
    /// Asks for something; a worker that is not there hears nothing.
    pub fn post(&self, request: &Request) {
        if let Some(engine) = self.0.borrow().as_ref() {
            engine.post(request);
        }
    }

    /// Loads the model again.
    pub fn load(&self, backend: Option<Backend>) {
        match js::beside_the_page(WEIGHTS) {
            Ok(weights_url) => self.post(&Request::Load { weights_url, backend }),
            Err(error) => web_sys::console::error_1(&error),
        }
    }

    /// Hands over a visitor's own weights.
    pub fn load_file(&self, name: String, bytes: &[u8]) {
        if let Some(engine) = self.0.borrow().as_ref() {
            engine.post_with_bytes(&Request::LoadFile { name }, bytes);
        }
    }
}

impl PartialEq for EngineLink {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Keeps a worker running and tells it what the state asks for.
#[hook]
pub fn use_engine(
    state: &State,
    on: &Callback<Action>,
    player: &PlayerHandle,
    backend: Option<Backend>,
) -> EngineLink {
    let link = (*use_memo((), |()| EngineLink(Rc::new(RefCell::new(None))))).clone();
    // Counts workers; a new number starts a new one.
    let generation = use_state(|| 0);

    use_effect_with(*generation, {
        let (link, on, player, generation) = (link.clone(), on.clone(), player.clone(), generation.clone());
        move |&number| {
            on.emit(Action::EngineStarting);
            let on_reply = {
                let (on, player) = (on.clone(), player.clone());
                move |reply| match reply {
                    Reply::Tick => {
                        player.with(|player| player.tick());
                    }
                    reply => on.emit(Action::Replied { reply, now_ms: js::now_ms() }),
                }
            };
            let on_crash = {
                let (on, generation) = (on.clone(), generation.clone());
                move |why| {
                    let is_last = number + 1 >= MAX_CRASHES;
                    let notice = if is_last { Notice::WorkerGone { why } } else { Notice::WorkerCrashed { why } };
                    on.emit(Action::Replied { reply: Reply::Failed { notice }, now_ms: js::now_ms() });
                    if !is_last {
                        generation.set(number + 1);
                    }
                }
            };
            match Engine::start(on_reply, on_crash) {
                Ok(engine) => {
                    *link.0.borrow_mut() = Some(engine);
                    link.load(backend);
                }
                Err(notice) => {
                    on.emit(Action::Replied { reply: Reply::Failed { notice }, now_ms: js::now_ms() });
                }
            }
            // The next worker's effect replaces the link's content, so only leaving the page empties it.
            move || drop(link.0.borrow_mut().take())
        }
    });

    let is_ready = matches!(state.engine, EngineState::Ready(_));
    use_effect_with((is_ready, state.run), {
        let (link, take) = (link.clone(), state.take.clone());
        move |&(is_ready, run)| match (run, take) {
            (Some(run), Some(take)) if is_ready && run.kind == RunKind::Generate && take.tokens.is_empty() => {
                let primer = take.primer.as_ref().map(|primer| &primer.tokens);
                link.post(&Request::Start {
                    take: take.id,
                    seed: take.seed,
                    sampling: take.sampling,
                    primer: primer.into_iter().flatten().map(|token| token.get()).collect(),
                    length_us: take.length_us,
                });
            }
            (Some(run), _) if run.kind == RunKind::Generate => {}
            _ => link.post(&Request::Stop),
        }
    });
    use_effect_with(state.settings.sampling, {
        let link = link.clone();
        move |&sampling| link.post(&Request::SetSampling { sampling })
    });
    let take = state.run.filter(|run| run.kind == RunKind::Generate).map(|run| run.take);
    use_effect_with((take, state.position_secs), {
        let link = link.clone();
        move |&(take, position_secs)| {
            if let Some(take) = take {
                link.post(&Request::Played { take, position_us: position_secs * 1_000_000 });
            }
        }
    });
    use_hidden_ticks(state.run.is_some(), &link, player);
    link
}

/// Has the worker keep the time while the tab is hidden.
#[hook]
fn use_hidden_ticks(is_running: bool, link: &EngineLink, player: &PlayerHandle) {
    use_effect_with(is_running, {
        let (link, player) = (link.clone(), player.clone());
        move |&is_running| {
            let tell = move || {
                let is_hidden = gloo::utils::document().hidden();
                player.with(|player| player.set_hidden(is_hidden));
                link.post(&Request::Tick { every_ms: (is_hidden && is_running).then_some(TICK_MS) });
            };
            tell();
            let listener = EventListener::new(&gloo::utils::document(), "visibilitychange", move |_| tell());
            move || drop(listener)
        }
    });
}
