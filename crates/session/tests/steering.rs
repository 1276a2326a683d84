//! Steering, with a slow worker. In whatever order changes and answers come, the performance is the replay of
//! its final inputs, and no message is sent twice or left out.

use std::collections::VecDeque;

use performance::{Event, Input, Recipe, Shift, Token};
use proptest::prelude::*;
use session::protocol::{Engine, Job, Model, Placement, Reply, Request};
use session::shape::Wish;
use session::{Action, Moment, Notice, RunKind, Shape, Span, State, Take};

/// A worker whose network is a formula: a token follows from the temperature, the density, from how many tokens there are,
/// and from the last one.
#[derive(Default)]
struct Worker {
    recipe: Option<Recipe>,
    take: u32,
    epoch: u32,
    tokens: Vec<Token>,
}

fn next(recipe: &Recipe, tokens: &[Token]) -> Token {
    let index = tokens.len();
    let played = recipe.log.entries().iter().find_map(|entry| match &entry.input {
        Input::Events(events) => events.get(index.checked_sub(entry.at)?).copied(),
        _ => None,
    });
    let density = recipe.log.controls_at(index).density.unwrap_or_default();
    let temperature = (recipe.log.sampling_at(index).temperature * 1000.0 + density * 7000.0) as u64;
    let last = tokens.last().map_or(0, |token| u64::from(token.get()));
    let mixed = (recipe.seed ^ temperature.wrapping_mul(977) ^ last.wrapping_mul(31) ^ index as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        >> 40;
    played.unwrap_or_else(|| {
        let steps = Shift::new((mixed % 40) as u8 + 1).expect("1 to 40 steps");
        // Two events in three are waits, so that time passes.
        match mixed % 3 {
            0 => Token::new((mixed % 128) as u16).expect("a NOTE_ON"),
            _ => Event::TimeShift(steps).into(),
        }
    })
}

impl Worker {
    fn hear(&mut self, request: Request) {
        match request {
            Request::Start { mut jobs } => {
                let Job { take, epoch, recipe, composed, .. } = jobs.remove(0);
                *self = Self { recipe: Some(recipe), take, epoch, tokens: composed };
            }
            Request::Steer { take, epoch, agreed, tokens, entries } if self.take == take => {
                let Some(recipe) = &mut self.recipe else { return };
                recipe.log.truncate(agreed);
                for entry in entries {
                    recipe.log.push(entry.at, entry.input).expect("in order");
                }
                self.tokens.truncate(agreed);
                self.tokens.extend(tokens);
                self.epoch = epoch;
            }
            _ => {}
        }
    }

    fn compose(&mut self, n: usize) -> Option<Reply> {
        let recipe = self.recipe.as_ref()?;
        let at = self.tokens.len();
        for _ in 0..n {
            self.tokens.push(next(recipe, &self.tokens));
        }
        let (take, epoch, tokens) = (self.take, self.epoch, self.tokens[at..].to_vec());
        Some(Reply::Events { take, epoch, at, tokens, busy_ms: 1.0 })
    }
}

/// The page, the worker, and the messages between them.
struct World {
    state: State,
    worker: Worker,
    to_worker: VecDeque<Request>,
    to_page: VecDeque<Reply>,
    asked: Option<u32>,
    at: Moment,
    /// What was heard, event by event, as the play-head passed it.
    heard: Vec<Token>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            state: State::new(5),
            worker: Worker::default(),
            to_worker: VecDeque::new(),
            to_page: VecDeque::new(),
            asked: None,
            at: Moment::default(),
            heard: Vec::new(),
        };
        world.ready();
        world.act(Action::Generate { drawn_seed: 11 });
        world.start();
        world
    }

    fn ready(&mut self) {
        let placement = Placement::cpu(Notice::NoWebGpu);
        let engine = Engine { placement, events_per_second: 4000.0, model: Model::default() };
        self.act(Action::Replied(Reply::Ready { engine }));
    }

    /// What the page's effect does for a run, and when another worker is ready.
    fn start(&mut self) {
        let Some(take) = self.state.takes.current() else { return };
        let job = Job {
            take: take.id,
            epoch: self.state.transport.steering.epoch(),
            recipe: take.recipe(),
            composed: take.tokens().to_vec(),
            length_us: None,
        };
        self.to_worker.push_back(Request::Start { jobs: vec![job] });
    }

    fn act(&mut self, action: Action) {
        let state = std::mem::replace(&mut self.state, State::new(0));
        self.state = state.reduced(action, self.at);
        let in_flight = self.state.transport.steering.in_flight().cloned();
        if let (Some(splice), Some(take)) = (&in_flight, self.state.takes.current())
            && self.asked != Some(splice.epoch)
        {
            self.to_worker.push_back(splice.request(take));
        }
        self.asked = in_flight.map(|splice| splice.epoch);
    }

    /// The play-head moves on over what there is.
    fn pass(&mut self, ms: u64) {
        let Some(take) = self.state.takes.current().cloned() else { return };
        self.at.now_ms += ms as f64;
        let head_us = (self.at.head_us + ms * 1000).min(take.music_us());
        let (n, _) = performance::playback::cut_at(take.tokens(), head_us);
        assert!(take.tokens()[..self.heard.len().min(n)] == self.heard[..self.heard.len().min(n)], "unheard");
        self.heard = take.tokens()[..n.max(self.heard.len())].to_vec();
        self.at.head_us = head_us;
    }
}

#[derive(Clone, Debug)]
enum Step {
    SetTemperature(f32),
    SetDensity(f32),
    SetDynamics(i8),
    Pass(u64),
    WorkerHears,
    WorkerComposes(usize),
    PageHears,
    /// The worker dies with its last replies; the next one gets what the page has.
    Die,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0.5..1.5f32).prop_map(Step::SetTemperature),
        2 => (1.0..32.0f32).prop_map(Step::SetDensity),
        1 => (-10..10i8).prop_map(Step::SetDynamics),
        3 => (0..400u64).prop_map(Step::Pass),
        3 => Just(Step::WorkerHears),
        4 => (1..40usize).prop_map(Step::WorkerComposes),
        5 => Just(Step::PageHears),
        1 => Just(Step::Die),
    ]
}

fn apply(world: &mut World, step: &Step) {
    match step {
        Step::SetTemperature(temperature) => world.act(Action::SetTemperature(*temperature)),
        Step::SetDensity(density) => {
            let shape = world.state.settings.shape.clone();
            world.act(Action::SetShape(Shape { density: Wish::Asked(*density), ..shape }));
        }
        Step::SetDynamics(dynamics) => {
            let shape = world.state.settings.shape.clone();
            world.act(Action::SetShape(Shape { dynamics: *dynamics, ..shape }));
        }
        Step::Pass(ms) => world.pass(*ms),
        Step::WorkerHears => {
            if let Some(request) = world.to_worker.pop_front() {
                world.worker.hear(request);
            }
        }
        Step::WorkerComposes(n) => world.to_page.extend(world.worker.compose(*n)),
        Step::PageHears => {
            if let Some(reply) = world.to_page.pop_front() {
                world.act(Action::Replied(reply));
            }
        }
        Step::Die => {
            world.worker = Worker::default();
            world.to_worker.clear();
            world.to_page.clear();
            // The page's state is updated, and the lost request is repeated.
            world.asked = None;
            let state = std::mem::replace(&mut world.state, State::new(0));
            world.state = state.reduced(Action::EngineStarting, world.at);
            // The effect that starts the performance runs before the one that steers it.
            let placement = Placement::cpu(Notice::NoWebGpu);
            let engine = Engine { placement, events_per_second: 4000.0, model: Model::default() };
            let state = std::mem::replace(&mut world.state, State::new(0));
            world.state = state.reduced(Action::Replied(Reply::Ready { engine }), world.at);
            world.start();
            let in_flight = world.state.transport.steering.in_flight().cloned();
            if let (Some(splice), Some(take)) = (in_flight, world.state.takes.current()) {
                world.to_worker.push_back(splice.request(take));
                world.asked = Some(splice.epoch);
            }
        }
    }
}

/// Lets everything that is under way arrive.
fn settle(world: &mut World) {
    for _ in 0..60 {
        for step in [Step::WorkerHears, Step::WorkerComposes(40), Step::PageHears, Step::PageHears] {
            apply(world, &step);
        }
    }
}

fn replayed(take: &Take) -> Vec<Token> {
    let (recipe, mut tokens) = (take.recipe(), Vec::new());
    while tokens.len() < take.tokens().len() {
        tokens.push(next(&recipe, &tokens));
    }
    tokens
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_performance_is_the_replay_of_its_inputs(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            apply(&mut world, step);
            let take = world.state.takes.current().expect("on stage");
            prop_assert_eq!(take.tokens(), replayed(take));
        }
        settle(&mut world);
        let take = world.state.takes.current().expect("on stage");
        prop_assert_eq!(take.tokens(), replayed(take));
        // What was heard stays.
        prop_assert_eq!(&take.tokens()[..world.heard.len()], world.heard.as_slice());
        // The last value of each control always lands.
        let (log, settings, end) = (&take.log, &world.state.settings, take.tokens().len());
        prop_assert_eq!(log.sampling_at(end), settings.sampling_after(None));
        prop_assert_eq!(log.controls_at(end), settings.shape.controls(None));
        prop_assert_eq!(log.dynamics_at(end).get(), settings.shape.dynamics);
        let is_broken = |notice: &Notice| matches!(notice, Notice::WireBroken { .. });
        prop_assert!(!world.state.notices.as_slice().iter().any(is_broken), "tokens that do not fit");
        prop_assert_eq!(world.state.transport.run.map(|run| run.kind), Some(RunKind::Generate));
    }
}

#[test]
fn a_change_is_asked_for_just_ahead_of_the_play_head() {
    let mut world = World::new();
    settle(&mut world);
    world.pass(1000);
    world.act(Action::SetTemperature(0.7));
    let splice = world.state.transport.steering.in_flight().expect("asked for").clone();
    let ahead_us = splice.at_us - world.at.head_us;
    assert!((112_000..=120_000).contains(&ahead_us), "{ahead_us}");
    // Others wait: one splice is in flight at a time, and the newest value wins.
    world.act(Action::SetTemperature(0.8));
    world.act(Action::SetTemperature(0.9));
    assert_eq!(world.state.transport.steering.in_flight(), Some(&splice));
    settle(&mut world);
    let take = world.state.takes.current().expect("on stage");
    let temperatures: Vec<f32> = take
        .log
        .entries()
        .iter()
        .filter_map(|entry| match entry.input {
            Input::Sampling(sampling) => Some(sampling.temperature),
            _ => None,
        })
        .collect();
    assert_eq!(temperatures, [1.0, 0.9], "the second took the place of the first at the same moment");
}

#[test]
fn a_missed_splice_moves_ahead_and_the_old_music_plays_on() {
    let mut world = World::new();
    settle(&mut world);
    let before = world.state.takes.current().expect("on stage").tokens().to_vec();
    world.act(Action::SetTemperature(0.7));
    let first = world.state.transport.steering.in_flight().expect("asked for").at_us;
    apply(&mut world, &Step::WorkerHears);
    // The answer is under way for longer than the splice was ahead.
    world.pass(300);
    settle(&mut world);
    let take = world.state.takes.current().expect("on stage");
    let entry = take.log.entries().last().expect("it landed in the end");
    assert!(performance::playback::micros(&take.tokens()[..entry.at]) > first + 200_000);
    assert_eq!(take.tokens()[..entry.at - 1], before[..entry.at - 1], "until there, the old music");
    assert!(
        world.state.transport.steering.margin_us() > 300_000,
        "the next splice is asked for further ahead"
    );
}

#[test]
fn a_span_that_comes_back_is_played_to_its_end_whatever_is_changed() {
    let mut world = World::new();
    settle(&mut world);
    world.act(Action::Mark(Some(Span { from_us: 0, to_us: 2_000_000 })));
    world.act(Action::BringBack { at_us: 3_000_000, semitones: 0 });
    world.start();
    world.at.head_us = 3_000_000;
    settle(&mut world);
    let quote = |world: &World| {
        let log = &world.state.takes.current().expect("on stage").log;
        let events = log.entries().iter().filter_map(|entry| match &entry.input {
            Input::Events(tokens) => Some(tokens.clone()),
            _ => None,
        });
        events.flatten().collect::<Vec<Token>>()
    };
    let music = |tokens: &[Token]| {
        let notes = |token: &&Token| matches!(Event::from(**token), Event::NoteOn(_));
        (performance::playback::micros(tokens), tokens.iter().filter(notes).count())
    };
    let whole = music(&quote(&world));
    assert!(whole.0 >= 2_000_000 && whole.1 > 5, "{whole:?}");
    world.at.head_us = 3_500_000;
    world.act(Action::SetTemperature(0.7));
    settle(&mut world);
    world.at.head_us = 4_200_000;
    world.act(Action::SetShape(Shape { density: Wish::Asked(9.0), ..Shape::default() }));
    settle(&mut world);
    assert_eq!(music(&quote(&world)), whole);
    let take = world.state.takes.current().expect("on stage");
    assert_eq!(take.tokens(), replayed(take));
    assert_eq!(take.log.controls_at(take.tokens().len()).density, Some(9.0));
}
