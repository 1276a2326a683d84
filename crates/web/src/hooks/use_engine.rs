use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Interval;
use session::engine::{Command, Event, OwnModel, Preference, Supervisor, WorkerId};
use session::protocol::{BackendKind, Reply, Request, TakeId};
use session::{Action, EngineState, RunKind, State, Take};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::engine::Engine;
use crate::player::{Player, PlayerHandle};
use crate::roll::ConsideredHandle;
use crate::{adapter, js, storage};

/// Where the weights lie, beside the page.
pub const WEIGHTS: &str = "weights/base.int8.safetensors";
/// Ticks while the tab is hidden. Must be well below the look-ahead for MIDI devices.
const TICK_MS: u32 = 25;
/// Between two looks at whether the worker gets on.
const WATCH_MS: u32 = 1000;

/// A handle to the workers.
#[derive(Clone)]
pub struct EngineLink(Rc<Shared>);

struct Shared {
    supervisor: RefCell<Supervisor>,
    workers: RefCell<BTreeMap<WorkerId, Engine>>,
    dispatch: Callback<Action>,
    player: PlayerHandle,
    considered: ConsideredHandle,
    /// Whether workers tell what the network considers.
    is_considering: Cell<bool>,
}

impl EngineLink {
    /// Loads the model again, in a new worker if there is none.
    pub fn retry(&self) {
        self.handle(Event::Retried);
    }

    /// Hands over a visitor's own weights.
    pub fn load_file(&self, name: String, bytes: Vec<u8>) {
        self.handle(Event::Brought(OwnModel { name, bytes: bytes.into() }));
    }

    /// Plays with the released weights again.
    pub fn unload_file(&self) {
        self.handle(Event::Returned);
    }

    /// Where the visitor wants the network to run.
    pub fn preference(&self) -> Preference {
        self.0.supervisor.borrow().preference()
    }

    /// Changes where the network runs.
    pub fn set_preference(&self, preference: Preference) {
        self.handle(Event::Preferred(preference));
    }

    /// What the network considered, as far as it was asked for.
    pub fn considered(&self) -> ConsideredHandle {
        self.0.considered.clone()
    }

    /// Has the workers tell what the network considers, or no more.
    pub fn consider(&self, is_asked: bool) {
        if self.0.is_considering.replace(is_asked) != is_asked {
            let workers = self.0.workers.borrow();
            workers.values().for_each(|worker| worker.post(&Request::Consider { is_asked }));
        }
    }

    /// Posts to the worker that composes, if there is one.
    fn post(&self, request: &Request) {
        let Some(engine) = self.0.supervisor.borrow().engine() else { return };
        self.ask(engine, |worker| worker.post(request));
    }

    fn ask(&self, worker: WorkerId, ask: impl FnOnce(&Engine)) {
        if let Some(worker) = self.0.workers.borrow().get(&worker) {
            ask(worker);
        }
    }

    fn handle(&self, event: Event) {
        let commands = self.0.supervisor.borrow_mut().handle(event);
        commands.into_iter().for_each(|command| self.follow(command));
    }

    fn follow(&self, command: Command) {
        match command {
            Command::FindAdapter => {
                let link = self.clone();
                spawn_local(async move { link.handle(Event::Found(adapter::find().await)) });
            }
            Command::Spawn(worker, backend) => self.spawn(worker, backend),
            Command::End(worker) => {
                let ended = self.0.workers.borrow_mut().remove(&worker);
                // Later, because one of its own callbacks may be running.
                spawn_local(async move { drop(ended) });
            }
            Command::Load(worker, placement) => match js::asset_url(WEIGHTS) {
                Ok(weights_url) => {
                    self.ask(worker, |worker| worker.post(&Request::Load { weights_url, placement }));
                }
                Err(error) => web_sys::console::error_1(&error),
            },
            Command::LoadFile(worker, OwnModel { name, bytes }) => {
                self.ask(worker, |worker| worker.post_with_bytes(&Request::LoadFile { name }, &bytes));
            }
            Command::Say(action) => self.0.dispatch.emit(action),
            Command::Remember(benchmark) => storage::store_benchmark(&benchmark),
            Command::Prefer(preference) => storage::store_preference(preference),
        }
    }

    fn spawn(&self, worker: WorkerId, backend: BackendKind) {
        let (hearing, dying) = (self.clone(), self.clone());
        let on_reply = move |reply| match reply {
            Reply::Tick => hearing.0.player.with(Player::tick),
            Reply::Considered { take, at_us, keys } => hearing.0.considered.push(take, at_us, keys),
            reply => hearing.handle(Event::Replied(worker, reply)),
        };
        let on_crash = move |why| dying.handle(Event::Crashed(worker, why));
        // If there is none, loading says why.
        let weights_url = js::asset_url(WEIGHTS).ok();
        match Engine::start(backend, weights_url.as_deref(), on_reply, on_crash) {
            Ok(engine) => {
                if self.0.is_considering.get() {
                    engine.post(&Request::Consider { is_asked: true });
                }
                self.0.workers.borrow_mut().insert(worker, engine);
            }
            Err(notice) => {
                // Later, so that the supervisor's other commands come first.
                let link = self.clone();
                spawn_local(async move { link.handle(Event::NotStarted(worker, notice)) });
            }
        }
    }
}

impl PartialEq for EngineLink {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Keeps a worker running and sends it what the state asks for.
#[hook]
pub fn use_engine(
    state: &State,
    dispatch: &Callback<Action>,
    player: &PlayerHandle,
    preference: Preference,
) -> EngineLink {
    let link = (*use_memo((), |()| {
        EngineLink(Rc::new(Shared {
            supervisor: RefCell::new(Supervisor::new(
                preference,
                storage::benchmark(),
                storage::gpu_program(),
            )),
            workers: RefCell::default(),
            dispatch: dispatch.clone(),
            player: player.clone(),
            considered: ConsideredHandle::default(),
            is_considering: Cell::new(false),
        }))
    }))
    .clone();
    use_effect_with((), {
        let link = link.clone();
        move |()| {
            link.handle(Event::Opened);
            move || link.0.workers.borrow_mut().clear()
        }
    });

    // A worker that is ready gets the recipes and the tokens so far, whichever worker composed them.
    let readiness = matches!(state.engine, EngineState::Ready(_)).then_some(state.readiness);
    let (transport, take) = (&state.transport, state.takes.current().cloned());
    let composing = composing(state);
    let besides: Vec<TakeId> = transport.beside.iter().map(|beside| beside.take).collect();
    use_effect_with((readiness, transport.run, besides), {
        let link = link.clone();
        move |(readiness, run, _)| {
            if run.is_none_or(|run| run.kind == RunKind::Replay) {
                link.post(&Request::Stop);
            } else if readiness.is_some() && !composing.is_empty() {
                let jobs = composing.iter().map(|(take, epoch)| take.job(*epoch)).collect();
                link.post(&Request::Start { jobs });
            }
        }
    });
    // After the effect above: a performance is started before it is steered.
    let splice = transport.steering.in_flight().cloned();
    use_effect_with(splice.as_ref().map(|splice| splice.epoch), {
        let link = link.clone();
        move |_| {
            if let (Some(splice), Some(take)) = (splice, take) {
                link.post(&splice.request(&take));
            }
        }
    });
    use_effect_with((transport.generating(), transport.position_secs(), readiness), {
        let link = link.clone();
        move |&(take, position_secs, _)| {
            if take.is_some() {
                link.post(&Request::Played { position_us: position_secs * 1_000_000 });
            }
        }
    });
    use_hidden_ticks(transport.run.is_some(), readiness, &link, player);
    use_watch(state, &link);
    link
}

/// What is to be composed now, with its epoch: the performance on stage first.
fn composing(state: &State) -> Vec<(Rc<Take>, u32)> {
    let transport = &state.transport;
    let stage = transport.generating().map(|take| (take, transport.steering.epoch()));
    let beside = transport.beside.iter().map(|beside| (beside.take, beside.epoch));
    let all = stage.into_iter().chain(beside);
    all.filter_map(|(id, epoch)| Some((Rc::clone(state.takes.get(id)?), epoch)))
        .filter(|(take, _)| !take.is_complete)
        .collect()
}

/// Looks once a second whether the worker gets on.
#[hook]
fn use_watch(state: &State, link: &EngineLink) {
    let is_waiting = use_mut_ref(|| false);
    let take = state.transport.generating().and_then(|id| state.takes.get(id));
    let end_us = (state.transport.position_secs() + 1) * 1_000_000;
    *is_waiting.borrow_mut() = take.is_some_and(|take| !take.is_complete && take.music_us() <= end_us);
    use_effect_with((), {
        let link = link.clone();
        move |()| {
            let interval = Interval::new(WATCH_MS, move || {
                let is_waiting = *is_waiting.borrow();
                link.handle(Event::Watched { now_ms: js::now_ms(), is_waiting });
            });
            move || drop(interval)
        }
    });
}

/// Has the worker keep the time while the tab is hidden.
#[hook]
fn use_hidden_ticks(is_running: bool, readiness: Option<u32>, link: &EngineLink, player: &PlayerHandle) {
    use_effect_with((is_running, readiness), {
        let (link, player) = (link.clone(), player.clone());
        move |&(is_running, _)| {
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
