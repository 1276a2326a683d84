//! Events as text, so that tests are data: `+60` (NOTE_ON), `-60` (NOTE_OFF), `>125` (TIME_SHIFT in steps),
//! `v16` (VELOCITY).

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::{Event, Pitch, Shift, Token, VelocityBin};

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

pub(crate) fn text(tokens: &[Token]) -> String {
    let show = |&token: &Token| match Event::from(token) {
        Event::NoteOn(pitch) => format!("+{}", pitch.get()),
        Event::NoteOff(pitch) => format!("-{}", pitch.get()),
        Event::TimeShift(shift) => format!(">{}", shift.steps()),
        Event::Velocity(bin) => format!("v{}", bin.get()),
    };
    tokens.iter().map(show).collect::<Vec<_>>().join(" ")
}
