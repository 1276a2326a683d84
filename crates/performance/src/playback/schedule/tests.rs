use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const SECOND_US: u64 = 1_000_000;

fn on(pitch: u8) -> Token {
    Event::NoteOn(Pitch::new(pitch).unwrap()).into()
}

fn off(pitch: u8) -> Token {
    Event::NoteOff(Pitch::new(pitch).unwrap()).into()
}

fn shift(steps: u8) -> Token {
    Event::TimeShift(crate::Shift::new(steps).unwrap()).into()
}

fn show(messages: &[Timed]) -> String {
    let line = |timed: &Timed| match timed.message {
        Message::NoteOn { pitch, .. } => format!("{}+{}", timed.at_us / 1000, pitch.get()),
        Message::NoteOff { pitch } => format!("{}-{}", timed.at_us / 1000, pitch.get()),
    };
    messages.iter().map(line).collect::<Vec<_>>().join(" ")
}

/// Feeds each chunk and polls at each time (ms) in turn; shows the messages and the status.
#[track_caller]
fn check(steps: &[(&[Token], u64)], expected: Expect) {
    let mut schedule = Schedule::new(SECOND_US, 300_000);
    let lines = steps.iter().map(|(tokens, at_ms)| {
        schedule.feed(tokens);
        let due = schedule.poll(at_ms * 1000);
        format!(
            "{at_ms}: [{}] {:?} at {}",
            show(&due),
            schedule.status(),
            schedule.position_us(at_ms * 1000) / 1000
        )
    });
    expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn waits_for_a_buffer_then_plays_in_time() {
    check(
        &[(&[on(60), shift(25)], 100), (&[off(60), shift(25)], 200), (&[], 300), (&[], 600)],
        expect![[r#"
            100: [] Waiting at 0
            200: [260+60 460-60] Playing at 0
            300: [] Playing at 40
            600: [] Playing at 340"#]],
    );
}

/// Twice as slow from 400 ms on: what rings goes on, what is not held there ends, and the rest is struck once.
#[test]
fn a_turn_goes_on_in_other_music() {
    let mut schedule = Schedule::new(SECOND_US, 0);
    schedule.feed(&[
        on(60),
        on(64),
        shift(25),
        off(60),
        on(62),
        shift(50),
        on(65),
        shift(25),
        off(64),
        off(62),
    ]);
    schedule.end();
    assert_eq!(show(&schedule.poll(0)), "60+60 60+64 260-60 260+62 660+65 860-64 860-62 860-65");
    // In the other music, 64 is not held so long.
    let slow = [
        on(60),
        on(64),
        shift(50),
        off(60),
        off(64),
        on(62),
        shift(100),
        on(65),
        shift(50),
        off(62),
        off(65),
    ];
    let taken_back = schedule.turn(&slow, 460_000, 800_000, 420_000);
    schedule.end();
    assert_eq!(show(&taken_back), "660+65 860-64 860-62 860-65");
    assert_eq!(schedule.position_us(420_000), 760_000);
    assert_eq!(show(&schedule.poll(420_000)), "460-64 860+65 1260-62 1260-65");
    assert_eq!(schedule.position_us(500_000), 840_000);
    // Too late, it goes over at once.
    let taken_back = schedule.turn(&slow, 480_000, 820_000, 500_000);
    assert_eq!(
        (show(&taken_back), schedule.position_us(500_000)),
        ("860+65 1260-62 1260-65".into(), 840_000)
    );
}

/// Instruments that take nothing back get their messages late: what comes before the turn is still to be handed out.
#[test]
fn what_comes_before_a_turn_is_played() {
    let mut schedule = Schedule::new(100_000, 0);
    let quick = [on(60), shift(25), off(60), on(62), shift(25), off(62), on(64), shift(25), off(64)];
    schedule.feed(&quick);
    schedule.end();
    assert_eq!(show(&schedule.poll(0)), "60+60");
    let slow = [on(60), shift(50), off(60), on(62), shift(50), off(62), on(64), shift(50), off(64)];
    let taken_back = schedule.turn(&slow, 300_000, 450_000, 100_000);
    schedule.end();
    assert_eq!(show(&taken_back), "");
    let later: Vec<String> = (1..12).map(|n| show(&schedule.poll(100_000 * n))).collect();
    assert_eq!(
        later.join(" ").split_whitespace().collect::<Vec<_>>().join(" "),
        "260-60 260+62 650-62 650+64 1050-64"
    );
}

#[test]
fn a_chord_is_handed_out_whole() {
    check(
        &[(&[shift(50), on(60)], 0), (&[on(64), shift(1)], 10)],
        expect![[r#"
            0: [] Playing at 0
            10: [460+60 460+64] Playing at 0"#]],
    );
}

#[test]
fn tokens_that_come_too_late_shift_the_music() {
    check(
        &[
            (&[on(60), shift(50)], 0),
            (&[], 1000),
            (&[off(60), shift(10)], 2000),
            (&[on(62), shift(40)], 3000),
            (&[], 3200),
        ],
        expect![[r#"
            0: [60+60] Playing at 0
            1000: [] Waiting at 400
            2000: [] Waiting at 400
            3000: [3060-60 3140+62] Playing at 400
            3200: [] Playing at 540"#]],
    );
}

#[test]
fn a_caller_held_up_beyond_the_look_ahead_shifts_the_music() {
    let long: Vec<Token> = (60..64).flat_map(|pitch| [on(pitch), shift(100), off(pitch)]).collect();
    check(
        &[(&long, 0), (&[], 2500), (&[], 2600)],
        expect![[r#"
            0: [60+60 860-60 860+61] Playing at 0
            2500: [2560-61 2560+62 3360-62 3360+63] Playing at 1600
            2600: [] Playing at 1640"#]],
    );
}

#[test]
fn stop_releases_what_sounds_and_what_would_have() {
    let mut schedule = Schedule::new(SECOND_US, 0);
    schedule.feed(&[on(60), shift(25), on(64), shift(25), off(60), on(67), shift(125)]);
    assert_eq!(show(&schedule.poll(0)), "60+60 260+64 460-60 460+67");
    assert_eq!(show(&schedule.stop(300_000)), "300-60 300-64 460-67");
    assert_eq!((schedule.status(), schedule.position_us(400_000)), (Status::Finished, 240_000));
    assert!(schedule.poll(400_000).is_empty() && schedule.stop(400_000).is_empty());
}

#[test]
fn what_is_recalled_comes_again() {
    let mut schedule = Schedule::new(SECOND_US, 0);
    schedule.feed(&[on(60), shift(25), on(64), shift(25), off(60), on(67), shift(125)]);
    schedule.poll(0);
    assert_eq!(show(&schedule.recall(300_000)), "300-60 300-64 460-67");
    assert_eq!(show(&schedule.poll(300_000)), "460-60 460+67");
    assert_eq!(show(&schedule.stop(500_000)), "500-67");
}

#[test]
fn the_end_releases_what_still_sounds() {
    let mut schedule = Schedule::new(SECOND_US, 10 * SECOND_US);
    schedule.feed(&[on(60), shift(25)]);
    schedule.end();
    assert_eq!(show(&schedule.poll(0)), "60+60 260-60");
    assert_eq!(schedule.status(), Status::Playing);
    assert!(schedule.poll(270_000).is_empty());
    assert_eq!((schedule.status(), schedule.position_us(0)), (Status::Finished, 200_000));
}

#[test]
fn a_splice_keeps_what_comes_before_and_what_rings() {
    let mut schedule = Schedule::new(SECOND_US, 0);
    schedule.feed(&[on(60), shift(25), on(64), shift(25), off(60), on(67), shift(125)]);
    assert_eq!(show(&schedule.poll(0)), "60+60 260+64 460-60 460+67");
    // Cut at 250 ms of music, 310 ms by the clock: 60 and 64 sound.
    let kept = [on(60), shift(25), on(64), shift(6)];
    let taken_back = schedule.splice(&kept, 100_000);
    assert_eq!(show(&taken_back), "460-60 460+67");
    schedule.feed(&[on(72), shift(25), off(64), shift(1)]);
    assert_eq!(show(&schedule.poll(110_000)), "308+72 508-64");
    assert_eq!(show(&schedule.stop(600_000)), "600-60 600-72");
}

/// The cut goes through a TIME_SHIFT: what is struck right before it is kept, and not taken back by its time.
#[test]
fn a_splice_takes_back_nothing_that_is_kept() {
    let mut schedule = Schedule::new(SECOND_US, 0);
    schedule.feed(&[on(60), shift(25), on(64), shift(25), off(60), on(67), shift(125)]);
    assert_eq!(show(&schedule.poll(0)), "60+60 260+64 460-60 460+67");
    let taken_back = schedule.splice(&[on(60), shift(25), on(64)], 100_000);
    assert_eq!(show(&taken_back), "460-60 460+67");
    schedule.feed(&[shift(6), on(72), shift(1)]);
    assert_eq!(show(&schedule.poll(110_000)), "308+72");
}

#[test]
fn a_late_splice_leaves_nothing_hanging() {
    let mut schedule = Schedule::new(SECOND_US, 0);
    schedule.feed(&[on(60), shift(25), on(64), shift(25), off(60), on(67), shift(125)]);
    schedule.poll(0);
    assert_eq!(schedule.splice(&[on(60), shift(25)], 500_000), []);
    schedule.feed(&[shift(125)]);
    assert_eq!(show(&schedule.poll(500_000)), "560-64 560-67", "60 was released, and is not struck again");
}

#[test]
fn a_hold_keeps_back_what_may_be_replaced() {
    let mut schedule = Schedule::new(SECOND_US, 0);
    schedule.feed(&[on(60), shift(25), on(64), shift(25), off(60), shift(125)]);
    schedule.hold(200_000);
    assert_eq!(show(&schedule.poll(0)), "60+60");
    schedule.release_hold();
    assert_eq!(show(&schedule.poll(10_000)), "260+64 460-60");
}

fn tokens() -> impl Strategy<Value = Vec<Token>> {
    // Few pitches, so that strikes of sounding and releases of silent keys do occur.
    let event = prop_oneof![
        (60..66u8).prop_map(on),
        (60..66u8).prop_map(off),
        (1..=125u8).prop_map(shift),
        (381..413u16).prop_map(|token| Token::new(token).unwrap()),
    ];
    prop::collection::vec(event, 0..200)
}

proptest! {
    /// However tokens and polls fall: all notes of `decode` come, in order, never late, never closer
    /// together than composed, and exactly as composed if there was always enough music.
    #[test]
    fn nothing_is_skipped_squeezed_or_late(
        tokens in tokens(),
        steps in prop::collection::vec((0..20usize, 0..700u64), 1..100),
        lookahead_ms in 1..2000u64,
    ) {
        let mut schedule = Schedule::new(lookahead_ms * 1000, 300_000);
        let mut rest = tokens.as_slice();
        let (mut now_us, mut played, mut position_us) = (0, Vec::new(), 0);
        let endless = steps.iter().cycle().copied().chain(std::iter::repeat((20, 100)));
        for (n, pause_ms) in endless {
            if schedule.status() == Status::Finished {
                break;
            }
            let (chunk, later) = rest.split_at(n.max(1).min(rest.len()));
            schedule.feed(chunk);
            rest = later;
            if rest.is_empty() {
                schedule.end();
            }
            let due = schedule.poll(now_us);
            prop_assert!(due.iter().all(|timed| timed.at_us >= now_us));
            played.extend(due);
            prop_assert!(schedule.position_us(now_us) >= position_us);
            position_us = schedule.position_us(now_us);
            now_us += (pause_ms + 1) * 1000;
        }

        let mut reference = Schedule::new(u64::MAX / 2, 0);
        reference.feed(&tokens);
        reference.end();
        let composed = reference.poll(0);
        let n_notes = crate::decode(&tokens).performance.notes().len();
        let n_struck = composed.iter().filter(|timed| matches!(timed.message, Message::NoteOn { .. })).count();
        // `decode` merges strikes of one key at one instant.
        prop_assert!(n_struck >= n_notes);
        prop_assert_eq!(
            played.iter().map(|timed| timed.message).collect::<Vec<_>>(),
            composed.iter().map(|timed| timed.message).collect::<Vec<_>>()
        );
        for (p, c) in played.windows(2).zip(composed.windows(2)) {
            prop_assert!(p[1].at_us - p[0].at_us >= c[1].at_us - c[0].at_us);
        }
    }

    /// The music is spliced any number of times, early or late. An instrument that can take messages back
    /// plays the final tokens, from the last splice on and before the first. It is silent in the end.
    #[test]
    fn spliced_music_is_the_final_tokens(
        tokens in tokens(),
        splices in prop::collection::vec((0..3_000u64, 9..600u64, tokens()), 1..6),
        lookahead_ms in 1..3000u64,
    ) {
        let mut schedule = Schedule::new(lookahead_ms * 1000, 0);
        let (mut current, mut told, mut now_us) = (tokens, Vec::<Timed>::new(), 0);
        schedule.feed(&current);
        told.extend(schedule.poll(now_us));
        for (wait_ms, ahead_ms, new) in splices {
            now_us += wait_ms * 1000;
            told.extend(schedule.poll(now_us));
            let at_us = schedule.position_us(now_us) + ahead_ms * 1000;
            let (keep, shift) = crate::playback::cut_at(&current, at_us);
            current.truncate(keep);
            current.extend(shift.map(|shift| Token::from(Event::TimeShift(shift))));
            let taken_back = schedule.splice(&current, now_us);
            told.truncate(told.len() - taken_back.len());
            schedule.feed(&new);
            current.extend(new);
        }
        schedule.end();
        while schedule.status() != Status::Finished {
            told.extend(schedule.poll(now_us));
            now_us += 500_000;
        }
        let mut sounding = Sounding::default();
        told.iter().for_each(|timed| sounding.apply(timed.message.event()));
        prop_assert!(sounding.is_empty());
        let mut reference = Schedule::new(u64::MAX / 2, 0);
        reference.feed(&current);
        reference.end();
        let expected: Vec<Message> = reference.poll(0).iter().map(|timed| timed.message).collect();
        let strikes = |messages: &[Message]| messages.iter().filter(|m| matches!(m, Message::NoteOn { .. })).count();
        let heard: Vec<Message> = told.iter().map(|timed| timed.message).collect();
        // Splices at or after the play-head: nothing that was heard is dropped.
        prop_assert_eq!(strikes(&heard), strikes(&expected));
        prop_assert!(told.is_sorted_by_key(|timed| timed.at_us));
    }

    /// Whenever the music is stopped, what was handed out and the last releases leave silence, and no
    /// key that was up is down for any length of time afterwards.
    #[test]
    fn stop_leaves_no_hanging_note(tokens in tokens(), polls in 0..40usize, stop_ms in 0..20_000u64) {
        let mut schedule = Schedule::new(500_000, 0);
        schedule.feed(&tokens);
        let stop_us = stop_ms * 1000;
        let mut told: Vec<Timed> =
            (0..polls as u64).flat_map(|i| schedule.poll(i * stop_us / polls as u64)).collect();
        told.extend(schedule.stop(stop_us));
        told.sort_by_key(|timed| timed.at_us);
        let mut sounding = Sounding::default();
        for (i, timed) in told.iter().enumerate() {
            let pitch = timed.message.pitch();
            sounding.apply(match timed.message {
                Message::NoteOn { .. } => Event::NoteOn(pitch),
                Message::NoteOff { .. } => Event::NoteOff(pitch),
            });
            let moment_is_over = told.get(i + 1).is_none_or(|next| next.at_us > timed.at_us);
            prop_assert!(timed.at_us < stop_us || !moment_is_over || sounding.is_empty());
        }
        prop_assert!(sounding.is_empty());
    }
}

#[test]
fn it_begins_and_ends_in_the_middle() {
    let music = [
        on(60),
        shift(50),
        on(64),
        off(60),
        shift(50),
        off(64),
        on(67),
        shift(50),
        off(67),
        on(60),
        shift(1),
    ];
    let mut schedule = Schedule::new(5 * SECOND_US, 300_000).starting_at(400_000);
    schedule.set_until_us(Some(1_200_000));
    schedule.feed(&music);
    // The first note was struck before: neither its strike nor its release are played.
    assert_eq!(show(&schedule.poll(2_000_000)), "2060+64 2460-64 2460+67");
    assert_eq!(schedule.position_us(2_160_000), 500_000);
    assert!(schedule.poll(2_900_000).is_empty());
    assert_eq!(schedule.position_us(2_900_000), 1_200_000, "up to the next message, which is not handed out");
    schedule.set_until_us(None);
    schedule.end();
    assert_eq!(show(&schedule.poll(2_900_000)), "2960-67 2960+60 2968-60");
}
