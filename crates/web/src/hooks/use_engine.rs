use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::events::EventListener;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::engine::Engine;
use crate::notice::Notice;
use crate::placement::{Benchmark, Choice, Preference};
use crate::player::{Player, PlayerHandle};
use crate::protocol::{self, Backend, Placement, Reply, Request};
use crate::state::{Action, EngineState, RunKind, State};
use crate::{adapter, js};

/// Where the weights lie, beside the page.
pub const WEIGHTS: &str = "weights/base.safetensors";
/// A worker that crashes this often is not started again.
const MAX_CRASHES: u32 = 3;
/// Ticks while the tab is hidden. Must be well below the look-ahead for MIDI devices.
const TICK_MS: u32 = 25;

/// The workers, for those who have something to ask of them.
#[derive(Clone)]
pub struct EngineLink {
    engine: Slot,
    /// Tried beside the engine, to see whether it is faster.
    candidate: Slot,
    /// Where the engine is, and what to try beside it; none before that is decided.
    choice: Rc<RefCell<Option<Choice>>>,
    preference: Rc<Cell<Preference>>,
    /// A visitor's own weights, for the next worker.
    own_model: Rc<RefCell<Option<OwnModel>>>,
    on_restart: Callback<()>,
}

type Slot = Rc<RefCell<Option<Engine>>>;

/// What to ask a worker for, and the file's bytes.
type OwnModel = (Request, Vec<u8>);

impl EngineLink {
    /// Loads the model again; in a new worker if there is none any more.
    pub fn retry(&self) {
        match (&*self.engine.borrow(), &*self.choice.borrow()) {
            (Some(engine), Some(choice)) => self.load(engine, &choice.placement),
            _ => self.on_restart.emit(()),
        }
    }

    /// Hands over a visitor's own weights.
    pub fn load_file(&self, name: String, bytes: &[u8]) {
        let request = Request::LoadFile { name };
        if let Some(engine) = self.engine.borrow().as_ref() {
            engine.post_with_bytes(&request, bytes);
        }
        *self.own_model.borrow_mut() = Some((request, bytes.to_vec()));
    }

    /// What the visitor wants.
    pub fn preference(&self) -> Preference {
        self.preference.get()
    }

    /// The visitor wants something else.
    pub fn set_preference(&self, preference: Preference) {
        preference.store();
        self.preference.set(preference);
        self.move_to(None);
    }

    /// Decides once where the network runs.
    async fn choose(&self) -> Placement {
        let decided = self.choice.borrow().as_ref().map(|choice| choice.placement.clone());
        if let Some(placement) = decided {
            return placement;
        }
        let choice = Choice::of(self.preference.get(), adapter::find().await, Benchmark::stored().as_ref());
        self.choice.borrow_mut().get_or_insert(choice).placement.clone()
    }

    /// A new worker: there, or wherever is best.
    fn move_to(&self, placement: Option<Placement>) {
        drop(self.candidate.borrow_mut().take());
        *self.choice.borrow_mut() = placement.map(|placement| Choice { placement, candidate: None });
        self.on_restart.emit(());
    }

    /// Has a worker load the model, and the visitor's own if there is one.
    fn load(&self, engine: &Engine, placement: &Placement) {
        match js::asset_url(WEIGHTS) {
            Ok(weights_url) => engine.post(&Request::Load { weights_url, placement: placement.clone() }),
            Err(error) => web_sys::console::error_1(&error),
        }
        if let Some((request, bytes)) = &*self.own_model.borrow() {
            engine.post_with_bytes(request, bytes);
        }
    }

    /// Where the engine is.
    fn backend(&self) -> Option<Backend> {
        self.choice.borrow().as_ref().map(|choice| choice.placement.backend)
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

/// What a worker's words lead to.
#[derive(Clone)]
struct Listener {
    link: EngineLink,
    on: Callback<Action>,
    player: PlayerHandle,
    crashes: Rc<Cell<u32>>,
}

impl Listener {
    fn say(&self, reply: Reply) {
        self.on.emit(Action::Replied { reply, now_ms: js::now_ms() });
    }

    /// Starts the engine, and has it load the model.
    fn start(&self, placement: &Placement) {
        let (hearing, dying) = (self.clone(), self.clone());
        match Engine::start(
            placement.backend,
            move |reply| hearing.hear(reply),
            move |why| dying.on_crash(why),
        ) {
            Ok(engine) => {
                self.link.load(&engine, placement);
                *self.link.engine.borrow_mut() = Some(engine);
            }
            Err(notice) => self.say(Reply::Failed { notice }),
        }
    }

    fn hear(&self, reply: Reply) {
        match reply {
            Reply::Tick => self.player.with(Player::tick),
            Reply::Unsuited { reason } => self.link.move_to(Some(Placement::cpu(reason))),
            Reply::Ready { engine } => {
                let speed = engine.events_per_second;
                self.say(Reply::Ready { engine });
                self.challenge(speed);
            }
            reply => {
                if matches!(&reply, Reply::Failed { notice: Notice::ModelFileRefused { .. } }) {
                    *self.link.own_model.borrow_mut() = None;
                }
                self.say(reply);
            }
        }
    }

    /// The engine has crashed.
    fn on_crash(&self, why: String) {
        if self.link.backend() == Some(Backend::WebGpu) {
            let notice = Notice::GpuLost { why };
            self.on.emit(Action::Notify(notice.clone()));
            return self.link.move_to(Some(Placement::cpu(notice)));
        }
        self.crashes.set(self.crashes.get() + 1);
        if self.crashes.get() < MAX_CRASHES {
            self.say(Reply::Failed { notice: Notice::WorkerCrashed { why } });
            self.link.on_restart.emit(());
        } else {
            // The next one is the visitor's decision.
            self.crashes.set(0);
            drop(self.link.engine.borrow_mut().take());
            self.say(Reply::Failed { notice: Notice::WorkerGone { why } });
        }
    }

    /// Tries whether another placement is faster than the engine, which makes so many events per second.
    fn challenge(&self, cpu: f64) {
        let candidate = self.link.choice.borrow_mut().as_mut().and_then(|choice| choice.candidate.take());
        let Some(placement) = candidate else { return };
        let is_engine = Rc::new(Cell::new(false));
        let on_reply = {
            let (this, placement, is_engine) = (self.clone(), placement.clone(), Rc::clone(&is_engine));
            move |reply| match reply {
                reply if is_engine.get() => this.hear(reply),
                Reply::Ready { engine } => {
                    let benchmark = Benchmark::new(&placement.adapter, cpu, engine.events_per_second);
                    benchmark.store();
                    if benchmark.is_gpu_faster() {
                        is_engine.set(true);
                        this.take_over(placement.clone(), engine);
                    } else {
                        this.give_up(Notice::GpuSlow { adapter: placement.adapter.clone() });
                    }
                }
                Reply::Unsuited { reason } | Reply::Failed { notice: reason } => this.give_up(reason),
                _ => {}
            }
        };
        let on_crash = {
            let (this, placement) = (self.clone(), placement.clone());
            move |why| {
                if is_engine.get() {
                    return this.on_crash(why);
                }
                Benchmark::new(&placement.adapter, cpu, 0.0).store();
                this.give_up(Notice::GpuFailed { why });
            }
        };
        // One that cannot be started is not missed.
        if let Ok(candidate) = Engine::start(placement.backend, on_reply, on_crash) {
            self.link.load(&candidate, &placement);
            *self.link.candidate.borrow_mut() = Some(candidate);
        }
    }

    /// The candidate becomes the engine, and goes on with what was being composed.
    fn take_over(&self, placement: Placement, engine: protocol::Engine) {
        let candidate = self.link.candidate.borrow_mut().take();
        *self.link.engine.borrow_mut() = candidate;
        *self.link.choice.borrow_mut() = Some(Choice { placement, candidate: None });
        self.say(Reply::Ready { engine });
    }

    /// The candidate is not wanted.
    fn give_up(&self, reason: Notice) {
        drop(self.link.candidate.borrow_mut().take());
        let placement = Placement::cpu(reason);
        if let Some(choice) = self.link.choice.borrow_mut().as_mut() {
            choice.placement = placement.clone();
        }
        self.on.emit(Action::Placed(placement));
    }
}

/// Keeps a worker running and tells it what the state asks for.
#[hook]
pub fn use_engine(
    state: &State,
    on: &Callback<Action>,
    player: &PlayerHandle,
    preference: Preference,
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
    let link = (*use_memo((), |()| EngineLink {
        engine: Rc::default(),
        candidate: Rc::default(),
        choice: Rc::default(),
        preference: Rc::new(Cell::new(preference)),
        own_model: Rc::default(),
        on_restart,
    }))
    .clone();
    let crashes = (*use_memo((), |()| Rc::new(Cell::new(0)))).clone();

    let number = *generation.borrow();
    use_effect_with(number, {
        let (link, on) = (link.clone(), on.clone());
        let listener = Listener { link: link.clone(), on: on.clone(), player: player.clone(), crashes };
        move |_| {
            on.emit(Action::EngineStarting);
            let is_wanted = Rc::new(Cell::new(true));
            spawn_local({
                let (link, is_wanted) = (link.clone(), Rc::clone(&is_wanted));
                async move {
                    let placement = link.choose().await;
                    if is_wanted.get() {
                        listener.start(&placement);
                    }
                }
            });
            move || {
                is_wanted.set(false);
                drop(link.engine.borrow_mut().take());
            }
        }
    });

    // A worker that is ready has to be told what is being composed, whoever composed it so far.
    let readiness = matches!(state.engine, EngineState::Ready(_)).then_some(state.readiness);
    use_effect_with((readiness, state.run), {
        let (link, take, sampling) = (link.clone(), state.take.clone(), state.settings.sampling);
        move |&(readiness, run)| match (run, take) {
            (Some(run), Some(take))
                if readiness.is_some() && run.kind == RunKind::Generate && !take.is_complete =>
            {
                let primer = take.primer.as_ref().map(|primer| &primer.tokens);
                link.post(&Request::Start {
                    take: take.id,
                    seed: take.seed,
                    sampling,
                    primer: primer.into_iter().flatten().map(|token| token.get()).collect(),
                    composed: take.tokens.iter().map(|token| token.get()).collect(),
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
    use_effect_with((take, state.position_secs, readiness), {
        let link = link.clone();
        move |&(take, position_secs, _)| {
            if let Some(take) = take {
                link.post(&Request::Played { take, position_us: position_secs * 1_000_000 });
            }
        }
    });
    use_hidden_ticks(state.run.is_some(), readiness, &link, player);
    link
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
