//! Messages to a device while the caller is held up, on a clock of the test's own.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::midi::{Command, Live, Pedal, RESTRIKE_GAP_US};
use performance::playback::schedule::{Message, Schedule, Timed};
use performance::playback::{Lookahead, timed_events};
use performance::{Event, Pitch, Shift, Token};

const TICK_US: u64 = 20_000;

/// Four notes a second on two keys, each until the next of its key.
fn music(secs: usize) -> Vec<Token> {
    let step = |i: usize| {
        let pitch = Pitch::new(60 + (i % 2) as u8).unwrap();
        [Event::NoteOn(pitch), Event::TimeShift(Shift::new(31).unwrap())]
    };
    (0..4 * secs).flat_map(step).map(Token::from).collect()
}

fn keys(commands: &[(u64, Command)]) -> Vec<Timed> {
    let keys = commands.iter().filter_map(|&(at_us, command)| match command {
        Command::Key(message) => Some(Timed { at_us, message }),
        Command::Sustain(_) => None,
    });
    keys.collect()
}

/// What a device gets of the music from a caller who comes every 20 ms, and later by `late_us(tick)`.
fn played(tokens: &[Token], late_us: impl Fn(u64) -> u64) -> Vec<Timed> {
    let (mut schedule, mut live, mut lookahead) =
        (Schedule::new(0, 0), Live::new(Pedal::InNotes), Lookahead::default());
    schedule.feed(tokens);
    schedule.end();
    let (mut sent, mut now_us) = (Vec::new(), 0);
    for tick in 0.. {
        now_us += TICK_US + late_us(tick);
        lookahead.tick(now_us);
        schedule.set_lookahead_us(lookahead.us());
        let due = schedule.poll(now_us);
        let is_over = schedule.status() == performance::playback::schedule::Status::Finished;
        let known_us = if is_over { u64::MAX } else { now_us + lookahead.us() - RESTRIKE_GAP_US };
        let passed = keys(&live.pass(&due, &[], known_us));
        assert!(passed.iter().all(|timed| is_over || timed.at_us >= now_us), "at {now_us}: {passed:?}");
        sent.extend(passed);
        if is_over {
            return sent;
        }
    }
    unreachable!()
}

/// How far each strike is from where the music has it, against the first one.
fn delays_us(tokens: &[Token], sent: &[Timed]) -> Vec<i64> {
    let strikes = sent.iter().filter(|timed| matches!(timed.message, Message::NoteOn { .. }));
    let strikes: Vec<i64> = strikes.map(|timed| timed.at_us as i64).collect();
    let begins = timed_events(tokens).filter(|timed| matches!(timed.event, Event::NoteOn(_)));
    let begins: Vec<i64> = begins.map(|timed| timed.at_us as i64).collect();
    assert_eq!(strikes.len(), begins.len());
    strikes.iter().zip(&begins).map(|(at, begin)| (at - strikes[0]) - (begin - begins[0])).collect()
}

#[test]
fn hold_ups_move_no_note_once_they_were_met() {
    let tokens = music(60);
    // On time, and late by less than the least look-ahead.
    for late_us in [0, 35_000] {
        let sent = played(&tokens, |tick| if tick % 7 == 0 { late_us } else { 0 });
        assert!(delays_us(&tokens, &sent).iter().all(|&delay| delay == 0));
    }
    // Every second for 100 or 400 ms: the music waits for the first ones.
    for late_us in [100_000, 400_000] {
        let sent = played(&tokens, |tick| if tick % 50 == 10 { late_us } else { 0 });
        let delays = delays_us(&tokens, &sent);
        let settled = *delays.last().unwrap();
        let moved = delays.iter().filter(|&&delay| delay != settled).count();
        assert!(moved <= 4 * 6, "{late_us} µs late: {moved} of {} notes", delays.len());
    }
}

#[test]
fn each_key_has_room_before_it_is_struck_again() {
    let tokens = music(30);
    for late_us in [0, 60_000, 300_000] {
        let sent = played(&tokens, |tick| if tick % 40 == 0 { late_us } else { 0 });
        let mut released_us = [None; 128];
        for timed in &sent {
            let released = &mut released_us[timed.message.pitch().index()];
            match timed.message {
                Message::NoteOff { .. } => *released = Some(timed.at_us),
                Message::NoteOn { .. } => {
                    assert!(released.take().is_none_or(|at_us| timed.at_us - at_us >= RESTRIKE_GAP_US));
                }
            }
        }
    }
}

/// A stop between the release of a key and its message.
#[test]
fn releases_that_wait_are_not_forgotten() {
    let pitch = Pitch::new(60).unwrap();
    let off = Timed { at_us: 1_000_000, message: Message::NoteOff { pitch } };
    for pedal in [Pedal::InNotes, Pedal::Written] {
        let mut live = Live::new(pedal);
        assert_eq!(live.pass(&[off], &[], 1_000_000), []);
        assert_eq!(live.rest(), [off]);
        assert_eq!(live.rest(), []);
    }
}
