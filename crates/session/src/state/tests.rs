use performance::{ReturnRate, Token};

use super::*;
use crate::protocol::{Engine, Model, Placement};
use crate::shape::Wish;
use crate::{Midi, Port, Run, RunKind, Shape, opening};

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

fn ids(state: &State) -> Vec<TakeId> {
    state.takes.rows().iter().map(|row| row.take.id).collect()
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
    assert_eq!(ids(&state), [3, 1]);

    let state = state.then(Action::Replay(1));
    assert_eq!(state.transport.run.unwrap(), Run { id: 4, take: 1, kind: RunKind::Replay });
    assert_eq!(ids(&state), [3, 1]);
    assert_eq!(state.clone().then(Action::Replay(9)), state, "there is no such take");
}

#[test]
fn everything_that_changes_the_session_can_be_undone() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60]), GENERATE, events(2, 0, &[61])]);
    let named = |state: &State, id| {
        let row = state.takes.rows().into_iter().find(|row| row.take.id == id).unwrap();
        (row.title(), row.listed.is_starred)
    };
    let state = state.then(Action::Rename { take: 1, name: "  Theme ".into() }).then(Action::Star(1));
    assert_eq!(named(&state, 1), ("Theme".into(), true));
    let state = state.then(Action::Forget(1)).then(Action::Forget(2));
    assert!(ids(&state).is_empty() && state.takes.current().is_none() && !state.is_running());
    let state = state.then(Action::Undo);
    assert_eq!(ids(&state), [2]);
    let state = state.then(Action::Undo);
    assert_eq!(named(&state, 1), ("Theme".into(), true));
    let state = state.then(Action::Undo).then(Action::Undo);
    assert_eq!(named(&state, 1), ("No. 1".into(), false));
    // The second performance was never begun ...
    let state = state.then(Action::Undo);
    assert_eq!((ids(&state), state.takes.current().map(|take| take.id)), (vec![1], Some(1)));
    // ... and is there again, with all its notes.
    let state = state.then(Action::Redo).then(Action::Redo);
    assert_eq!(named(&state, 1), ("Theme".into(), false));
    assert_eq!(state.takes.current().map(|take| (take.id, take.n_notes())), Some((2, 1)));
    assert_eq!(state.can_undo_redo(), (true, true));
}

#[test]
fn no_performance_is_pushed_out() {
    let mut state = after([ready(400.0)]);
    for id in 1..=40 {
        state = state.then(GENERATE).then(events(id, 0, &[60]));
    }
    assert_eq!(ids(&state), (1..=40).rev().collect::<Vec<_>>());
}

#[test]
fn a_branch_goes_on_from_a_moment() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 188, 64])]);
    let state = state.then(Action::Branch { at_us: 1_000_000, drawn_seed: 9 });
    let branch = state.takes.current().unwrap();
    assert_eq!((branch.id, branch.tokens().len(), branch.is_complete), (2, 2, false));
    assert_eq!(branch.parent, Some(crate::Parent { take: 1, at: 2, at_us: 1_000_000 }));
    assert_eq!(state.transport.generating(), Some(2));
    assert_eq!((state.transport.cue.from_us, state.transport.playback), (1_000_000, Playback::Starting));
    let rows = state.takes.rows();
    assert_eq!(rows.iter().map(|row| (row.take.id, row.depth)).collect::<Vec<_>>(), [(1, 0), (2, 1)]);
    // Without its parent it moves up.
    let rows = state.then(Action::Forget(1)).takes.rows();
    assert_eq!(rows.iter().map(|row| (row.take.id, row.depth)).collect::<Vec<_>>(), [(2, 0)]);
}

/// What was asked for and is not heard yet goes along: while it waits, on its way, and when it is composed.
#[test]
fn a_branch_takes_along_what_was_just_asked_for() {
    let asked = |state: &State| {
        let take = state.takes.current().unwrap();
        let sampling = take.log.sampling_at(take.tokens().len() + 1);
        (sampling.temperature, take.log.controls_at(take.tokens().len() + 1).density)
    };
    let branch = Action::Branch { at_us: 400_000, drawn_seed: 9 };
    let dense = Shape { density: Wish::Asked(11.0), ..Shape::default() };
    let at = Moment { now_ms: 1000.0, head_us: 300_000, ahead_us: 0 };
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 188, 64, 380, 192, 67])]);
    // The first change is on its way, the second one waits.
    let state = state.reduced(Action::SetTemperature(0.5), at).reduced(Action::SetShape(dense), at);
    assert_eq!(asked(&state.clone().then(branch.clone())), (0.5, Some(11.0)));
    let versions = Action::Versions { at_us: 400_000, drawn_seeds: vec![5, 6] };
    assert_eq!(asked(&state.clone().then(versions)), (0.5, Some(11.0)));
    // Composed, ahead of what is heard.
    let splice = state.transport.steering.in_flight().unwrap().clone();
    assert_eq!((splice.keep, splice.at_us), (1, 416_000), "the wait of a second is cut");
    let state = state.reduced(as_of(splice.epoch, 1, 1, &[307, 61, 380]), at);
    assert_eq!(asked(&state.clone().then(branch.clone())), (0.5, Some(11.0)));
    let splice = state.transport.steering.in_flight().unwrap().clone();
    let state = state.reduced(as_of(splice.epoch, 1, splice.keep, &[61, 380]), at);
    assert_eq!((state.transport.steering.in_flight(), asked(&state)), (None, (0.5, Some(11.0))));
    // Who goes back to an earlier moment goes on from there as it was.
    let state = state.then(Action::Seek { at_us: 100_000 });
    let state = state.then(Action::Branch { at_us: 100_000, drawn_seed: 9 });
    assert_eq!(asked(&state), (1.0, None));
}

#[test]
fn versions_grow_side_by_side_and_one_is_chosen() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 188, 64])]);
    let state = state.then(Action::Versions { at_us: 1_000_000, drawn_seeds: vec![5, 6, 7, 8] });
    assert_eq!((&state.transport.versions, state.transport.generating()), (&vec![2, 3, 4, 5], Some(2)));
    let epochs: std::collections::BTreeSet<u32> =
        state.transport.beside.iter().map(|beside| beside.epoch).collect();
    assert_eq!(epochs.len(), 3, "each its own");
    let epoch = |state: &State, take| {
        let found = state.transport.beside.iter().find(|beside| beside.take == take);
        found.map_or(state.transport.steering.epoch(), |beside| beside.epoch)
    };
    let (second, third) = (epoch(&state, 3), epoch(&state, 4));
    let state = state.then(as_of(second, 3, 2, &[65, 290])).then(as_of(third, 4, 2, &[66]));
    assert_eq!(state.takes.get(3).unwrap().tokens().len(), 4);
    let state = state.reduced(Action::Choose(1), Moment { now_ms: 0.0, head_us: 1_200_000, ahead_us: 0 });
    assert_eq!((state.transport.generating(), state.transport.cue.from_us), (Some(3), 1_200_000));
    // It goes on where it was, and so does the one that was on stage.
    let state = state.then(as_of(second, 3, 4, &[67]));
    let first = epoch(&state, 2);
    let state = state.then(as_of(first, 2, 2, &[70]));
    assert_eq!([2, 3, 4].map(|id| state.takes.get(id).unwrap().tokens().len()), [3, 5, 3]);
    assert!(state.notices.as_slice().is_empty(), "{:?}", state.notices);

    let kept = state.then(Action::KeepVersion);
    assert!(kept.transport.beside.is_empty() && kept.transport.generating() == Some(3));
    assert_eq!([2, 3, 4].map(|id| kept.takes.get(id).unwrap().is_complete), [true, false, true]);
    let stopped = kept.then(Action::Stop);
    assert!(stopped.takes.get(3).unwrap().is_complete);
}

#[test]
fn the_play_head_moves_and_rests() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 380, 188])]);
    let played = |position_us| Action::Played { playback: Playback::Playing, position_us };
    let paused = state.then(played(700_000)).then(Action::Pause).then(played(900_000));
    assert_eq!((paused.transport.playback, paused.transport.position_us), (Playback::Paused, 700_000));
    let sought = paused.then(Action::Seek { at_us: 99_000_000 });
    assert_eq!((sought.transport.playback, sought.transport.position_us), (Playback::Paused, 2_000_000));
    let resumed = sought.then(Action::Resume);
    assert_eq!((resumed.transport.playback, resumed.transport.generating()), (Playback::Starting, Some(1)));
    // Stopped, it is played again from where the play-head is.
    let again = resumed.then(Action::Stop).then(Action::Seek { at_us: 500_000 }).then(Action::Resume);
    let run = again.transport.run.unwrap();
    assert_eq!((run.take, run.kind, again.transport.cue.from_us), (1, RunKind::Replay, 500_000));
}

#[test]
fn a_change_of_what_was_heard_is_a_branch() {
    let state = after([ready(400.0), GENERATE, events(1, 0, &[60, 380, 380, 380, 188])]);
    let state = state.then(Action::Played { playback: Playback::Playing, position_us: 2_500_000 });
    let state = state.then(Action::Seek { at_us: 500_000 });
    let at = Moment { now_ms: 0.0, head_us: 500_000, ahead_us: 0 };
    // What a device has already is not changed.
    let begins_at = |at| {
        let branch = state.clone().reduced(Action::SetTemperature(0.7), at).takes.current().cloned();
        branch.and_then(|branch| branch.parent).map(|parent| parent.at)
    };
    assert!(begins_at(Moment { ahead_us: 1_000_000, ..at }) > begins_at(at));
    let state = state.reduced(Action::SetTemperature(0.7), at);
    assert_eq!(state.transport.generating(), Some(2));
    let branch = state.takes.current().unwrap();
    assert_eq!(branch.parent.map(|parent| parent.take), Some(1));
    assert_eq!(branch.log.sampling_at(99).temperature, 0.7);
    assert_eq!(state.takes.get(1).unwrap().tokens().len(), 5, "the other is as it was");
    // It goes on without a new beginning, and further changes are its own.
    let cue = state.transport.cue;
    let state = state.reduced(Action::SetTemperature(0.8), at);
    assert_eq!((state.transport.generating(), state.transport.cue), (Some(2), cue));
}

#[test]
fn the_drawer_changes_what_is_asked_of_the_network() {
    use crate::shape::{Shape, Wish};
    let dense = Shape { density: Wish::Asked(16.0), dynamics: 3, ..Shape::default() };
    let state = after([ready(400.0), Action::SetShape(dense.clone()), GENERATE]);
    let take = state.takes.current().unwrap();
    assert_eq!((take.log.controls_at(0).density, take.log.dynamics_at(0).get()), (Some(16.0), 3));
    let state = state.then(Action::SetShape(Shape { density: Wish::Free, ..dense }));
    let splice = state.transport.steering.in_flight().expect("asked for");
    assert_eq!(splice.take, 1);
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
fn the_first_music_begins_without_a_model_and_only_as_the_released_one_plays_it() {
    let first = Action::Generate { drawn_seed: opening::SEED };
    let begun = |actions: Vec<Action>| {
        let state = after(actions.into_iter().chain([first.clone()]));
        state.takes.current().map(|take| (take.tokens().len(), take.origin)).unwrap()
    };
    let known = opening::lineage().unwrap();
    assert_eq!(begun(vec![]), (opening::EVENTS, known.origin));
    let warmer = Action::SetTemperature(1.1);
    let short = Action::SetLength(crate::Length::Secs(30));
    for other in [warmer, short, Action::SetSeed(6), ready(400.0)] {
        assert_eq!(begun(vec![other.clone()]).0, 0, "{other:?}");
    }
    // The model goes on from there.
    let state = after([first, ready(400.0)]);
    assert_eq!(state.takes.current().unwrap().job(1).composed.len(), opening::EVENTS);
    let state = state.then(events(1, opening::EVENTS, &[60]));
    assert_eq!(state.takes.current().unwrap().tokens().len(), opening::EVENTS + 1);
}

#[test]
fn how_often_themes_come_back_is_changed_while_it_plays() {
    use crate::shape::Shape;
    let often = Shape { themes: ReturnRate::of_percent(200).unwrap(), ..Shape::default() };
    let state = after([ready(400.0), Action::SetShape(often.clone()), GENERATE]);
    assert_eq!(state.takes.current().unwrap().log.sampling_at(0).themes, often.themes);
    let state = state.then(Action::SetShape(Shape { themes: ReturnRate::AS_PEOPLE, ..often }));
    assert_eq!(state.transport.steering.in_flight().map(|splice| splice.take), Some(1));
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
    let behind = Action::Played { playback: Playback::Behind, position_us: 3_000_000 };
    assert_eq!(waits(after([ready(400.0), GENERATE, behind])), Notice::Behind.to_string());
    assert_eq!(waits(after([])), "");
}

#[test]
fn seconds_left_follow_the_speed() {
    let downloading = |state: State, mb: u64, now_ms| {
        let reply = Reply::Downloading { received_bytes: mb * 1_000_000, total_bytes: Some(13_000_000) };
        state.reduced(Action::Replied(reply), Moment { now_ms, ..Moment::default() })
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
