use super::*;
use crate::protocol::{Engine, Model, Placement};

fn after(actions: impl IntoIterator<Item = Action>) -> State {
    actions.into_iter().fold(State::new(7), State::reduced)
}

fn said(reply: Reply) -> Action {
    Action::Replied { reply, now_ms: 0.0 }
}

fn ready(events_per_second: f64) -> Action {
    let (placement, model) = (Placement::cpu(Notice::NoWebGpu), Model::default());
    let engine = Engine { placement, events_per_second, model };
    said(Reply::Ready { engine })
}

fn events(take: TakeId, tokens: &[u16]) -> Action {
    said(Reply::Events { take, tokens: tokens.to_vec(), busy_ms: 10.0 })
}

const GENERATE: Action = Action::Generate { drawn_seed: 123 };

#[test]
fn events_of_the_performance_on_stage_are_kept_and_others_are_not() {
    let state = after([ready(400.0), GENERATE, events(1, &[60, 380, 188]), events(9, &[61])]);
    let take = state.take.clone().unwrap();
    assert_eq!((take.tokens.len(), take.n_notes, take.music_us), (3, 1, 1_000_000));
    assert!(state.is_running() && state.playback == Playback::Starting);

    // What arrives after Stop was composed before the worker heard of it.
    let stopped = state.reduced(Action::Stop).reduced(events(1, &[62]));
    let take = stopped.take.clone().unwrap();
    assert!(take.is_complete && take.tokens.len() == 3 && !stopped.is_running());
}

#[test]
fn a_new_performance_keeps_the_old_one() {
    let state = after([GENERATE, events(1, &[60]), GENERATE, GENERATE, events(3, &[61])]);
    assert_eq!(state.take.as_ref().unwrap().id, 3);
    // The second one was never heard.
    assert_eq!(state.earlier.iter().map(|take| take.id).collect::<Vec<_>>(), [1]);

    let state = state.reduced(Action::Replay(1));
    assert_eq!(state.run.unwrap(), Run { id: 4, take: 1, kind: RunKind::Replay });
    assert_eq!(state.earlier.iter().map(|take| take.id).collect::<Vec<_>>(), [3]);
    assert!(state.reduced(Action::Forget(3)).earlier.is_empty());
}

#[test]
fn a_seed_is_drawn_unless_locked() {
    assert_eq!(after([GENERATE]).settings.seed, 123);
    let typed = after([Action::SetSeed(5), GENERATE]);
    assert_eq!((typed.settings.seed, typed.take.as_ref().unwrap().seed), (5, 5));
    assert_eq!(typed.reduced(Action::SetSeedLocked(SeedLock::Free)).reduced(GENERATE).settings.seed, 123);
}

#[test]
fn a_performance_survives_a_crash_but_not_the_last_one() {
    let crash = Notice::WorkerCrashed { why: "out of memory".into() };
    let state =
        after([ready(400.0), GENERATE, events(1, &[60]), said(Reply::Failed { notice: crash.clone() })]);
    assert_eq!(state.notices, [crash]);
    // Another worker is ready, and is told to go on: see `use_engine`.
    let restarted = state.reduced(Action::EngineStarting).reduced(ready(400.0)).reduced(events(1, &[61]));
    assert_eq!((restarted.readiness, restarted.take.as_ref().unwrap().tokens.len()), (2, 2));
    assert!(restarted.is_running());
    let gone = Notice::WorkerGone { why: "out of memory".into() };
    let state = restarted.reduced(said(Reply::Failed { notice: gone.clone() }));
    assert!(state.take.as_ref().unwrap().is_complete);
    assert_eq!((state.engine, state.notices), (EngineState::Down, vec![gone]));
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
    assert!(state.reduced(ready(400.0)).notices.is_empty());
}

#[test]
fn the_same_notice_is_not_told_twice() {
    let told = |bytes: &str| Action::Notify(Notice::WeightsBroken { why: bytes.into() });
    let state = after([told("3 of 13 MB"), Action::Notify(Notice::MidiRefused), told("5 of 13 MB")]);
    assert_eq!(state.notices.len(), 2);
    assert_eq!(
        state.reduced(Action::Dismiss(0)).notices,
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
    let state = state.reduced(Action::MidiChanged(Midi::Ports(vec![])));
    assert_eq!((state.outputs.choice, state.notices), (OutputChoice::Piano, vec![Notice::MidiUnplugged]));
}

#[test]
fn the_page_says_what_it_waits_for() {
    let waits = |state: State| state.waiting_for().unwrap_or_default();
    assert_eq!(waits(after([GENERATE])), "It starts as soon as the model is here.");
    assert_eq!(waits(after([ready(400.0), GENERATE])), "Composing the first notes…");
    assert_eq!(
        waits(after([ready(400.0), GENERATE, events(1, &[60, 380, 380, 380, 380])])),
        "Opening the piano…"
    );
    assert!(waits(after([ready(30.0), GENERATE])).contains("a little slow"));
    let behind = Action::Played { playback: Playback::Behind, position_secs: 3 };
    assert_eq!(waits(after([ready(400.0), GENERATE, behind])), Notice::Behind.to_string());
    assert_eq!(waits(after([])), "");
}

#[test]
fn seconds_left_follow_the_speed() {
    let downloading = |mb: u64, now_ms| Action::Replied {
        reply: Reply::Downloading { received_bytes: mb * 1_000_000, total_bytes: Some(13_000_000) },
        now_ms,
    };
    let state = after([downloading(1, 0.0), downloading(5, 2000.0)]);
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
    let state = state.reduced(Action::Recording(None)).reduced(Action::Notify(failure.clone()));
    assert_eq!((state.recording, &state.notices), (None, &vec![failure]));
    assert!(state.reduced(Action::Recording(Some((1, 0)))).notices.is_empty());
}
