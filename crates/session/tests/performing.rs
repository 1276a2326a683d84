//! Performances of scores in a session: changed while they play, conducted, kept, and passed on.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::rc::Rc;

use performance::playback::schedule::{Message, Schedule, Status, Timed};
use performance::score::{Gesture, GestureKind, NewNote, Rendering, Score};
use performance::{Event, Pitch};
use proptest::prelude::*;
use session::link::{self, Linked};
use session::saved::{Saved, read_file, write_file};
use session::{Action, Moment, Notice, Performed, Piece, Playback, State, Take};

const PAGE: &str = "https://example.org/";

fn score(notes: &[(u8, u32, u32)]) -> Rc<Piece> {
    let note = |&(pitch, onset, length): &(u8, u32, u32)| {
        NewNote::new(Pitch::new(pitch).unwrap(), f64::from(onset) / 4.0, f64::from(length) / 4.0)
    };
    let score = Score::builder().notes(notes.iter().map(note)).build().unwrap();
    Rc::new(Piece::new("fugue.musicxml".into(), &score).unwrap())
}

/// A scale of quarters with a bass.
fn tune(n: u32) -> Rc<Piece> {
    let above = (0..n).map(|idx| (60 + (idx * 7 % 24) as u8, 4 * idx, 4));
    let below = (0..n / 2).map(|idx| (36 + (idx * 5 % 12) as u8, 8 * idx, 8));
    score(&above.chain(below).collect::<Vec<_>>())
}

fn at(state: State, action: Action, now_ms: f64, head_us: u64) -> State {
    state.reduced(action, Moment { now_ms, head_us, ahead_us: 0 })
}

fn playing(piece: Rc<Piece>) -> State {
    let state = State::new(1).reduced(Action::Perform(piece), Moment::default());
    state.reduced(Action::Played { playback: Playback::Playing, position_us: 0 }, Moment::default())
}

fn strikes(take: &Take) -> usize {
    take.tokens().iter().filter(|&&token| matches!(Event::from(token), Event::NoteOn(_))).count()
}

#[test]
fn a_score_is_a_take_that_plays_at_once() {
    let piece = tune(16);
    let state = State::new(1).reduced(Action::Perform(Rc::clone(&piece)), Moment::default());
    let take = state.takes.current().unwrap();
    assert_eq!((strikes(take), take.is_complete), (24, true));
    assert_eq!(state.transport.generating(), None, "nothing is to be composed");
    assert!(state.is_running() && state.waiting_for().is_none());
    assert_eq!(take.file_name("mid"), "fugue-performed.mid");
    // The next one is performed alike, and can be taken back.
    let other = Rendering { expression: 150, learned: 0, ..Rendering::default() };
    let state = state.reduced(Action::Render(other.clone()), Moment::default());
    let state = state.reduced(Action::Perform(tune(20)), Moment::default());
    assert_eq!(state.performed().unwrap().rendering, other);
    let state = state.reduced(Action::Undo, Moment::default());
    assert_eq!(state.performed().unwrap().piece, piece);
}

/// Of an opera, too, the first note comes at once.
#[test]
fn long_scores_begin_by_rule() {
    let notes: Vec<(u8, u32, u32)> = (0..10_001).map(|idx| (40 + (idx % 40) as u8, idx, 1)).collect();
    let state = playing(score(&notes));
    assert_eq!(state.performed().unwrap().rendering, Rendering { learned: 0, ..Rendering::default() });
}

#[test]
fn the_play_head_stays_where_it_is_in_the_score() {
    let state = playing(tune(16));
    let stopped = state.reduced(Action::Stop, Moment::default());
    let stopped = stopped.reduced(Action::Seek { at_us: 3_000_000 }, Moment::default());
    let before = stopped.performed().unwrap().quarters_at(3_000_000);
    let slow = Rendering { tempo: 50, ..Rendering::default() };
    let stopped = stopped.reduced(Action::Render(slow), Moment::default());
    let now = stopped.performed().unwrap();
    assert!((now.quarters_at(stopped.transport.position_us) - before).abs() < 0.01);
    assert_eq!(stopped.transport.cue.from_us, stopped.transport.position_us);
    // What cannot be chosen changes nothing.
    let wrong = Rendering { tempo: 5, ..Rendering::default() };
    assert_eq!(stopped.clone().reduced(Action::Render(wrong), Moment::default()), stopped);
}

#[test]
fn taps_give_the_tempo() {
    let mut state = playing(tune(64));
    let plain = state.performed().unwrap().clone();
    state = state.reduced(Action::Tap { at_us: 0 }, Moment::default());
    assert!(state.performed().unwrap().rendering.gestures.is_empty(), "nobody conducts");
    state = state.reduced(Action::SetConducting(true), Moment::default());
    // The listener hears the music where it is, and taps a beat of 0.8 s.
    let (mut heard_us, mut tapped) = (0.0, 0.0);
    let mut quarters = 0.0;
    for n in 0..24 {
        let now_ms = 800.0 * f64::from(n);
        state = at(state, Action::Tap { at_us: heard_us as u64 }, now_ms, heard_us as u64);
        let now = state.performed().unwrap();
        heard_us = now.us_at(quarters) as f64;
        // 0.8 s of music.
        heard_us += 800_000.0;
        let reached = now.quarters_at(heard_us as u64);
        tapped = reached - quarters;
        quarters = reached;
    }
    assert!((tapped - 1.0).abs() < 0.05, "a beat of music for a beat, found {tapped}");
    assert!((quarters - quarters.round()).abs() < 0.1, "on the beat, found {quarters}");
    let conducted = state.performed().unwrap();
    assert!(conducted.rendering_in_words().ends_with("conducted"));
    let state = state.reduced(Action::Unconduct, Moment::default());
    assert_eq!(state.performed().unwrap().expression, plain.expression);
}

#[test]
fn a_mood_holds_from_the_play_head_on() {
    let state = playing(tune(64));
    let plain = state.performed().unwrap().clone();
    let head_us = plain.us_at(20.0);
    let state = at(state, Action::SetMood { energy: 100, valence: -100 }, 0.0, head_us);
    let angry = state.performed().unwrap();
    let [Gesture { at, kind: GestureKind::Mood { energy: 100, valence: -100 } }] =
        angry.rendering.gestures[..]
    else {
        panic!("{:?}", angry.rendering)
    };
    assert!((20 * 480..21 * 480).contains(&at), "{at}");
    assert_eq!(plain.expression.velocity[..12], angry.expression.velocity[..12]);
    assert!(angry.expression.velocity[80] > plain.expression.velocity[80]);
}

/// The network goes on from a performance as from a primer.
#[test]
fn a_branch_of_a_performance_goes_on_from_it() {
    let state = playing(tune(16));
    let at_us = state.performed().unwrap().us_at(8.0);
    let branched = state.clone().reduced(Action::Branch { at_us, drawn_seed: 5 }, Moment::default());
    let branch = branched.takes.current().unwrap();
    let primer = branch.primer.clone().unwrap();
    assert_eq!((branch.performed.clone(), branch.seed, primer.name.as_str()), (None, 5, "fugue"));
    assert!(primer.n_notes >= 10 && primer.music_us <= at_us);
    assert_eq!(branch.parent.map(|parent| parent.take), Some(1));
    assert!(branched.transport.generating().is_some());
    let versions = Action::Versions { at_us, drawn_seeds: vec![1, 2] };
    let versions = state.clone().reduced(versions, Moment::default());
    assert_eq!(versions.transport.versions.len(), 2);
    // What is written is not steered as the network is.
    let steered = state.clone().reduced(Action::SetTemperature(0.7), Moment::default());
    assert_eq!(steered.takes, state.takes);
}

#[test]
fn a_link_brings_a_performance_of_a_score() {
    let state = playing(tune(64));
    let mut rendering = Rendering { expression: 130, interpretation: 4, ..Rendering::default() };
    rendering.conduct(Gesture { at: 960, kind: GestureKind::Beat { period_us: 400_000 } });
    let state = state.reduced(Action::Render(rendering.clone()), Moment::default());
    let take = state.takes.current().unwrap();
    let link = link::write(take, PAGE).unwrap();
    assert!(link.starts_with("https://example.org/#2.") && link.len() <= link::MAX_CHARS, "{}", link.len());
    assert_eq!(link::copied(&link), Notice::LinkCopied);
    let Some(Ok(Linked::Score(rendition))) = link::read(link.split_once('#').unwrap().1) else {
        panic!("a score")
    };
    assert_eq!(rendition.name, "", "links have no names of files in them");
    let there = State::new(2).reduced(Action::ReceiveScore(rendition), Moment::default());
    let received = there.takes.current().unwrap();
    assert_eq!(
        (received.tokens(), &received.performed.as_ref().unwrap().rendering),
        (take.tokens(), &rendering)
    );
    assert!(!there.is_running() && there.notices.as_slice().is_empty(), "silent until Play");
}

/// A score that is too long waits until it is dropped.
#[test]
fn a_link_without_its_score_waits_for_it() {
    let mut seed = 1_u32;
    let notes: Vec<(u8, u32, u32)> = (0..3_000)
        .map(|idx| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (30 + (seed >> 26) as u8, idx, 1 + (seed >> 20) % 7)
        })
        .collect();
    let piece = score(&notes);
    let state = playing(Rc::clone(&piece))
        .reduced(Action::Render(Rendering { interpretation: 3, ..Rendering::default() }), Moment::default());
    let take = state.takes.current().unwrap();
    let link = link::write(take, PAGE).unwrap();
    assert_eq!(link::copied(&link), Notice::LinkCopiedWithoutScore { n_notes: 3_000 });
    let Some(Ok(Linked::Score(rendition))) = link::read(link.split_once('#').unwrap().1) else {
        panic!("a score")
    };
    let there = State::new(2).reduced(Action::ReceiveScore(rendition), Moment::default());
    assert_eq!(there.notices.as_slice(), [Notice::LinkNeedsScore { n_notes: 3_000 }]);
    let there = there.reduced(Action::Perform(score(&notes)), Moment::default());
    assert_eq!(there.takes.current().unwrap().tokens(), take.tokens());
    assert!(there.notices.as_slice().is_empty());
}

#[test]
fn a_session_keeps_scores_and_their_performances() {
    let piece = tune(64);
    let state = playing(Rc::clone(&piece));
    let state = state.reduced(Action::Perform(piece), Moment::default());
    let rendering = Rendering { learned: 30, palette: 2, keeps_dynamics: true, ..Rendering::default() };
    let state = state.reduced(Action::Render(rendering), Moment::default());
    let state = state.reduced(Action::Rename { take: 1, name: "Plain".into() }, Moment::default());
    let opened = read_file(&write_file(&Saved::of(&state))).unwrap();
    assert_eq!(opened.n_damaged, 0);
    let there = State::new(2).reduced(Action::Open(Rc::new(opened.saved)), Moment::default());
    assert_eq!(there.takes.list(), state.takes.list());
    for (here, there) in state.takes.listed().iter().zip(there.takes.listed()) {
        assert!(here.1.tokens() == there.1.tokens() && here.1.performed == there.1.performed);
    }
    let parts = Saved::of(&state).to_parts();
    assert_eq!(parts.keys().filter(|name| name.starts_with("score-")).count(), 1, "one score, once");
    assert!(parts.keys().all(|name| !name.starts_with("take-")), "events follow from it");
    // A score that is gone takes only its performances with it.
    let mut without = parts;
    without.retain(|name, _| !name.starts_with("score-"));
    assert_eq!(Saved::from_parts(&without).unwrap().n_damaged, 2);
}

/// The file that is saved sounds like the take. Notes up to 30 ms before the first chord's time are put there, and
/// events lie on a grid of 8 ms.
#[test]
fn a_file_of_a_performance_has_its_times() {
    let rendering = Rendering { expression: 150, interpretation: 2, ..Rendering::default() };
    let performed = Performed::new(tune(64), rendering);
    let file = performance::midi::read(&performed.to_midi()).unwrap().performance.starting_at_zero();
    let take = performance::decode(&performed.tokens()).performance;
    assert_eq!(file.notes().len(), take.notes().len());
    let by_key = |performance: &performance::Performance| {
        let mut notes = performance.notes().to_vec();
        notes.sort_by_key(|note| (note.pitch, note.start_us));
        notes
    };
    for (written, played) in by_key(&file).iter().zip(&by_key(&take)) {
        let off = |a: u64, b: u64| a.abs_diff(b) / 1_000;
        assert!(off(written.start_us, played.start_us) <= 40, "{written:?}, {played:?}");
        assert!(off(written.end_us, played.end_us) <= 40, "{written:?}, {played:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    /// Wherever a performance goes over to another one, each written note is struck once.
    #[test]
    fn a_turn_leaves_nothing_out_and_doubles_nothing(
        notes in prop::collection::vec((40u8..80, 0u32..80, 1u32..12), 1..60),
        from_us in 0u64..30_000_000,
        (learned, expression, tempo) in (0u8..=100, 0u8..=200, 50u16..=200),
    ) {
        let piece = score(&notes);
        let before = Performed::new(Rc::clone(&piece), Rendering::default());
        let now = before.with(Rendering { learned, expression, tempo, ..Rendering::default() });
        let (turn_us, to_us) = before.turn(&now, from_us);
        prop_assert!(turn_us >= from_us && turn_us <= from_us + 150_000);
        let onsets = |performed: &Performed| {
            let played = performance::decode(&performed.tokens()).performance;
            played.notes().iter().map(|note| (note.pitch.get(), note.start_us)).collect::<Vec<_>>()
        };
        let (old, new) = (onsets(&before), onsets(&now));
        let count = |pitch: u8| {
            let before = old.iter().filter(|note| note.0 == pitch && note.1 < turn_us).count();
            before + new.iter().filter(|note| note.0 == pitch && note.1 >= to_us).count()
        };
        let is_whole = |pitch: u8| count(pitch) == new.iter().filter(|note| note.0 == pitch).count();
        // Two strikes of one key within 8 ms are one.
        prop_assert!((0..128).all(is_whole) || old.len() != new.len(), "{:?}", (turn_us, to_us));
    }

    /// The same as instruments get it: some take messages back, others get them late.
    #[test]
    fn an_instrument_gets_each_note_once_while_sliders_move(
        notes in prop::collection::vec((40u8..80, 0u32..60, 1u32..12), 1..60),
        changes in prop::collection::vec((100u64..4_000, 0u8..=100, 0u8..=200, 80u16..=200), 0..12),
        takes_back in any::<bool>(),
    ) {
        let (lookahead_us, lead_us) = if takes_back { (300_000, 40_000) } else { (100_000, 100_000) };
        let mut performed = Performed::new(score(&notes), Rendering::default());
        let n_struck = |performed: &Performed| performance::decode(&performed.tokens()).performance.notes().len();
        let n_notes = n_struck(&performed);
        let mut schedule = Schedule::new(lookahead_us, 0);
        schedule.feed(&performed.tokens());
        schedule.end();
        let mut changes = changes.into_iter();
        let (mut now_us, mut next) = (0, changes.next());
        let mut next_us = next.map_or(u64::MAX, |(after_ms, ..)| after_ms * 1_000);
        let mut struck: Vec<Timed> = Vec::new();
        let mut is_comparable = true;
        let is_strike = |timed: &Timed| matches!(timed.message, Message::NoteOn { .. });
        while schedule.status() != Status::Finished {
            struck.extend(schedule.poll(now_us).into_iter().filter(is_strike));
            if let (Some((_, learned, expression, tempo)), true) = (next, now_us >= next_us) {
                let to = performed.with(Rendering { learned, expression, tempo, ..Rendering::default() });
                // Two strikes of one key within 8 ms are one.
                is_comparable &= n_struck(&to) == n_notes;
                let at_us = now_us + lead_us;
                let from_us = schedule.music_time_us(at_us);
                let (turn_us, to_us) = performed.turn(&to, from_us);
                let taken_back = schedule.turn(&to.tokens(), at_us + turn_us - from_us, to_us, now_us);
                schedule.end();
                prop_assert!(takes_back || !taken_back.iter().any(is_strike));
                struck.retain(|timed| !taken_back.contains(timed));
                performed = to;
                next = changes.next();
                next_us = next.map_or(u64::MAX, |(after_ms, ..)| now_us + after_ms * 1_000);
            }
            now_us += 20_000;
        }
        prop_assert!(!is_comparable || struck.len() == n_notes, "{} of {n_notes} notes", struck.len());
    }
}
