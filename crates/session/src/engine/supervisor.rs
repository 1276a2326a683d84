//! Workers: which one composes, which one is measured beside it, and what to do when one dies. Events in,
//! commands out.
//!
//! The CPU begins, because its program is small and ready at once. Where there is a GPU, a second worker is
//! measured on it once the first one is ready. The faster one stays. A lost GPU is replaced by the CPU. A
//! worker that crashes is started again, a limited number of times.

use std::rc::Rc;

use super::watch::{Silence, Watch};
use super::{Adapter, Benchmark, Choice, Preference};
use crate::protocol::{BackendKind, Engine, Placement, Reply};
use crate::{Action, Notice};

/// A worker that crashes this often is not started again.
const MAX_CRASHES: u32 = 3;

/// A worker of this session; later ones have larger numbers.
pub type WorkerId = u32;

/// A visitor's own weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnModel {
    /// The file's name.
    pub name: String,
    /// The file.
    pub bytes: Rc<[u8]>,
}

impl OwnModel {
    /// The name that the engine gives it.
    fn title(&self) -> &str {
        self.name.strip_suffix(".safetensors").unwrap_or(&self.name)
    }
}

/// What happens to workers.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The page has opened.
    Opened,
    /// The browser has said what GPU there is.
    Found(Adapter),
    /// A worker said something.
    Replied(WorkerId, Reply),
    /// A worker died, for this reason.
    Crashed(WorkerId, String),
    /// The browser did not start a worker.
    NotStarted(WorkerId, Notice),
    /// The visitor chose where the network runs.
    Preferred(Preference),
    /// The visitor wants the model loaded again.
    Retried,
    /// The visitor brought weights.
    Brought(OwnModel),
    /// The visitor wants the released weights again.
    Returned,
    /// A second has passed.
    Watched {
        /// Milliseconds on any clock that only goes forward.
        now_ms: f64,
        /// The music has come to where nothing is composed yet.
        is_waiting: bool,
    },
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask the browser for its GPU; answered by [`Event::Found`].
    FindAdapter,
    /// Start a worker.
    Spawn(WorkerId, BackendKind),
    /// End a worker.
    End(WorkerId),
    /// Have a worker load the released model.
    Load(WorkerId, Placement),
    /// Have a worker take these weights instead.
    LoadFile(WorkerId, OwnModel),
    /// Dispatch an action to the page's state.
    Say(Action),
    /// Keep for later visits what was measured.
    Remember(Benchmark),
    /// Keep for later visits what the visitor wants.
    Prefer(Preference),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Supervisor {
    preference: Preference,
    /// Measured on an earlier visit, or on this one.
    benchmark: Option<Benchmark>,
    /// Names the GPU's program.
    program: String,
    choice: Option<Choice>,
    engine: Option<WorkerId>,
    candidate: Option<Candidate>,
    own_model: Option<OwnModel>,
    /// A visitor's weights that no worker has taken yet.
    brought: Option<OwnModel>,
    /// What the engine said when it was last ready.
    ready: Option<Engine>,
    watch: Watch,
    n_crashes: u32,
    next_worker: WorkerId,
}

/// A worker that is tried beside the engine.
#[derive(Clone, Debug)]
struct Candidate {
    worker: WorkerId,
    placement: Placement,
    /// Events per second of the engine.
    engine_speed: f64,
}

impl Supervisor {
    /// `program` names the GPU's program, so that another one is measured anew.
    #[must_use]
    pub fn new(preference: Preference, benchmark: Option<Benchmark>, program: String) -> Self {
        let benchmark = benchmark.filter(|benchmark| benchmark.program == program);
        Self {
            preference,
            benchmark,
            program,
            choice: None,
            engine: None,
            candidate: None,
            own_model: None,
            brought: None,
            ready: None,
            watch: Watch::default(),
            n_crashes: 0,
            next_worker: 1,
        }
    }

    /// The worker that composes, if there is one.
    #[must_use]
    pub fn engine(&self) -> Option<WorkerId> {
        self.engine
    }

    /// Where the visitor wants the network to run.
    #[must_use]
    pub fn preference(&self) -> Preference {
        self.preference
    }

    /// What to do about an event.
    pub fn handle(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Opened => vec![Command::Say(Action::EngineStarting), Command::FindAdapter],
            Event::Found(adapter) => {
                // Decided once; a second answer may come late.
                if self.choice.is_some() {
                    return Vec::new();
                }
                let choice = Choice::of(self.preference, adapter, self.benchmark.as_ref());
                let placement = self.choice.insert(choice).placement.clone();
                self.start(&placement)
            }
            Event::Replied(worker, reply) if self.engine == Some(worker) => self.hear(worker, reply),
            Event::Replied(worker, reply) => self.hear_candidate(worker, reply),
            Event::Crashed(worker, why) if self.engine == Some(worker) => self.bury(why),
            Event::Crashed(worker, why) => {
                let is_candidate = |candidate: &mut Candidate| candidate.worker == worker;
                let Some(candidate) = self.candidate.take_if(is_candidate) else { return Vec::new() };
                let mut commands = vec![self.remember(&candidate, 0.0)];
                commands.extend(self.give_up(&candidate, Notice::GpuFailed { why }));
                commands
            }
            Event::NotStarted(worker, notice) if self.engine == Some(worker) => {
                self.engine = None;
                vec![Command::Say(Action::Replied(Reply::Failed { notice }))]
            }
            // A candidate that cannot be started is not missed.
            Event::NotStarted(worker, _) => {
                self.candidate.take_if(|candidate| candidate.worker == worker);
                Vec::new()
            }
            Event::Preferred(preference) => {
                self.preference = preference;
                let mut commands = vec![Command::Prefer(preference)];
                commands.extend(self.move_to(None));
                commands
            }
            Event::Retried => match (self.engine, &self.choice) {
                (Some(engine), Some(choice)) => self.load(engine, &choice.placement.clone()),
                _ => self.restart(),
            },
            Event::Brought(model) => {
                self.brought = Some(model.clone());
                self.engine.map(|engine| Command::LoadFile(engine, model)).into_iter().collect()
            }
            Event::Returned => {
                match (self.own_model.take().or(self.brought.take()), self.engine, &self.choice) {
                    (Some(_), Some(engine), Some(choice)) => self.load(engine, &choice.placement.clone()),
                    _ => Vec::new(),
                }
            }
            Event::Watched { now_ms, is_waiting } => self.look(now_ms, is_waiting),
        }
    }

    /// A worker that does not answer is started again; a download that does not get on is given up.
    fn look(&mut self, now_ms: f64, is_waiting: bool) -> Vec<Command> {
        let silence = self.watch.look(now_ms, is_waiting);
        match (self.engine, silence) {
            (Some(_), Some(Silence::Dead(why))) => self.bury(why),
            (Some(engine), Some(Silence::Stalled(why))) => {
                self.engine = None;
                let notice = Notice::WeightsBroken { why };
                vec![Command::End(engine), Command::Say(Action::Replied(Reply::Failed { notice }))]
            }
            _ => Vec::new(),
        }
    }

    /// The engine said something.
    fn hear(&mut self, worker: WorkerId, reply: Reply) -> Vec<Command> {
        self.watch.hear(&reply);
        match reply {
            Reply::Unsuited { reason } => self.move_to(Some(self.on_cpu(reason))),
            Reply::Ready { engine } => {
                let speed = engine.events_per_second;
                let mut commands = Vec::new();
                if let Some(model) = self.brought.take_if(|model| model.title() == engine.model.name) {
                    // Other weights compose other music.
                    commands.push(Command::Say(Action::Stop));
                    self.own_model = Some(model);
                }
                self.ready = Some(engine.clone());
                commands.push(Command::Say(Action::Replied(Reply::Ready { engine })));
                commands.extend(self.challenge(worker, speed));
                commands
            }
            reply => {
                let is_refused = matches!(&reply, Reply::Failed { notice: Notice::ModelFileRefused { .. } });
                let mut commands = vec![Command::Say(Action::Replied(reply))];
                if is_refused {
                    if self.brought.take().is_none() {
                        self.own_model = None;
                    }
                    // The model in use goes on composing where it was interrupted.
                    let ready = self.ready.clone();
                    commands
                        .extend(ready.map(|engine| Command::Say(Action::Replied(Reply::Ready { engine }))));
                }
                commands
            }
        }
    }

    /// A worker that is tried said something.
    fn hear_candidate(&mut self, worker: WorkerId, reply: Reply) -> Vec<Command> {
        if !matches!(reply, Reply::Ready { .. } | Reply::Unsuited { .. } | Reply::Failed { .. }) {
            return Vec::new();
        }
        let Some(candidate) = self.candidate.take_if(|candidate| candidate.worker == worker) else {
            return Vec::new();
        };
        match reply {
            Reply::Ready { engine } => {
                let mut commands = vec![self.remember(&candidate, engine.events_per_second)];
                if engine.events_per_second > candidate.engine_speed {
                    commands.extend(self.engine.replace(worker).map(Command::End));
                    self.choice = Some(Choice { placement: candidate.placement, candidate: None });
                    // When it is ready, it gets the recipe and the tokens so far, and continues.
                    commands.push(Command::Say(Action::Replied(Reply::Ready { engine })));
                } else {
                    let adapter = candidate.placement.adapter.clone();
                    commands.extend(self.give_up(&candidate, Notice::GpuSlow { adapter }));
                }
                commands
            }
            Reply::Unsuited { reason } | Reply::Failed { notice: reason } => self.give_up(&candidate, reason),
            _ => Vec::new(),
        }
    }

    /// The engine has crashed.
    fn bury(&mut self, why: String) -> Vec<Command> {
        let is_on_webgpu = self.choice.as_ref().is_some_and(|choice| choice.placement.backend.is_on_webgpu());
        if is_on_webgpu {
            let notice = Notice::GpuLost { why };
            let mut commands = vec![Command::Say(Action::Notify(notice.clone()))];
            commands.extend(self.move_to(Some(self.on_cpu(notice))));
            return commands;
        }
        self.n_crashes += 1;
        if self.n_crashes < MAX_CRASHES {
            let notice = Notice::WorkerCrashed { why };
            let mut commands = vec![Command::Say(Action::Replied(Reply::Failed { notice }))];
            commands.extend(self.restart());
            commands
        } else {
            // The next one is the visitor's decision.
            self.n_crashes = 0;
            let mut commands: Vec<Command> = self.engine.take().map(Command::End).into_iter().collect();
            let notice = Notice::WorkerGone { why };
            commands.push(Command::Say(Action::Replied(Reply::Failed { notice })));
            commands
        }
    }

    /// The CPU in place of where the engine is.
    fn on_cpu(&self, reason: Notice) -> Placement {
        match &self.choice {
            Some(choice) => choice.placement.on_cpu(reason),
            None => Placement::cpu(reason),
        }
    }

    /// Measures whether another backend is faster than the engine; `engine_speed` is in events per second.
    fn challenge(&mut self, engine: WorkerId, engine_speed: f64) -> Vec<Command> {
        let candidate = self.choice.as_mut().and_then(|choice| choice.candidate.take());
        let Some(placement) = candidate.filter(|_| self.engine == Some(engine)) else { return Vec::new() };
        let worker = self.worker_id();
        let mut commands = vec![Command::Spawn(worker, placement.backend)];
        commands.extend(self.load(worker, &placement));
        self.candidate = Some(Candidate { worker, placement, engine_speed });
        commands
    }

    /// The candidate is not wanted.
    fn give_up(&mut self, candidate: &Candidate, reason: Notice) -> Vec<Command> {
        let placement = Placement::cpu(reason);
        if let Some(choice) = &mut self.choice {
            choice.placement = placement.clone();
        }
        vec![Command::End(candidate.worker), Command::Say(Action::Placed(placement))]
    }

    fn remember(&mut self, candidate: &Candidate, gpu: f64) -> Command {
        let adapter = candidate.placement.adapter.clone();
        let benchmark =
            Benchmark { adapter, program: self.program.clone(), cpu: candidate.engine_speed, gpu };
        self.benchmark = Some(benchmark.clone());
        Command::Remember(benchmark)
    }

    /// A new worker: there, or wherever is best.
    fn move_to(&mut self, placement: Option<Placement>) -> Vec<Command> {
        self.choice = placement.map(|placement| Choice { placement, candidate: None });
        let mut commands: Vec<Command> =
            self.candidate.take().map(|candidate| Command::End(candidate.worker)).into_iter().collect();
        commands.extend(self.restart());
        commands
    }

    fn restart(&mut self) -> Vec<Command> {
        let mut commands: Vec<Command> = self.engine.take().map(Command::End).into_iter().collect();
        commands.push(Command::Say(Action::EngineStarting));
        match &self.choice {
            Some(choice) => commands.extend(self.start(&choice.placement.clone())),
            None => commands.push(Command::FindAdapter),
        }
        commands
    }

    fn start(&mut self, placement: &Placement) -> Vec<Command> {
        let worker = self.worker_id();
        self.engine = Some(worker);
        self.ready = None;
        self.watch.begin();
        let mut commands = vec![Command::Spawn(worker, placement.backend)];
        commands.extend(self.load(worker, placement));
        commands
    }

    fn load(&self, worker: WorkerId, placement: &Placement) -> Vec<Command> {
        // One that is refused leaves the one before it in use.
        let models = [&self.own_model, &self.brought].into_iter().flatten();
        let files = models.map(|model| Command::LoadFile(worker, model.clone()));
        [Command::Load(worker, placement.clone())].into_iter().chain(files).collect()
    }

    fn worker_id(&mut self) -> WorkerId {
        let worker = self.next_worker;
        self.next_worker += 1;
        worker
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Model;

    fn opened(preference: Preference, adapter: Adapter) -> Supervisor {
        let mut supervisor = Supervisor::new(preference, None, "program".into());
        assert_eq!(supervisor.handle(Event::Opened)[1], Command::FindAdapter);
        supervisor.handle(Event::Found(adapter));
        supervisor
    }

    fn gpu() -> Adapter {
        Adapter::Found { name: "Fast 9000".into(), is_software: false }
    }

    fn ready(worker: WorkerId, events_per_second: f64) -> Event {
        let engine = Engine {
            placement: Placement::cpu(Notice::NoWebGpu),
            events_per_second,
            model: Model::default(),
        };
        Event::Replied(worker, Reply::Ready { engine })
    }

    /// Commands in short: who is started and ended, and what is said.
    #[track_caller]
    fn check(commands: &[Command], expected: &str) {
        let show = |command: &Command| match command {
            Command::FindAdapter => "find".to_owned(),
            Command::Spawn(worker, kind) => format!("+{worker} {kind:?}"),
            Command::End(worker) => format!("-{worker}"),
            Command::Load(worker, _) => format!("load {worker}"),
            Command::LoadFile(worker, model) => format!("{} to {worker}", model.name),
            Command::Say(Action::EngineStarting) => "starting".into(),
            Command::Say(Action::Replied(Reply::Ready { .. })) => "ready".into(),
            Command::Say(Action::Replied(Reply::Failed { notice }) | Action::Notify(notice)) => {
                format!("{notice:?}").split([' ', '{']).next().unwrap_or_default().to_owned()
            }
            Command::Say(Action::Placed(_)) => "stays".into(),
            Command::Say(_) => "say".into(),
            Command::Remember(benchmark) => format!("{} vs {}", benchmark.cpu, benchmark.gpu),
            Command::Prefer(preference) => format!("prefer {}", preference.value()),
        };
        assert_eq!(commands.iter().map(show).collect::<Vec<_>>().join(", "), expected);
    }

    #[test]
    fn the_faster_of_two_places_stays() {
        let mut supervisor = opened(Preference::Faster, gpu());
        assert_eq!(supervisor.engine(), Some(1));
        check(&supervisor.handle(ready(1, 4000.0)), "ready, +2 WebGpu, load 2");
        check(&supervisor.handle(ready(2, 9000.0)), "4000 vs 9000, -1, ready");
        assert_eq!(supervisor.engine(), Some(2));
        check(&supervisor.handle(ready(1, 1.0)), "");

        let mut supervisor = opened(Preference::Faster, gpu());
        supervisor.handle(ready(1, 4000.0));
        check(&supervisor.handle(ready(2, 300.0)), "4000 vs 300, -2, stays");
        assert_eq!(supervisor.engine(), Some(1));
        check(&supervisor.handle(ready(1, 4000.0)), "ready");
    }

    #[test]
    fn a_candidate_that_fails_is_not_tried_again() {
        let mut supervisor = opened(Preference::Faster, gpu());
        supervisor.handle(ready(1, 4000.0));
        check(&supervisor.handle(Event::Crashed(2, "no memory".into())), "4000 vs 0, -2, stays");
        check(&supervisor.handle(Event::Crashed(2, "again".into())), "");
        check(&supervisor.handle(Event::Preferred(Preference::Faster)), "prefer auto, -1, starting, find");
        check(&supervisor.handle(Event::Found(gpu())), "+3 Cpu, load 3");
        check(&supervisor.handle(ready(3, 4000.0)), "ready");
    }

    #[test]
    fn the_cpu_takes_over_from_a_lost_gpu() {
        let mut supervisor = opened(Preference::WebGpu, gpu());
        check(&supervisor.handle(ready(1, 9000.0)), "ready");
        check(&supervisor.handle(Event::Crashed(1, "lost".into())), "GpuLost, -1, starting, +2 Cpu, load 2");
    }

    #[test]
    fn burn_goes_on_without_a_lost_gpu() {
        let mut supervisor = opened(Preference::BurnWebGpu, gpu());
        check(&supervisor.handle(ready(1, 200.0)), "ready");
        check(&supervisor.handle(Event::Crashed(1, "lost".into())), "GpuLost, -1, starting, +2 Burn, load 2");
    }

    #[test]
    fn a_worker_is_started_again_but_not_for_ever() {
        let mut supervisor = opened(Preference::Cpu, Adapter::NoWebGpu);
        for worker in 1..MAX_CRASHES {
            check(
                &supervisor.handle(Event::Crashed(worker, "no memory".into())),
                &format!("WorkerCrashed, -{worker}, starting, +{0} Cpu, load {0}", worker + 1),
            );
        }
        check(&supervisor.handle(Event::Crashed(3, "no memory".into())), "-3, WorkerGone");
        check(&supervisor.handle(Event::Retried), "starting, +4 Cpu, load 4");
    }

    #[test]
    fn own_weights_follow_to_the_next_worker_unless_refused() {
        let model = OwnModel { name: "mine".into(), bytes: Rc::from([1, 2, 3]) };
        let mut supervisor = opened(Preference::Cpu, Adapter::Nothing);
        check(&supervisor.handle(Event::Brought(model)), "mine to 1");
        check(
            &supervisor.handle(Event::Crashed(1, "no memory".into())),
            "WorkerCrashed, -1, starting, +2 Cpu, load 2, mine to 2",
        );
        let notice = Notice::ModelFileRefused { file: "mine".into(), why: "it is not".into() };
        check(&supervisor.handle(Event::Replied(2, Reply::Failed { notice })), "ModelFileRefused");
        check(&supervisor.handle(Event::Retried), "load 2");
    }

    #[test]
    fn the_released_weights_come_back() {
        let model = OwnModel { name: "mine".into(), bytes: Rc::from([1, 2, 3]) };
        let mut supervisor = opened(Preference::Cpu, Adapter::Nothing);
        check(&supervisor.handle(Event::Returned), "");
        check(&supervisor.handle(Event::Brought(model)), "mine to 1");
        check(&supervisor.handle(Event::Returned), "load 1");
    }

    #[test]
    fn a_refused_model_changes_nothing() {
        let named = |name: &str| {
            let engine = Engine {
                placement: Placement::cpu(Notice::NoWebGpu),
                events_per_second: 4000.0,
                model: Model { name: name.into(), ..Model::default() },
            };
            Event::Replied(1, Reply::Ready { engine })
        };
        let model = |name: &str| OwnModel { name: format!("{name}.safetensors"), bytes: Rc::from([1]) };
        let mut supervisor = opened(Preference::Cpu, Adapter::Nothing);
        supervisor.handle(named("base"));
        check(&supervisor.handle(Event::Brought(model("good"))), "good.safetensors to 1");
        // What plays is not stopped before the model is there.
        check(&supervisor.handle(named("good")), "say, ready");
        supervisor.handle(Event::Brought(model("bad")));
        let notice = Notice::ModelFileRefused { file: "bad".into(), why: "it is not".into() };
        check(&supervisor.handle(Event::Replied(1, Reply::Failed { notice })), "ModelFileRefused, ready");
        // The next worker plays what was in use.
        let died = supervisor.handle(Event::Crashed(1, "no memory".into()));
        check(&died, "WorkerCrashed, -1, starting, +2 Cpu, load 2, good.safetensors to 2");
    }

    /// Looks once a second, as the page does, until something is done.
    fn wait(supervisor: &mut Supervisor, from_ms: f64, is_waiting: bool) -> (f64, Vec<Command>) {
        let look = |i: u32| {
            let now_ms = from_ms + 1000.0 * f64::from(i);
            (now_ms, supervisor.handle(Event::Watched { now_ms, is_waiting }))
        };
        (1..1000).map(look).find(|(_, commands)| !commands.is_empty()).unwrap_or((f64::INFINITY, Vec::new()))
    }

    #[test]
    fn no_wait_is_for_ever() {
        // A program that never comes.
        let mut supervisor = opened(Preference::Cpu, Adapter::Nothing);
        let (now_ms, commands) = wait(&mut supervisor, 0.0, false);
        assert!((80_000.0..100_000.0).contains(&now_ms), "{now_ms}");
        check(&commands, "WorkerCrashed, -1, starting, +2 Cpu, load 2");
        // A download that stalls.
        let part = Reply::Downloading { received_bytes: 5, total_bytes: None };
        supervisor.handle(Event::Replied(2, part));
        let (then_ms, commands) = wait(&mut supervisor, now_ms, false);
        assert!(then_ms - now_ms < 35_000.0, "{then_ms}");
        check(&commands, "-2, WeightsBroken");
        assert_eq!(wait(&mut supervisor, then_ms, false).0, f64::INFINITY);
        check(&supervisor.handle(Event::Retried), "starting, +3 Cpu, load 3");
        // One that is ready may be silent for as long as nothing is waited for.
        supervisor.handle(ready(3, 4000.0));
        assert_eq!(wait(&mut supervisor, then_ms, false).0, f64::INFINITY);
        let now_ms = then_ms + 1_000_000.0;
        let (later_ms, commands) = wait(&mut supervisor, now_ms, true);
        assert!(later_ms - now_ms < 160_000.0, "{later_ms}");
        check(&commands, "WorkerCrashed, -3, starting, +4 Cpu, load 4");
    }

    #[test]
    fn a_computer_that_slept_is_no_silence() {
        let mut supervisor = opened(Preference::Cpu, Adapter::Nothing);
        supervisor.handle(ready(1, 4000.0));
        for i in 1..100 {
            let now_ms = 60_000.0 * f64::from(i);
            check(&supervisor.handle(Event::Watched { now_ms, is_waiting: true }), "");
        }
    }

    #[test]
    fn where_a_worker_cannot_start_the_visitor_is_told() {
        let mut supervisor = opened(Preference::Cpu, Adapter::Nothing);
        let notice = Notice::NoWorker { why: "policy".into() };
        check(&supervisor.handle(Event::NotStarted(1, notice)), "NoWorker");
        assert_eq!(supervisor.engine(), None);
    }
}
