//! Takes that begin as another one does: branches, moved changes, repeated spans.

use performance::playback::{Cursor, cut_at, micros};
use performance::{Event, Input, InputLog, Pitch, Shift, Sounding, Token};

use super::{Parent, Take};
use crate::Span;
use crate::protocol::TakeId;

/// The longest span that can be brought back, in microseconds.
const MAX_QUOTE_US: u64 = 120_000_000;
const OCTAVE: i16 = 12;
/// The lowest and highest key of a piano.
const KEYS: std::ops::RangeInclusive<i16> = 21..=108;

/// An input and the music time at which it is to happen, in microseconds.
pub type Planned = (u64, Input);

impl Take {
    /// A take that equals this one up to a time, in microseconds of music, and follows these inputs from there
    /// on.
    #[must_use]
    pub fn branch(&self, id: TakeId, at_us: u64, inputs: Vec<Input>) -> Self {
        let (keep, shift) = cut_at(&self.tokens, at_us);
        let log = spliced(&self.log, keep, shift, inputs);
        let parent = Some(Parent { take: self.id, at: keep, at_us: at_us.min(self.music_us()) });
        let mut branch =
            Self { id, parent, is_complete: false, awaited: None, splices: Vec::new(), ..self.clone() };
        branch.cut(keep);
        branch.log = log;
        branch
    }

    /// A branch that plays a span of this take again from a time on, transposed by semitones.
    #[must_use]
    pub fn bring_back(&self, id: TakeId, at_us: u64, span: Span, semitones: i8) -> Self {
        let (keep, _) = cut_at(&self.tokens, at_us);
        let before = Cursor::after(&self.tokens[..keep]);
        let quote = quoted(&self.tokens, span, semitones, &before);
        let inputs = if quote.is_empty() { Vec::new() } else { vec![Input::Events(quote)] };
        self.branch(id, at_us, inputs)
    }

    /// A branch in which an entry of the log happens at another time, or never. It ends where its music may
    /// differ; what the log has from there on is returned, to be done at its time.
    ///
    /// `None` if there is no such entry, or it is none that can be moved.
    #[must_use]
    pub fn edit(&self, id: TakeId, entry: usize, to_us: Option<u64>) -> Option<(Self, Vec<Planned>)> {
        let moved = self.log.entries().get(entry).filter(|entry| is_change(&entry.input))?;
        let entry_us = |at: usize| micros(&self.tokens[..at.min(self.tokens.len())]);
        let was_us = entry_us(moved.at);
        let from_us = to_us.map_or(was_us, |to_us| to_us.min(was_us));
        let (keep, _) = cut_at(&self.tokens, from_us);
        let later = self
            .log
            .entries()
            .iter()
            .enumerate()
            .filter(|&(index, other)| index != entry && other.at > keep && is_change(&other.input));
        let mut planned: Vec<Planned> =
            later.map(|(_, other)| (entry_us(other.at), other.input.clone())).collect();
        planned.extend(to_us.map(|to_us| (to_us, moved.input.clone())));
        planned.sort_by_key(|&(at_us, _)| at_us);
        let mut without = self.clone();
        without.log = self.log.without(entry);
        Some((without.branch(id, from_us, Vec::new()), planned))
    }
}

/// Whether an entry of the log is something that the listener did, not a cut or a branch.
pub(super) fn is_change(input: &Input) -> bool {
    match input {
        Input::Controls(_) | Input::Sampling(_) | Input::Dynamics(_) => true,
        // A TIME_SHIFT alone was cut.
        Input::Events(tokens) => tokens.len() > 1,
        Input::Seed(_) => false,
    }
}

/// The log up to a token, with what was set right before it, then a TIME_SHIFT that was cut, then the inputs.
pub(crate) fn spliced(log: &InputLog, keep: usize, cut: Option<Shift>, inputs: Vec<Input>) -> InputLog {
    let is_setting = |input: &Input| !matches!(input, Input::Events(_));
    let set_here = log.entries().iter().filter(|entry| entry.at == keep && is_setting(&entry.input));
    let set_here = set_here.map(|entry| (entry.at, entry.input.clone()));
    let at = keep + usize::from(cut.is_some());
    let cut = cut.map(|shift| (keep, Input::Events(vec![Event::TimeShift(shift).into()])));
    let mut spliced = log.clone();
    spliced.truncate(keep);
    for (at, input) in set_here.chain(cut).chain(inputs.into_iter().map(|input| (at, input))) {
        if spliced.push(at, input).is_err() {
            unreachable!("the inputs come in order, after those that were kept");
        }
    }
    spliced
}

/// The events of a span, after those that release what sounds before them. Keys that are struck in the span and
/// sound at its end are left to the network, as after a primer.
fn quoted(tokens: &[Token], span: Span, semitones: i8, before: &Cursor) -> Vec<Token> {
    let to_us = span.to_us.min(span.from_us + MAX_QUOTE_US);
    let mut quote: Vec<Event> = before.sounding().pitches().map(Event::NoteOff).collect();
    let n_releases = quote.len();
    // What is struck in the span, as it was played, and as it is played again.
    let (mut cursor, mut struck, mut sounding) =
        (Cursor::default(), Sounding::default(), Sounding::default());
    for &token in tokens {
        let (at_us, velocity) = (cursor.at_us(), cursor.velocity());
        cursor.step(token);
        if at_us >= to_us {
            break;
        }
        if cursor.at_us() < span.from_us {
            continue;
        }
        if quote.len() == n_releases {
            quote.push(Event::Velocity(velocity));
        }
        let event = Event::from(token);
        if let Event::TimeShift(_) = event {
            let us = cursor.at_us().min(to_us) - at_us.max(span.from_us);
            quote.extend(Shift::spanning(us).map(Event::TimeShift));
            continue;
        }
        if at_us < span.from_us {
            continue;
        }
        match event {
            Event::NoteOn(pitch) => {
                struck.apply(event);
                let Some(pitch) = transposed(pitch, semitones) else { continue };
                // Octaves may have brought two keys together.
                quote.extend(sounding.contains(pitch).then_some(Event::NoteOff(pitch)));
                quote.push(Event::NoteOn(pitch));
                sounding.apply(Event::NoteOn(pitch));
            }
            Event::NoteOff(pitch) if struck.contains(pitch) => {
                struck.apply(event);
                let pitch = transposed(pitch, semitones).filter(|&pitch| sounding.contains(pitch));
                let Some(pitch) = pitch else { continue };
                quote.push(Event::NoteOff(pitch));
                sounding.apply(Event::NoteOff(pitch));
            }
            Event::NoteOff(_) => {}
            Event::Velocity(_) | Event::TimeShift(_) => quote.push(event),
        }
    }
    if !quote.iter().any(|event| matches!(event, Event::NoteOn(_))) {
        return Vec::new();
    }
    quote.into_iter().map(Token::from).collect()
}

/// The pitch so many semitones higher, by octaves within the piano's keys.
fn transposed(pitch: Pitch, semitones: i8) -> Option<Pitch> {
    let mut number = i16::from(pitch.get()) + i16::from(semitones);
    while number > *KEYS.end() {
        number -= OCTAVE;
    }
    while number < *KEYS.start() {
        number += OCTAVE;
    }
    u8::try_from(number).ok().and_then(|number| Pitch::new(number).ok())
}
