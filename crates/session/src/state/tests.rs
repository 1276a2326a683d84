use performance::Token;

use super::*;
use crate::protocol::{Engine, Model, Placement};
use crate::{Midi, Port, Run};

fn after(actions: impl IntoIterator<Item = Action>) -> State {
    actions.into_iter().fold(State::new(7), |state, action| state.then(action))
}

impl State {
    /// After an action at time 0.
    fn then(self, action: Action) -> Self {
        self.reduced(action, Moment::default())
    }
}

fn said(reply: Reply) -> Action {
    Action::Replied(reply)
}

fn ready(events_per_second: f64) -> Action {
    let (placement, model) = (Placement::cpu(Notice::NoWebGpu), Model::default());
    let engine = Engine { placement, events_per_second, model };
    said(Reply::Ready { engine })
}

/// Composed as of the first request after one worker was ready.
fn events(take: TakeId, at: usize, tokens: &[u16]) -> Action {
    as_of(1, take, at, tokens)
}

fn as_of(epoch: u32, take: TakeId, at: usize, tokens: &[u16]) -> Action {
    let tokens = tokens.iter().map(|&token| Token::new(token).unwrap()).collect();
    said(Reply::Events { take, epoch, at, tokens, busy_ms: 10.0 })
}

fn ids(takes: &[Rc<crate::Take>]) -> Vec<TakeId> {
    takes.iter().map(|take| take.id).collect()
}

const GENERATE: Action = Action::Generate { drawn_seed: 123 };

#[test]
fn events_of_the_performance_on_stage_are_kept_and_others_are_not() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 188]), events(9, 0, &[61])]);
    let take = state.takes.current().unwrap();
    assert_eq!((take.tokens().len(), take.n_notes(), take.music_us()), (3, 1, 1_000_000));
    assert!(state.is_running() && state.transport.playback == Playback::Starting);

    // What arrives after Stop was composed before the worker received it.
    let stopped = state.then(Action::Stop).then(events(1, 3, &[62]));
    let take = stopped.takes.current().unwrap();
    assert!(take.is_complete && take.tokens().len() == 3 && !stopped.is_running());
}

#[test]
fn events_that_do_not_fit_are_told() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60]), events(1, 5, &[62])]);
    assert_eq!(state.takes.current().unwrap().tokens().len(), 1);
    let why = "expected token 1, found 5".to_owned();
    assert_eq!(state.notices.as_slice(), [Notice::WireBroken { why }]);
}

#[test]
fn a_new_performance_keeps_the_old_one() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60]), GENERATE, GENERATE, events(3, 0, &[61])]);
    assert_eq!(state.takes.current().unwrap().id, 3);
    // The second one was never heard.
    assert_eq!(ids(&state.takes.earlier()), [1]);

    let state = state.then(Action::Replay(1));
    assert_eq!(state.transport.run.unwrap(), Run { id: 4, take: 1, kind: RunKind::Replay });
    assert_eq!(ids(&state.takes.earlier()), [3]);
    assert_eq!(state.clone().then(Action::Replay(9)), state, "there is no such take");
}

#[test]
fn what_is_removed_can_be_had_back() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60]), GENERATE, events(2, 0, &[61]), GENERATE]);
    let state = state.then(Action::Forget(1)).then(Action::Forget(2));
    assert!(state.takes.earlier().is_empty());
    let state = state.then(Action::Undo);
    assert_eq!(ids(&state.takes.earlier()), [2]);
    let state = state.then(Action::Undo).then(Action::Undo);
    assert_eq!(ids(&state.takes.earlier()), [2, 1]);
    assert_eq!(ids(&state.then(Action::Redo).takes.earlier()), [2]);
}

#[test]
fn a_branch_goes_on_from_a_token() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 188, 64])]);
    let state = state.then(Action::Branch { take: 1, at: 3, drawn_seed: 9 });
    let branch = state.takes.current().unwrap();
    assert_eq!((branch.id, branch.tokens().len(), branch.is_complete), (2, 3, false));
    assert_eq!(branch.parent, Some(crate::Parent { take: 1, at: 3 }));
    assert_eq!(state.transport.generating(), Some(2));
    assert_eq!(ids(&state.takes.earlier()), [1]);
}

#[test]
fn a_seed_is_drawn_unless_locked() {
    assert_eq!(after([GENERATE]).settings.seed, 123);
    let typed = after([Action::SetSeed(5), GENERATE]);
    assert_eq!((typed.settings.seed, typed.takes.current().unwrap().seed), (5, 5));
    assert_eq!(typed.then(Action::SetSeedLocked(SeedLock::Free)).then(GENERATE).settings.seed, 123);
}

#[test]
fn a_performance_survives_a_crash_but_not_the_last_one() {
    let crash = Notice::WorkerCrashed { why: "out of memory".into() };
    let state =
        after([ready(400.0), GENERATE, events(1, 0, &[60]), said(Reply::Failed { notice: crash.clone() })]);
    assert_eq!(state.notices.as_slice(), [crash]);
    // Another worker is ready, and is asked to continue: see `use_engine`.
    let restarted = state.then(Action::EngineStarting).then(ready(400.0)).then(as_of(2, 1, 1, &[61]));
    assert_eq!((restarted.readiness, restarted.takes.current().unwrap().tokens().len()), (2, 2));
    assert!(restarted.is_running());
    let gone = Notice::WorkerGone { why: "out of memory".into() };
    let state = restarted.then(said(Reply::Failed { notice: gone.clone() }));
    assert!(state.takes.current().unwrap().is_complete);
    assert_eq!((&state.engine, state.notices.as_slice()), (&EngineState::Down, [gone].as_slice()));
}

#[test]
fn where_the_engine_stays_is_explained_without_a_restart() {
    let reason = Notice::GpuSlow { adapter: "Slow 1".into() };
    let state = after([ready(400.0), Action::Placed(Placement::cpu(reason.clone()))]);
    let EngineState::Ready(engine) = state.engine else { panic!("{:?}", state.engine) };
    assert_eq!((engine.placement.reason.clone(), state.readiness), (Some(reason), 1));
}

#[test]
fn a_missing_model_is_told_until_it_is_there() {
    let missing = Notice::WeightsMissing { status: 404, file: "base.safetensors".into() };
    let state = after([said(Reply::Failed { notice: missing.clone() }), GENERATE]);
    assert_eq!((&state.engine, state.notices.as_slice()), (&EngineState::Down, [missing].as_slice()));
    assert!(state.then(ready(400.0)).notices.as_slice().is_empty());
}

#[test]
fn the_same_notice_is_not_told_twice() {
    let told = |bytes: &str| Action::Notify(Notice::WeightsBroken { why: bytes.into() });
    let state = after([told("3 of 13 MB"), Action::Notify(Notice::MidiRefused), told("5 of 13 MB")]);
    assert_eq!(state.notices.as_slice().len(), 2);
    assert_eq!(
        state.then(Action::Dismiss(0)).notices.as_slice(),
        [Notice::WeightsBroken { why: "5 of 13 MB".into() }]
    );
}

#[test]
fn an_unplugged_device_hands_over_to_the_piano() {
    let port = |id: &str| Port { id: id.into(), name: "Grand".into() };
    let state = after([
        Action::MidiChanged(Midi::Ports(vec![port("a"), port("b")])),
        Action::SetOutput(OutputChoice::Midi("b".into())),
        Action::MidiChanged(Midi::Ports(vec![port("b")])),
    ]);
    assert_eq!(state.outputs.choice, OutputChoice::Midi("b".into()));
    let state = state.then(Action::MidiChanged(Midi::Ports(vec![])));
    assert_eq!(state.outputs.choice, OutputChoice::Piano);
    assert_eq!(state.notices.as_slice(), [Notice::MidiUnplugged]);
}

#[test]
fn the_page_says_what_it_waits_for() {
    let waits = |state: State| state.waiting_for().unwrap_or_default();
    assert_eq!(waits(after([GENERATE])), "It starts as soon as the model is here.");
    assert_eq!(waits(after([ready(400.0), GENERATE])), "Composing the first notes…");
    assert_eq!(
        waits(after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 380, 380, 380])])),
        "Opening the piano…"
    );
    assert!(waits(after([ready(30.0), GENERATE])).contains("a little slow"));
    let behind = Action::Played { playback: Playback::Behind, position_secs: 3 };
    assert_eq!(waits(after([ready(400.0), GENERATE, behind])), Notice::Behind.to_string());
    assert_eq!(waits(after([])), "");
}

#[test]
fn seconds_left_follow_the_speed() {
    let downloading = |state: State, mb: u64, now_ms| {
        let reply = Reply::Downloading { received_bytes: mb * 1_000_000, total_bytes: Some(13_000_000) };
        state.reduced(Action::Replied(reply), Moment { now_ms, head_us: 0 })
    };
    let state = downloading(downloading(State::new(7), 1, 0.0), 5, 2000.0);
    let EngineState::Downloading(download) = state.engine else { panic!("{:?}", state.engine) };
    assert_eq!(download.secs_left(), Some(4));
}

#[test]
fn a_slow_computer_gets_a_larger_buffer() {
    // Ten times as fast as playing: what is composed in 250 ms.
    assert_eq!(Speed::from_events_per_second(374.0).buffer_us(), 2_500_000);
    assert_eq!(Speed::from_events_per_second(74.8).buffer_us(), 500_000);
    assert_eq!(Speed::from_events_per_second(40.0).buffer_us(), 3_000_000);
    let mut speed = Speed::from_events_per_second(400.0);
    for _ in 0..300 {
        speed.measure(40_000, 50.0);
    }
    assert!((speed.times_real_time().unwrap() - 0.8).abs() < 0.01);
    assert_eq!(speed.buffer_us(), 8_000_000);
}

#[test]
fn a_failed_recording_is_told_until_the_next() {
    let failure = Notice::RecordingFailed { why: "no memory".into() };
    let state = after([GENERATE, Action::Recording(Some((1, 40)))]);
    assert_eq!(state.recording, Some((1, 40)));
    let state = state.then(Action::Recording(None)).then(Action::Notify(failure.clone()));
    assert_eq!((state.recording, state.notices.as_slice()), (None, [failure].as_slice()));
    assert!(state.then(Action::Recording(Some((1, 0)))).notices.as_slice().is_empty());
}

#[test]
fn a_temperature_that_is_no_number_changes_nothing() {
    let state = after([Action::SetTemperature(f32::NAN), Action::SetTopP(f32::INFINITY)]);
    assert_eq!(state.settings, Settings::new(7));
}
