//! A pedal for a device, while the music is being played.

use super::Pedal;
use super::pedaling::{Pedaling, Ticks, UNKNOWN};
use super::restrike::Restrikes;
use super::write::TICK_US;
use crate::playback::schedule::{Message, Timed};
use crate::{N_PITCHES, Pitch};

/// What a device is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A key.
    Key(Message),
    /// The sustain pedal goes down (`true`) or up.
    Sustain(bool),
}

/// Turns messages into commands while they are handed out: keys have room before they are struck again, and with
/// [`Pedal::Written`] the pedal holds what two hands cannot, as in files.
///
/// Both know what comes: they are given all messages that are known, and return those that are settled. Where music
/// that has not been played yet is replaced, a key that the pedal holds already keeps sounding until its note ends.
///
/// ```
/// use performance::midi::{Command, Live, Pedal};
/// use performance::playback::schedule::{Message, Timed};
/// use performance::{Pitch, Velocity};
/// let key = |pitch| Pitch::new(pitch).expect("a key");
/// let on = |at_us, pitch| {
///     let velocity = Velocity::new(64).expect("a velocity");
///     Timed { at_us, message: Message::NoteOn { pitch: key(pitch), velocity } }
/// };
/// let off = |at_us, pitch| Timed { at_us, message: Message::NoteOff { pitch: key(pitch) } };
/// let chord = [on(0, 30), on(0, 42), on(500_000, 66), on(500_000, 78), on(500_000, 90)];
/// let ends = [30, 42, 66, 78, 90].map(|pitch| off(900_000, pitch));
///
/// let mut live = Live::new(Pedal::Written);
/// let commands = live.pass(&[chord.as_slice(), &ends].concat(), &[], u64::MAX);
/// assert!(commands.contains(&(410_000, Command::Sustain(true))));
/// assert!(commands.contains(&(450_000, Command::Key(off(0, 30).message))));
/// assert!(commands.contains(&(900_000, Command::Sustain(false))));
/// ```
#[derive(Clone, Debug)]
pub struct Live(Way);

#[derive(Clone, Debug)]
enum Way {
    Keys(Box<Restrikes>),
    Pedaled(Box<Pedaled>),
}

impl Live {
    /// Before the first message.
    #[must_use]
    pub fn new(pedal: Pedal) -> Self {
        Self(match pedal {
            Pedal::InNotes => Way::Keys(Box::default()),
            Pedal::Written => Way::Pedaled(Box::default()),
        })
    }

    /// Takes the next messages that were handed out, and those that will be (`coming`), both in order of time; returns
    /// what is settled, in order of time. All messages before `known_us` have been handed out; nothing waits after
    /// `u64::MAX`.
    pub fn pass(&mut self, handed_out: &[Timed], coming: &[Timed], known_us: u64) -> Vec<(u64, Command)> {
        match &mut self.0 {
            Way::Keys(restrikes) => {
                let settled = restrikes.pass(handed_out, known_us);
                settled.into_iter().map(|timed| (timed.at_us, Command::Key(timed.message))).collect()
            }
            Way::Pedaled(pedaled) => {
                pedaled.waiting.extend(handed_out);
                pedaled.pass(coming, known_us)
            }
        }
    }

    /// Forgets the messages that wait from this time on: other music follows.
    pub fn take_back(&mut self, from_us: u64) {
        match &mut self.0 {
            Way::Keys(restrikes) => restrikes.take_back(from_us),
            Way::Pedaled(pedaled) => {
                pedaled.waiting.retain(|timed| timed.at_us < from_us);
                pedaled.sounding.iter_mut().for_each(|held| {
                    held.take_if(|held| held.start_us >= from_us);
                });
            }
        }
    }

    /// The releases that are still to come, in order of time: for an instrument that is to fall silent.
    pub fn rest(&mut self) -> Vec<Timed> {
        match &mut self.0 {
            Way::Keys(restrikes) => restrikes.rest(),
            Way::Pedaled(pedaled) => {
                let offs = pedaled.releases();
                **pedaled = Pedaled { done_us: pedaled.done_us, ..Pedaled::default() };
                offs
            }
        }
    }
}

/// A note that sounds.
#[derive(Clone, Copy, Debug)]
struct Held {
    start_us: u64,
    /// When its key went up: the pedal holds it since.
    up: Option<u64>,
}

#[derive(Clone, Debug)]
struct Pedaled {
    /// Handed out and not settled, in order of time.
    waiting: Vec<Timed>,
    sounding: [Option<Held>; N_PITCHES],
    is_down: bool,
    /// Everything before has been returned, in whole ticks.
    done_us: u64,
}

impl Default for Pedaled {
    fn default() -> Self {
        Self { waiting: Vec::new(), sounding: [None; N_PITCHES], is_down: false, done_us: 0 }
    }
}

impl Pedaled {
    fn pass(&mut self, coming: &[Timed], known_us: u64) -> Vec<(u64, Command)> {
        let from = self.done_us / TICK_US;
        let until = (known_us / TICK_US).max(from);
        let (notes, strikes) = self.notes(coming);
        let plan = Pedaling::plan(&notes, from);
        let mut edges: Vec<(u64, u8, Command)> = Vec::new();
        for (note, &up) in notes.iter().zip(&plan.up_ticks) {
            let Ok(pitch) = Pitch::new(note.pitch) else { continue };
            if note.up.is_none() && up < until {
                edges.push((up.max(from) * TICK_US, 1, Command::Key(Message::NoteOff { pitch })));
            }
        }
        let strikes = strikes.into_iter().filter(|strike| strike.at_us / TICK_US < until);
        edges.extend(strikes.map(|strike| (strike.at_us, 2, Command::Key(strike.message))));
        self.pedal(&plan.spans, from..until, &mut edges);
        edges.sort_by_key(|&(at_us, rank, command)| (at_us, rank, matches!(command, Command::Sustain(true))));

        self.settle(&notes, &plan.up_ticks, until);
        edges.into_iter().map(|(at_us, _, command)| (at_us, command)).collect()
    }

    /// What sounds and what will, in order of the starts; and the strikes among it that are to come.
    fn notes(&self, coming: &[Timed]) -> (Vec<Ticks>, Vec<Timed>) {
        let mut notes: Vec<Ticks> = Vec::new();
        let mut open = [None; N_PITCHES];
        let sounding = self.sounding.iter().zip(Pitch::all());
        let mut sounding: Vec<(Pitch, Held)> =
            sounding.filter_map(|(held, pitch)| Some((pitch, (*held)?))).collect();
        sounding.sort_by_key(|(_, held)| held.start_us);
        for (pitch, held) in sounding {
            open[pitch.index()] = Some(notes.len());
            let start = held.start_us / TICK_US;
            notes.push(Ticks { pitch: pitch.get(), start, end: UNKNOWN, next: None, up: held.up });
        }
        let mut strikes = Vec::new();
        let mut last = [None; N_PITCHES];
        for timed in self.waiting.iter().chain(coming) {
            let (pitch, at) = (timed.message.pitch(), timed.at_us / TICK_US);
            if let Some(idx) = open[pitch.index()].take() {
                let note: &mut Ticks = &mut notes[idx];
                note.end = at.max(note.start + 1);
                last[pitch.index()] = Some(idx);
            }
            if let Message::NoteOn { .. } = timed.message {
                if let Some(idx) = last[pitch.index()].take() {
                    let note: &mut Ticks = &mut notes[idx];
                    note.next = Some(at.max(note.end));
                }
                open[pitch.index()] = Some(notes.len());
                notes.push(Ticks { pitch: pitch.get(), start: at, end: UNKNOWN, next: None, up: None });
                strikes.push(*timed);
            }
        }
        (notes, strikes)
    }

    /// The pedal's way through these ticks.
    fn pedal(
        &mut self,
        spans: &[(u64, u64)],
        ticks: std::ops::Range<u64>,
        edges: &mut Vec<(u64, u8, Command)>,
    ) {
        let mut at = ticks.start;
        while at < ticks.end {
            let wanted = spans.iter().any(|&(down, up)| (down..up).contains(&at));
            if wanted != self.is_down {
                self.is_down = wanted;
                edges.push((at * TICK_US, 0, Command::Sustain(wanted)));
            }
            let edge = spans.iter().flat_map(|&(down, up)| [down, up]).filter(|&edge| edge > at).min();
            at = edge.unwrap_or(ticks.end);
        }
    }

    /// Everything before the tick `until` has happened.
    fn settle(&mut self, notes: &[Ticks], up_ticks: &[u64], until: u64) {
        self.done_us = until.saturating_mul(TICK_US);
        self.sounding = [None; N_PITCHES];
        for (note, &up) in notes.iter().zip(up_ticks).filter(|(note, _)| note.start < until) {
            let Ok(pitch) = Pitch::new(note.pitch) else { continue };
            if note.end >= until {
                let held = Held { start_us: note.start * TICK_US, up: (up < until).then_some(up) };
                self.sounding[pitch.index()] = Some(held);
            }
        }
        self.waiting.retain(|timed| timed.at_us / TICK_US >= until);
    }

    /// Of the keys that are down, and of strikes that wait.
    fn releases(&self) -> Vec<Timed> {
        let off = |at_us, pitch| Timed { at_us, message: Message::NoteOff { pitch } };
        let down = self.sounding.iter().zip(Pitch::all());
        let down =
            down.filter(|(held, _)| held.is_some_and(|held| held.up.is_none())).map(|(_, pitch)| pitch);
        let waiting = self.waiting.iter().filter(|timed| matches!(timed.message, Message::NoteOff { .. }));
        let now = down.map(|pitch| off(self.done_us, pitch));
        now.chain(waiting.copied()).collect()
    }
}
