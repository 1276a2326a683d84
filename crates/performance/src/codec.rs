//! Notes ↔ events, as *This Time with Feeling* (arXiv 1808.03715) has it.
//!
//! The rules, fixed because training data and released weights depend on them:
//!
//! - Times are rounded to the 8 ms grid, halves up, each on its own, so that no rounding
//!   accumulates; a note lasts at least one step. Then the first onset is time 0.
//! - At one step, first the NOTE_OFFs, low to high, then the NOTE_ONs, low to high. A re-strike is
//!   OFF, then ON.
//! - VELOCITY comes only before a NOTE_ON whose bin differs from the current one.
//! - A gap of more than 125 steps is repeated maximum TIME_SHIFTs, then the remainder.

use crate::{Event, MAX_SHIFT_STEPS, Note, Performance, Pitch, STEP_MICROS, Shift, Token, VelocityBin};

/// The events of a performance.
///
/// What the events can say is [`Performance::quantized`]; [`decode`] gives exactly that back. There
/// is one event for each second of silence, so the caller bounds how long a silence may be (MIDI
/// import does).
///
/// ```
/// use performance::{Event, Note, Performance, Pitch, Velocity, decode, encode};
/// let note = Note { pitch: Pitch::new(60)?, velocity: Velocity::new(64)?, start_us: 0, end_us: 1_500_000 };
/// let performance = Performance::new(vec![note]);
/// let tokens = encode(&performance);
/// let numbers: Vec<u16> = tokens.iter().map(|token| token.get()).collect();
/// assert_eq!(numbers, [396, 60, 380, 318, 188]); // VELOCITY 16, ON, 1 s, 63 × 8 ms, OFF
/// assert_eq!(decode(&tokens).performance, performance.quantized());
/// # Ok::<(), performance::Error>(())
/// ```
#[must_use]
pub fn encode(performance: &Performance) -> Vec<Token> {
    let mut encoder = Encoder::default();
    for edge in edges(&performance.quantized()) {
        encoder.advance_to(edge.step);
        if edge.is_on {
            encoder.strike(edge.pitch, edge.bin);
        } else {
            encoder.push(Event::NoteOff(edge.pitch));
        }
    }
    encoder.tokens
}

/// The performance that events describe. Any sequence is accepted, also what no encoder would write.
///
/// A NOTE_OFF of a silent pitch is dropped; a NOTE_ON of a sounding one ends the note and strikes
/// again; what still sounds after the last event ends there.
#[must_use]
pub fn decode(tokens: &[Token]) -> Decoded {
    let mut decoder = Decoder::default();
    for &token in tokens {
        decoder.push(token);
    }
    decoder.finish()
}

/// What [`decode`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The notes.
    pub performance: Performance,
    /// What was not as an encoder would have written it.
    pub dropped: Irregularities,
}

/// How often a sequence of events broke the rules of the keyboard; all zero for an encoder's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Irregularities {
    /// NOTE_OFFs of pitches that did not sound: dropped.
    pub silent_note_offs: usize,
    /// NOTE_ONs of pitches that still sounded: the note ended and was struck again.
    pub sounding_note_ons: usize,
    /// Notes that still sounded after the last event: ended there.
    pub unended_notes: usize,
}

/// [`decode`], one event at a time.
///
/// ```
/// use performance::{Decoder, Event, Pitch, Shift};
/// let e = Pitch::new(64)?;
/// let mut decoder = Decoder::default();
/// assert_eq!(decoder.push(Event::NoteOn(e).into()), None);
/// decoder.push(Event::TimeShift(Shift::MAX).into());
/// let note = decoder.push(Event::NoteOff(e).into()).expect("the note is complete");
/// assert_eq!((note.start_us, note.end_us), (0, 1_000_000));
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    now_us: u64,
    bin: VelocityBin,
    sounding: [Option<Struck>; crate::N_PITCHES],
    ended: Vec<Note>,
    dropped: Irregularities,
}

impl Decoder {
    /// Takes one more event; returns the note it completed, if it did.
    pub fn push(&mut self, token: Token) -> Option<Note> {
        match Event::from(token) {
            Event::NoteOn(pitch) => {
                let restruck = self.end(pitch);
                self.dropped.sounding_note_ons += usize::from(restruck.is_some());
                self.sounding[pitch.index()] = Some(Struck { start_us: self.now_us, bin: self.bin });
                restruck
            }
            Event::NoteOff(pitch) => {
                let ended = self.end(pitch);
                self.dropped.silent_note_offs += usize::from(ended.is_none());
                ended
            }
            Event::TimeShift(shift) => {
                self.now_us += shift.micros();
                None
            }
            Event::Velocity(bin) => {
                self.bin = bin;
                None
            }
        }
    }

    /// Time after the last event, in microseconds from the first.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Ends what still sounds and hands over the performance.
    #[must_use]
    pub fn finish(mut self) -> Decoded {
        for pitch in Pitch::all() {
            self.dropped.unended_notes += usize::from(self.end(pitch).is_some());
        }
        Decoded { performance: Performance::new(self.ended), dropped: self.dropped }
    }

    fn end(&mut self, pitch: Pitch) -> Option<Note> {
        let Struck { start_us, bin } = self.sounding[pitch.index()].take()?;
        let note = Note { pitch, velocity: bin.velocity(), start_us, end_us: self.now_us };
        self.ended.push(note);
        Some(note)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            now_us: 0,
            bin: VelocityBin::default(),
            sounding: [None; crate::N_PITCHES],
            ended: Vec::new(),
            dropped: Irregularities::default(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Struck {
    start_us: u64,
    bin: VelocityBin,
}

/// One end of a note. The order of the fields is the order of the events: by step, the OFFs before
/// the ONs, low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    step: u64,
    is_on: bool,
    pitch: Pitch,
    bin: VelocityBin,
}

fn edges(quantized: &Performance) -> Vec<Edge> {
    let mut edges: Vec<Edge> = quantized
        .notes()
        .iter()
        .flat_map(|note| {
            let edge = |us, is_on| Edge {
                step: us / STEP_MICROS,
                is_on,
                pitch: note.pitch,
                bin: note.velocity.bin(),
            };
            [edge(note.start_us, true), edge(note.end_us, false)]
        })
        .collect();
    edges.sort_unstable();
    edges
}

#[derive(Debug, Default)]
struct Encoder {
    tokens: Vec<Token>,
    step: u64,
    bin: Option<VelocityBin>,
}

impl Encoder {
    fn advance_to(&mut self, step: u64) {
        let gap = step - self.step;
        let longest = u64::from(MAX_SHIFT_STEPS);
        for _ in 0..gap / longest {
            self.push(Event::TimeShift(Shift::MAX));
        }
        // Below 125, so it fits; 0 is no shift at all.
        if let Ok(remainder) = Shift::new((gap % longest) as u8) {
            self.push(Event::TimeShift(remainder));
        }
        self.step = step;
    }

    fn strike(&mut self, pitch: Pitch, bin: VelocityBin) {
        if self.bin != Some(bin) {
            self.push(Event::Velocity(bin));
            self.bin = Some(bin);
        }
        self.push(Event::NoteOn(pitch));
    }

    fn push(&mut self, event: Event) {
        self.tokens.push(event.into());
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::notation::{performance, show, show_tokens, tokens};

    #[track_caller]
    fn check_encode(notes: &str, expected: Expect) {
        expected.assert_eq(&show_tokens(&encode(&performance(notes))));
    }

    #[track_caller]
    fn check_decode(events: &str, expected: Expect) {
        let Decoded { performance, dropped } = decode(&tokens(events));
        let mut actual = show(&performance);
        if dropped != Irregularities::default() {
            actual += &format!("\n{dropped:?}");
        }
        expected.assert_eq(&actual);
    }

    #[test]
    fn encode_follows_the_paper() {
        check_encode("", expect![""]);
        // Time 0 is the first onset.
        check_encode("60/62 5000..5400", expect!["v16 +60 >50 -60"]);
        // At one step, OFFs before ONs, both low to high.
        check_encode(
            "64/62 0..400, 60/62 0..400, 67/62 400..408, 62/62 400..408",
            expect!["v16 +60 +64 >50 -60 -64 +62 +67 >1 -62 -67"],
        );
        // A re-strike is OFF, then ON.
        check_encode("60/62 0..400, 60/62 400..408", expect!["v16 +60 >50 -60 +60 >1 -60"]);
        // VELOCITY only where the bin differs: 61..=64 are one bin.
        check_encode(
            "60/61 0..8, 62/64 8..16, 64/65 16..24",
            expect!["v16 +60 >1 -60 +62 >1 -62 v17 +64 >1 -64"],
        );
        // Exactly one second is one shift; longer gaps are maximum shifts and a remainder.
        check_encode("60/62 0..1000", expect!["v16 +60 >125 -60"]);
        check_encode("60/62 0..1008", expect!["v16 +60 >125 >1 -60"]);
        check_encode("60/62 0..2000", expect!["v16 +60 >125 >125 -60"]);
        // A note lasts at least one step.
        check_encode("60/62 0..0", expect!["v16 +60 >1 -60"]);
    }

    #[test]
    fn decode_accepts_anything() {
        check_decode("", expect![""]);
        check_decode("v32 +60 >50 -60", expect!["60/126 0..400"]);
        // Time before the first note stays.
        check_decode(">125 v1 +60 >1 -60", expect!["60/2 1000..1008"]);
        // Without a VELOCITY, the middle bin.
        check_decode("+60 >1 -60", expect!["60/62 0..8"]);
        check_decode(
            "+60 >1 -60 -60 -61",
            expect![[r#"
                60/62 0..8
                Irregularities { silent_note_offs: 2, sounding_note_ons: 0, unended_notes: 0 }"#]],
        );
        check_decode(
            "+60 >1 v20 +60 >1 -60",
            expect![[r#"
                60/62 0..8, 60/78 8..16
                Irregularities { silent_note_offs: 0, sounding_note_ons: 1, unended_notes: 0 }"#]],
        );
        check_decode(
            "+60 >1 +64 >2",
            expect![[r#"
                60/62 0..24, 64/62 8..24
                Irregularities { silent_note_offs: 0, sounding_note_ons: 0, unended_notes: 2 }"#]],
        );
        // A strike that is not held has no length.
        check_decode("+60 -60 >1", expect!["60/62 0..0"]);
    }
}
