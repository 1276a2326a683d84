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
                self.now_us += u64::from(shift.steps()) * STEP_MICROS;
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
