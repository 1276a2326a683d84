use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::events::EventListener;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::engine::Engine;
use crate::notice::Notice;
use crate::player::{Player, PlayerHandle};
use crate::protocol::{Backend, Place, Reply, Request};
use crate::state::{Action, EngineState, RunKind, State};
use crate::{adapter, js};

/// Where the weights lie, beside the page.
pub const WEIGHTS: &str = "weights/base.safetensors";
/// A worker that crashes this often is not started again.
const MAX_CRASHES: u32 = 3;
/// Ticks while the tab is hidden. Must be well below the look-ahead for MIDI devices.
const TICK_MS: u32 = 25;

/// The worker, for those who have something to ask of it.
#[derive(Clone)]
pub struct EngineLink {
    engine: Rc<RefCell<Option<Engine>>>,
    /// Where the worker runs the network; none before that is decided.
    place: Rc<RefCell<Option<Place>>>,
    on_restart: Callback<()>,
}

impl EngineLink {
    /// Loads the model again; in a new worker if there is none any more.
    pub fn retry(&self) {
        if self.engine.borrow().is_some() { self.load() } else { self.on_restart.emit(()) }
    }

    /// Hands over a visitor's own weights.
    pub fn load_file(&self, name: String, bytes: &[u8]) {
        if let Some(engine) = self.engine.borrow().as_ref() {
            engine.post_with_bytes(&Request::LoadFile { name }, bytes);
        }
    }

    fn load(&self) {
        let Some(place) = self.place.borrow().clone() else { return };
        match js::beside_the_page(WEIGHTS) {
            Ok(weights_url) => self.post(&Request::Load { weights_url, place }),
            Err(error) => web_sys::console::error_1(&error),
        }
    }

    /// Decides once where the network runs.
    async fn place(&self, asked: Option<Backend>) -> Place {
        let decided = self.place.borrow().clone();
        match decided {
            Some(place) => place,
            None => {
                let place = adapter::choose(asked).await;
                self.place.borrow_mut().get_or_insert(place).clone()
            }
        }
    }

    /// A new worker, on the processor.
    fn move_to_processor(&self, reason: Notice) {
        *self.place.borrow_mut() = Some(Place::cpu(reason));
        self.on_restart.emit(());
    }

    /// A worker that is not there hears nothing.
    fn post(&self, request: &Request) {
        if let Some(engine) = self.engine.borrow().as_ref() {
            engine.post(request);
        }
    }
}

impl PartialEq for EngineLink {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.engine, &other.engine)
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
    // Counts workers; a new number starts a new one.
    let generation = use_mut_ref(|| 0);
    let restart = use_force_update();
    let on_restart = use_callback((), {
        let generation = Rc::clone(&generation);
        move |(), ()| {
            *generation.borrow_mut() += 1;
            restart.force_update();
        }
    });
    let link =
        (*use_memo((), |()| EngineLink { engine: Rc::default(), place: Rc::default(), on_restart })).clone();
    let crashes = use_mut_ref(|| 0);

    let number = *generation.borrow();
    use_effect_with(number, {
        let (link, on, player) = (link.clone(), on.clone(), player.clone());
        move |_| {
            let say = {
                let on = on.clone();
                move |reply| on.emit(Action::Replied { reply, now_ms: js::now_ms() })
            };
            on.emit(Action::EngineStarting);
            let on_reply = {
                let (say, player, link) = (say.clone(), player.clone(), link.clone());
                move |reply| match reply {
                    Reply::Tick => player.with(Player::tick),
                    Reply::Unsuited { reason } => link.move_to_processor(reason),
                    reply => say(reply),
                }
            };
            let on_crash = {
                let (say, link) = (say.clone(), link.clone());
                move |why| {
                    *crashes.borrow_mut() += 1;
                    if *crashes.borrow() < MAX_CRASHES {
                        say(Reply::Failed { notice: Notice::WorkerCrashed { why } });
                        link.on_restart.emit(());
                    } else {
                        // The next one is the visitor's decision.
                        *crashes.borrow_mut() = 0;
                        drop(link.engine.borrow_mut().take());
                        say(Reply::Failed { notice: Notice::WorkerGone { why } });
                    }
                }
            };
            let is_wanted = Rc::new(Cell::new(true));
            spawn_local({
                let (link, is_wanted) = (link.clone(), Rc::clone(&is_wanted));
                async move {
                    let place = link.place(backend).await;
                    if !is_wanted.get() {
                        return;
                    }
                    match Engine::start(place.backend, on_reply, on_crash) {
                        Ok(engine) => {
                            *link.engine.borrow_mut() = Some(engine);
                            link.load();
                        }
                        Err(notice) => say(Reply::Failed { notice }),
                    }
                }
            });
            move || {
                is_wanted.set(false);
                drop(link.engine.borrow_mut().take());
            }
        }
    });

    let is_ready = matches!(state.engine, EngineState::Ready(_));
    use_effect_with((is_ready, state.run), {
        let (link, take) = (link.clone(), state.take.clone());
        move |&(is_ready, run)| match (run, take) {
            (Some(run), Some(take)) if is_ready && run.kind == RunKind::Generate && !take.is_complete => {
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
