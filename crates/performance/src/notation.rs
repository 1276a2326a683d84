//! Performances and events as text, so that tests are data.
//!
//! A note is `pitch/velocity start..end` in milliseconds; notes are separated by commas. Events are
//! `+60` (NOTE_ON), `-60` (NOTE_OFF), `>125` (TIME_SHIFT in steps), `v16` (VELOCITY).

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use crate::{Event, Note, Performance, Pitch, Shift, Token, Velocity, VelocityBin};

pub(crate) fn performance(text: &str) -> Performance {
    Performance::new(text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(note).collect())
}

pub(crate) fn show(performance: &Performance) -> String {
    let show = |note: &Note| {
        let (start_ms, end_ms) = (note.start_us as f64 / 1e3, note.end_us as f64 / 1e3);
        format!("{}/{} {start_ms}..{end_ms}", note.pitch.get(), note.velocity.get())
    };
    performance.notes().iter().map(show).collect::<Vec<_>>().join(", ")
}

pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let event = |word: &str| {
        let number: u8 = word[1..].parse().unwrap();
        match &word[..1] {
            "+" => Event::NoteOn(Pitch::new(number).unwrap()),
            "-" => Event::NoteOff(Pitch::new(number).unwrap()),
            ">" => Event::TimeShift(Shift::new(number).unwrap()),
            "v" => Event::Velocity(VelocityBin::new(number).unwrap()),
            _ => panic!("not an event: {word}"),
        }
    };
    text.split_whitespace().map(event).map(Token::from).collect()
}

pub(crate) fn show_tokens(tokens: &[Token]) -> String {
    let show = |&token: &Token| match Event::from(token) {
        Event::NoteOn(pitch) => format!("+{}", pitch.get()),
        Event::NoteOff(pitch) => format!("-{}", pitch.get()),
        Event::TimeShift(shift) => format!(">{}", shift.steps()),
        Event::Velocity(bin) => format!("v{}", bin.get()),
    };
    tokens.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn note(text: &str) -> Note {
    let (key, time) = text.split_once(' ').unwrap();
    let (pitch, velocity) = key.split_once('/').unwrap();
    let (start_ms, end_ms) = time.split_once("..").unwrap();
    let us = |ms: &str| (ms.parse::<f64>().unwrap() * 1e3) as u64;
    Note {
        pitch: Pitch::new(pitch.parse().unwrap()).unwrap(),
        velocity: Velocity::new(velocity.parse().unwrap()).unwrap(),
        start_us: us(start_ms),
        end_us: us(end_ms),
    }
}
