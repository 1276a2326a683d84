//! Playing events that are still being composed: what is due, given the time.
//!
//! [`Schedule`] knows neither a clock nor an instrument. It is fed tokens as they come. The caller polls it
//! with the time, and gets note messages with the time at which each is due, a look-ahead in advance. It
//! passes them to an instrument that accepts messages ahead of time. So a caller that is late by less than
//! the look-ahead goes unnoticed.
//!
//! When the tokens run out, the music waits: the whole time base shifts, and not a note is skipped,
//! squeezed or played late.
//!
//! ```
//! use performance::playback::schedule::{Message, Schedule, Status};
//! use performance::{Event, Pitch, Shift, Token};
//! let (down, up) = (Event::NoteOn(Pitch::new(60)?), Event::NoteOff(Pitch::new(60)?));
//! let mut schedule = Schedule::new(1_000_000, 300_000);
//! assert!(schedule.poll(5_000_000).is_empty());
//!
//! schedule.feed(&[down, Event::TimeShift(Shift::MAX), up].map(Token::from));
//! let due = schedule.poll(5_000_000);
//! assert!(matches!(due[0].message, Message::NoteOn { .. }) && due[0].at_us >= 5_000_000);
//!
//! // A second later there is nothing to play, and it is not the end: the note is held.
//! assert!(schedule.poll(7_000_000).is_empty());
//! assert_eq!(schedule.status(), Status::Waiting);
//! assert_eq!(schedule.stop(7_000_000)[0].message, Message::NoteOff { pitch: Pitch::new(60)? });
//! # Ok::<(), performance::Error>(())
//! ```

use std::collections::VecDeque;

use super::Cursor;
use crate::{Event, Pitch, Sounding, Token, Velocity};

/// How long after a wait the first message is due. Smaller starts sooner; larger leaves the instrument
/// more time to prepare the first note.
const LEAD_US: u64 = 60_000;

/// A message to an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Strike a key.
    NoteOn {
        /// The key.
        pitch: Pitch,
        /// How hard.
        velocity: Velocity,
    },
    /// Release a key.
    NoteOff {
        /// The key.
        pitch: Pitch,
    },
}

impl Message {
    /// The key it is about.
    #[must_use]
    pub fn pitch(self) -> Pitch {
        match self {
            Self::NoteOn { pitch, .. } | Self::NoteOff { pitch } => pitch,
        }
    }
}

/// A message and the time at which it is due, in microseconds of the caller's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// When, on the clock that [`Schedule::poll`] is asked with.
    pub at_us: u64,
    /// What.
    pub message: Message,
}

/// What a [`Schedule`] is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// For more tokens: at the start, or because they ran out.
    Waiting,
    /// Music is under way.
    Playing,
    /// The last event is past.
    Finished,
}

/// Turns a growing sequence of tokens into timed note messages.
///
/// *Music time* starts at 0 with the first token; *clock time* is the caller's.
#[derive(Clone, Debug)]
pub struct Schedule {
    lookahead_us: u64,
    buffer_us: u64,
    /// Not handed out yet, `at_us` in music time.
    queue: VecDeque<Timed>,
    /// Handed out and not yet past, `at_us` in clock time.
    handed_out: VecDeque<Timed>,
    /// What sounds on the instrument once all messages before `handed_out` are done.
    sounding: Sounding,
    /// After all tokens fed.
    fed: Reader,
    ended: bool,
    status: Status,
    /// Clock time of music time 0, while playing.
    base_us: i128,
    /// Music time that the play-head has reached for certain.
    reached_us: u64,
    /// Nothing from here on is handed out, in music time: it is about to be replaced.
    hold_us: Option<u64>,
    /// Nothing from here on is handed out, in music time: the play-head goes elsewhere there.
    until_us: Option<u64>,
    /// Messages made of the tokens fed, handed out or not.
    n_messages: usize,
}

impl Schedule {
    /// `lookahead_us`: how far ahead of the clock messages are handed out. Larger survives longer
    /// hold-ups of the caller; smaller makes instruments stop sooner that cannot take messages back.
    ///
    /// `buffer_us`: how much music there must be before it starts, or resumes after a wait. Larger waits
    /// longer but more rarely.
    #[must_use]
    pub fn new(lookahead_us: u64, buffer_us: u64) -> Self {
        Self {
            lookahead_us,
            buffer_us,
            queue: VecDeque::new(),
            handed_out: VecDeque::new(),
            sounding: Sounding::default(),
            fed: Reader::default(),
            ended: false,
            status: Status::Waiting,
            base_us: 0,
            reached_us: 0,
            hold_us: None,
            until_us: None,
            n_messages: 0,
        }
    }

    /// Begins in the middle, at this music time: notes that are struck before it are not played. To be called
    /// before anything is fed.
    #[must_use]
    pub fn starting_at(mut self, from_us: u64) -> Self {
        self.fed.from_us = from_us;
        self.reached_us = from_us;
        self
    }

    /// Changes the look-ahead from the next [`poll`](Self::poll) on. What was handed out stays so.
    pub fn set_lookahead_us(&mut self, lookahead_us: u64) {
        self.lookahead_us = lookahead_us;
    }

    /// Changes how much music ends a wait.
    pub fn set_buffer_us(&mut self, buffer_us: u64) {
        self.buffer_us = buffer_us;
    }

    /// Takes more of the performance. Irregular events are treated as [`decode`](crate::decode) does.
    pub fn feed(&mut self, tokens: &[Token]) {
        for &token in tokens {
            let (released, struck) = self.fed.step(token);
            self.n_messages += usize::from(released.is_some()) + usize::from(struck.is_some());
            self.queue.extend(released.into_iter().chain(struck));
        }
    }

    /// No more tokens will come: what still sounds ends with the last of them.
    pub fn end(&mut self) {
        for pitch in Pitch::all() {
            self.release(pitch);
        }
        self.ended = true;
    }

    /// The messages that are due before `now_us` + look-ahead and were not handed out before, in order.
    /// None is due before `now_us`.
    pub fn poll(&mut self, now_us: u64) -> Vec<Timed> {
        self.forget_past(now_us);
        if self.status == Status::Playing && self.music_us(now_us) > i128::from(self.known_us()) {
            self.reached_us = self.position_us(now_us);
            self.status = Status::Waiting;
        }
        if self.status == Status::Waiting {
            if !self.ended && self.fed.cursor.at_us() < self.reached_us + self.buffer_us {
                return Vec::new();
            }
            self.base_us = i128::from(now_us + LEAD_US) - i128::from(self.reached_us);
            self.status = Status::Playing;
        }
        let is_over = self.music_us(now_us) >= i128::from(self.fed.cursor.at_us()) && self.queue.is_empty();
        if self.status == Status::Playing && self.ended && is_over {
            self.reached_us = self.fed.cursor.at_us();
            self.status = Status::Finished;
        }
        if self.status == Status::Finished {
            return Vec::new();
        }
        // Beyond the lead, so that each wait is followed by at least one message, however rare the polls.
        let horizon_us = self.music_us(now_us) + i128::from(self.lookahead_us.max(LEAD_US + 1));
        let ends_us = self.hold_us.into_iter().chain(self.until_us).map(i128::from);
        let horizon_us = ends_us.fold(horizon_us, i128::min);
        let mut due = Vec::new();
        while let Some(&next) = self.queue.front() {
            // A chord is handed out when all of it is known: once time has moved on.
            let is_complete = self.ended || next.at_us < self.fed.cursor.at_us();
            if !is_complete || i128::from(next.at_us) >= horizon_us {
                break;
            }
            self.queue.pop_front();
            // Never in the past: the check for lateness above has shifted the base if need be.
            let at_us = u64::try_from(self.base_us + i128::from(next.at_us)).unwrap_or(now_us);
            due.push(Timed { at_us, ..next });
        }
        self.handed_out.extend(&due);
        due
    }

    /// The messages that will be handed out, as far as they are known and nothing holds them back, with the times at
    /// which they are due if the music does not have to wait.
    #[must_use]
    pub fn coming(&self) -> Vec<Timed> {
        if self.status != Status::Playing {
            return Vec::new();
        }
        let end_us = self.hold_us.into_iter().chain(self.until_us).min().unwrap_or(u64::MAX);
        let known = self.queue.iter().take_while(|timed| timed.at_us < end_us);
        let on_clock = |timed: &Timed| {
            let at_us = u64::try_from(self.base_us + i128::from(timed.at_us)).unwrap_or(0);
            Timed { at_us, ..*timed }
        };
        known.map(on_clock).collect()
    }

    /// Returns no messages from this music time on until [`splice`](Self::splice) or
    /// [`release_hold`](Self::release_hold): a replacement is being composed, and MIDI devices cannot take
    /// messages back.
    pub fn hold(&mut self, from_us: u64) {
        self.hold_us = Some(from_us);
    }

    /// Returns no messages from this music time on, because the play-head goes elsewhere there; `None` is no end.
    pub fn set_until_us(&mut self, until_us: Option<u64>) {
        self.until_us = until_us;
    }

    /// Without a replacement: the music stays as it is.
    pub fn release_hold(&mut self) {
        self.hold_us = None;
    }

    /// [`release_hold`](Self::release_hold) if what is held back is due within `lead_us`.
    pub fn release_late_hold(&mut self, now_us: u64, lead_us: u64) {
        let until_us = self.music_us(now_us) + i128::from(lead_us);
        self.hold_us.take_if(|hold_us| i128::from(*hold_us) < until_us);
    }

    /// Drops all music but that of `kept`, the tokens fed first; the tokens fed next follow there. What was
    /// struck before rings on.
    /// Returns the messages that instruments have to forget: those handed out for later, by time.
    ///
    /// When the place is already past, because the caller was held up, keys that were struck since and do not
    /// sound there are released at once.
    pub fn splice(&mut self, kept: &[Token], now_us: u64) -> Vec<Timed> {
        let (mut at, mut n_kept) = (Reader { from_us: self.fed.from_us, ..Reader::default() }, 0);
        for &token in kept {
            let (released, struck) = at.step(token);
            n_kept += usize::from(released.is_some()) + usize::from(struck.is_some());
        }
        self.forget_past(now_us);
        self.hold_us = None;
        let n_taken = self.n_messages.saturating_sub(n_kept);
        let n_queued = self.queue.len().min(n_taken);
        self.queue.truncate(self.queue.len() - n_queued);
        let n_handed = self.handed_out.len().min(n_taken - n_queued);
        let taken_back = self.handed_out.drain(self.handed_out.len() - n_handed..).collect();
        let mut sounding = self.sounding;
        for timed in self.handed_out.iter().chain(&self.queue) {
            sounding.apply(timed.message.event());
        }
        let at_us = at.cursor.at_us();
        for pitch in sounding.pitches().filter(|&pitch| !at.played.contains(pitch)) {
            self.queue.push_back(Timed { at_us, message: Message::NoteOff { pitch } });
        }
        self.n_messages = n_kept;
        self.fed = at;
        self.ended = false;
        taken_back
    }

    /// Goes over to other music, all of whose tokens these are: at the clock time `at_us`, its music time is `to_us`.
    /// What sounds rings on until the other music ends it; what does not sound there is released. To be called while
    /// music is under way; [`end`](Self::end) comes after it as after [`feed`](Self::feed).
    ///
    /// Returns the messages that instruments have to forget: those handed out for later, by time.
    pub fn turn(&mut self, tokens: &[Token], at_us: u64, to_us: u64, now_us: u64) -> Vec<Timed> {
        self.forget_past(now_us);
        let late_us = now_us.saturating_sub(at_us);
        let (at_us, to_us) = (at_us + late_us, to_us + late_us);
        let n_kept = self.handed_out.partition_point(|timed| timed.at_us < at_us);
        let taken_back = self.handed_out.drain(n_kept..).collect();
        // What comes before it, and was not handed out yet, keeps its time on the clock.
        let turn_us = self.music_us(at_us);
        let n_before = self.queue.partition_point(|timed| i128::from(timed.at_us) < turn_us);
        self.queue.truncate(n_before);
        for timed in &mut self.queue {
            let new_us = i128::from(timed.at_us) + i128::from(to_us) - turn_us;
            timed.at_us = new_us.max(0).try_into().unwrap_or(to_us);
        }
        let mut sounding = self.sounding;
        for timed in self.handed_out.iter().chain(&self.queue) {
            sounding.apply(timed.message.event());
        }
        (self.hold_us, self.until_us, self.ended) = (None, None, false);
        self.base_us = i128::from(at_us) - i128::from(to_us);
        self.reached_us = to_us.saturating_sub(at_us - now_us);
        self.status = Status::Playing;
        let mut reader = Reader { from_us: to_us, ..Reader::default() };
        let n_before = tokens.iter().take_while(|&&token| {
            let is_before = reader.cursor.at_us() < to_us;
            if is_before {
                reader.step(token);
            }
            is_before
        });
        let n_before = n_before.count();
        for pitch in sounding.pitches() {
            if reader.cursor.sounding().contains(pitch) {
                reader.played.apply(Event::NoteOn(pitch));
            } else {
                self.queue.push_back(Timed { at_us: to_us, message: Message::NoteOff { pitch } });
            }
        }
        self.fed = reader;
        self.n_messages = self.handed_out.len() + self.queue.len();
        self.feed(&tokens[n_before..]);
        taken_back
    }

    /// Takes back messages for later, so that they are returned again: for a change of instruments. Returns
    /// the messages that silence an instrument which cannot take messages back. These are releases at
    /// `now_us` of what sounds now, and a release at the time of each strike that was returned for later.
    pub fn recall(&mut self, now_us: u64) -> Vec<Timed> {
        self.forget_past(now_us);
        let off = |at_us, pitch| Timed { at_us, message: Message::NoteOff { pitch } };
        let mut offs: Vec<Timed> = self.sounding.pitches().map(|pitch| off(now_us, pitch)).collect();
        for timed in &self.handed_out {
            if let Message::NoteOn { pitch, .. } = timed.message {
                offs.push(off(timed.at_us, pitch));
            }
        }
        for timed in self.handed_out.drain(..).rev() {
            let at_us = u64::try_from(i128::from(timed.at_us) - self.base_us).unwrap_or(0);
            self.queue.push_front(Timed { at_us, ..timed });
        }
        self.sounding = Sounding::default();
        offs
    }

    /// Ends the music. Returns what [`recall`](Self::recall) does.
    pub fn stop(&mut self, now_us: u64) -> Vec<Timed> {
        self.reached_us = self.position_us(now_us);
        let offs = self.recall(now_us);
        self.queue.clear();
        self.ended = true;
        self.status = Status::Finished;
        offs
    }

    /// Music time at the play-head. Never goes back, and stands still while waiting.
    #[must_use]
    pub fn position_us(&self, now_us: u64) -> u64 {
        if self.status != Status::Playing {
            return self.reached_us;
        }
        let music_us = self.music_us(now_us).clamp(0, i128::from(u64::MAX)) as u64;
        music_us.min(self.known_us()).max(self.reached_us)
    }

    /// Music time at a time of the clock that is still to come, if the music does not have to wait.
    #[must_use]
    pub fn music_time_us(&self, at_us: u64) -> u64 {
        self.music_us(at_us).clamp(0, i128::from(u64::MAX)) as u64
    }

    /// What it is doing, as of the last [`poll`](Self::poll).
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Clock time to music time; negative before the music starts.
    fn music_us(&self, now_us: u64) -> i128 {
        i128::from(now_us) - self.base_us
    }

    /// Music time up to which the play-head may go: the next message, or the end of what was fed. Once
    /// everything was handed out and no more comes, it may go as far as it likes.
    fn known_us(&self) -> u64 {
        match self.queue.front() {
            Some(next) => next.at_us,
            None if self.ended => u64::MAX,
            None => self.fed.cursor.at_us(),
        }
    }

    fn forget_past(&mut self, now_us: u64) {
        while let Some(past) = self.handed_out.pop_front_if(|timed| timed.at_us <= now_us) {
            self.sounding.apply(past.message.event());
        }
    }

    fn release(&mut self, pitch: Pitch) {
        if self.fed.played.contains(pitch) {
            self.feed(&[Event::NoteOff(pitch).into()]);
        }
    }
}

/// Reads tokens, and makes the messages of what is struck from a time on.
#[derive(Clone, Copy, Debug, Default)]
struct Reader {
    cursor: Cursor,
    from_us: u64,
    /// The keys that are down and were struck by a message.
    played: Sounding,
}

impl Reader {
    /// Passes a token; the messages that it makes: the release of a key that sounds, the strike of one.
    fn step(&mut self, token: Token) -> (Option<Timed>, Option<Timed>) {
        let at_us = self.cursor.at_us();
        let timed = self.cursor.step(token);
        let (Event::NoteOn(pitch) | Event::NoteOff(pitch)) = timed.event else { return (None, None) };
        let released =
            self.played.contains(pitch).then_some(Timed { at_us, message: Message::NoteOff { pitch } });
        let velocity = timed.velocity.velocity();
        let is_struck = matches!(timed.event, Event::NoteOn(_)) && at_us >= self.from_us;
        let struck = is_struck.then_some(Timed { at_us, message: Message::NoteOn { pitch, velocity } });
        self.played.apply(if is_struck { Event::NoteOn(pitch) } else { Event::NoteOff(pitch) });
        (released, struck)
    }
}

impl Message {
    fn event(self) -> Event {
        match self {
            Self::NoteOn { pitch, .. } => Event::NoteOn(pitch),
            Self::NoteOff { pitch } => Event::NoteOff(pitch),
        }
    }
}

#[cfg(test)]
mod tests;
