//! Themes that come back: now and then, a passage that was played before is played again.
//!
//! A copy model continues a repetition, but begins none. When a passage returns, from how far back, for
//! how long and in which key is drawn from what people do (`habits`). While it lasts, the next note and
//! when it is due are fixed; loudness, releases and the other notes are the network's.

use std::ops::{Range, RangeInclusive};

use performance::motif::{Matcher, Strike};
use performance::{Event, MAX_SHIFT_STEPS, N_PITCHES, N_TOKENS, Pitch, Shift, Sounding, Token, VelocityBin};

use super::habits::{FAR, Habits, NEAR};

/// What contradicts a return becomes less likely by this many nats, which rules it out. With smaller
/// values the network leaves the passage, and runs of eight notes in order become rare.
const NATS: f32 = 30.0;
/// The note that is due gets this many nats more than the likeliest note or wait.
const DUE_NATS: f32 = 1.0;
/// Waits that end before the next note is due get this many nats less: most of their probability was for
/// other notes, and what is left for them is a release. Smaller cuts notes short.
const EARLIER_NATS: f32 = 2.5;
/// A wait is likelier by this much with each doubling of its length, always: after a passage that it did not
/// choose itself a network goes on more densely, and without this performances become a fifth denser.
const PACE_NATS_PER_DOUBLING: f32 = 0.035;
/// Onsets within this many steps are one chord.
const CHORD_STEPS: u32 = 5;
/// A return has at least this many chords: what a listener recognizes.
const LEAST_CHORDS: u32 = 10;
/// A return has at most this many notes, so that one in fast music ends.
const MOST_NOTES: u32 = 256;
/// A return begins in a rest of this many steps.
const REST_STEPS: u32 = 20;
/// If no rest comes, a return begins after this many steps.
const PATIENCE_STEPS: u32 = 375;
/// Number of other notes after which a return is given up, because somebody else plays.
const MOST_MISSES: u32 = 3;
/// Waits between returns, in percent of people's: a return has ten chords at least and no wrong notes, so
/// that fewer of them are as much of the music.
const WAIT_PERCENT: u64 = 165;
/// How many times a passage is looked for, each time twice as far back.
const ATTEMPTS: usize = 4;
/// And no further back than this, in steps.
const MOST_LAG: [u32; 2] = [15_000, 1_250];
/// Keys of a piano.
const KEYS: RangeInclusive<i16> = 21..=108;

/// How often themes come back, beside people's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnRate(u16);

impl ReturnRate {
    /// As often as in people's performances.
    pub const AS_PEOPLE: Self = Self(100);
    /// More than this leaves no time for anything else.
    pub const MAX_PERCENT: u16 = 400;

    /// In percent of people's, up to [`ReturnRate::MAX_PERCENT`]; none for 0 or more than that.
    #[must_use]
    pub fn percent(percent: u16) -> Option<Self> {
        (1..=Self::MAX_PERCENT).contains(&percent).then_some(Self(percent))
    }
}

/// Decides when what was played returns, and follows it. It depends on nothing but the events.
#[derive(Clone, Debug)]
pub(super) struct Returns {
    rate: ReturnRate,
    /// A hash of all events: random numbers that follow from the seed.
    random: u64,
    sounding: Sounding,
    last: Event,
    /// When the next may begin, in steps: from far back, and from near; none before the first event.
    next: Option<[u32; 2]>,
    passage: Option<Passage>,
}

/// What is being played again.
#[derive(Clone, Copy, Debug)]
struct Passage {
    /// The number of the strike that comes next, and of the first that does not come.
    place: u32,
    end: u32,
    /// In semitones above what it was.
    key: i16,
    /// When it is due, in steps.
    due: u32,
    misses: u32,
    /// Which of `next` has to be set when it ends.
    kind: usize,
}

impl Passage {
    fn pitch(&self, strike: Strike) -> Option<Pitch> {
        let pitch = i16::from(strike.pitch.get()) + self.key;
        u8::try_from(pitch).ok().and_then(|pitch| Pitch::new(pitch).ok())
    }
}

const HABITS: [&Habits; 2] = [&FAR, &NEAR];

impl Returns {
    pub(super) fn new(rate: ReturnRate) -> Self {
        let last = Event::Velocity(VelocityBin::default());
        Self { rate, random: 0, sounding: Sounding::default(), last, next: None, passage: None }
    }

    /// Reads one more event, which `matcher` has read.
    pub(super) fn apply(&mut self, event: Event, matcher: &Matcher) {
        self.random = mix(self.random ^ u64::from(Token::from(event).get()));
        self.sounding.apply(event);
        self.last = event;
        if let (Event::NoteOn(pitch), Some(passage)) = (event, self.passage) {
            self.passage = self.follow(passage, pitch, matcher);
            if self.passage.is_none() {
                self.put_off(passage.kind, matcher.now());
            }
        }
        if self.passage.is_none() && matches!(event, Event::TimeShift(_)) {
            self.begin(matcher);
        }
    }

    /// Where a passage goes on after a note; none if it has ended.
    fn follow(&self, passage: Passage, pitch: Pitch, matcher: &Matcher) -> Option<Passage> {
        let strike = matcher.strike(passage.place)?;
        if passage.pitch(strike) != Some(pitch) {
            let misses = passage.misses + 1;
            return (misses <= MOST_MISSES).then_some(Passage { misses, ..passage });
        }
        let place = passage.place + 1;
        let next = matcher.strike(place).filter(|_| place < passage.end)?;
        let due = matcher.now().wrapping_add(next.step.wrapping_sub(strike.step));
        Some(Passage { place, due, ..passage })
    }

    /// Begins a passage if it is time and the music rests.
    fn begin(&mut self, matcher: &Matcher) {
        let Some(last) = matcher.n_strikes().checked_sub(1).and_then(|last| matcher.strike(last)) else {
            return;
        };
        let now = matcher.now();
        let rests = now.wrapping_sub(last.step) >= REST_STEPS;
        for kind in 0..HABITS.len() {
            let Some(next) = self.next.map(|next| next[kind]) else {
                (0..HABITS.len()).for_each(|kind| self.put_off(kind, now));
                return;
            };
            if now >= next && (rests || now - next >= PATIENCE_STEPS) {
                let lag = self.draw(&HABITS[kind].lags).min(MOST_LAG[kind]);
                // In slow music it takes longer until there is something to recognize.
                let lags = (0..).map(|doublings| lag << doublings).take_while(|&lag| lag <= MOST_LAG[kind]);
                self.passage = lags.take(ATTEMPTS).find_map(|lag| self.choose(kind, lag, matcher));
                if self.passage.is_some() {
                    return;
                }
                self.put_off(kind, now);
            }
        }
    }

    /// A passage from about `lag` steps back, from the beginning of a phrase.
    fn choose(&mut self, kind: usize, lag: u32, matcher: &Matcher) -> Option<Passage> {
        let habits = HABITS[kind];
        let length = self.draw(&habits.lengths);
        let key = self.draw_key(habits);
        let n = matcher.n_strikes();
        let (now, strike) = (matcher.now(), |number: u32| matcher.strike(number));
        // The strike after the longest wait, from two thirds of the lag to half as much again.
        let mut first: Option<(u32, u32)> = None;
        for number in (1..n).rev() {
            let (Some(here), Some(before)) = (strike(number), strike(number - 1)) else { break };
            let ago = now.wrapping_sub(here.step);
            if ago > lag + lag / 2 {
                break;
            }
            let wait = here.step.wrapping_sub(before.step);
            if ago >= lag - lag / 3 && first.is_none_or(|(longest, _)| wait > longest) {
                first = Some((wait, number));
            }
        }
        let (_, first) = first?;
        let begin = strike(first)?;
        // As long as is drawn and as many chords as can be recognized, and no longer than what there is.
        let (mut end, mut n_chords, mut chord) = (first, 0, None);
        while let Some(here) = strike(end) {
            if chord.is_none_or(|chord| here.step.wrapping_sub(chord) > CHORD_STEPS) {
                let is_long = here.step.wrapping_sub(begin.step) >= length && n_chords >= LEAST_CHORDS;
                if is_long || end - first >= MOST_NOTES {
                    break;
                }
                chord = Some(here.step);
                n_chords += 1;
            }
            end += 1;
        }
        let is_on_keyboard = |number: u32| {
            strike(number).is_some_and(|strike| KEYS.contains(&(i16::from(strike.pitch.get()) + key)))
        };
        let key = if (first..end).all(is_on_keyboard) { key } else { 0 };
        (n_chords >= LEAST_CHORDS).then_some(Passage { place: first, end, key, due: now, misses: 0, kind })
    }

    /// Adds what has the passage go on to the logits of the next event.
    ///
    /// # Shapes
    /// `logits`: 413 numbers, before softmax.
    pub(super) fn add_to(&self, matcher: &Matcher, logits: &mut [f32]) {
        for (steps, logit) in (1_u8..).zip(&mut logits[WAITS]) {
            *logit += doublings(steps) * PACE_NATS_PER_DOUBLING;
        }
        let Some(passage) = self.passage else { return };
        let Some(pitch) = matcher.strike(passage.place).and_then(|strike| passage.pitch(strike)) else {
            return;
        };
        // As people's performances are written down: at one moment releases come first, a VELOCITY right
        // before its note, and no wait follows a shorter one than the longest.
        let most = (0..N_PITCHES).chain(WAITS).map(|token| logits[token]).fold(f32::NEG_INFINITY, f32::max);
        let steps = passage.due.saturating_sub(matcher.now()) as usize;
        let mut may_come = [false; N_TOKENS];
        if steps == 0 {
            let is_release_due = self.sounding.contains(pitch);
            let due = if is_release_due { Event::NoteOff(pitch) } else { Event::NoteOn(pitch) };
            let due = Token::from(due).index();
            may_come[due] = true;
            logits[due] = logits[due].max(most + DUE_NATS);
            may_come[NOTE_OFFS].fill(matches!(self.last, Event::TimeShift(_) | Event::NoteOff(_)));
            may_come[VELOCITIES].fill(!matches!(self.last, Event::Velocity(_)) && !is_release_due);
            may_come[due] = true;
        } else {
            let can_release = !self.sounding.is_empty();
            let is_waiting = matches!(self.last, Event::TimeShift(shift) if shift != Shift::MAX);
            may_come[NOTE_OFFS].fill(can_release);
            if !(is_waiting && can_release) {
                // A wait until it is due becomes as likely as notes and waits were; shorter ones end in a
                // release.
                let until_due = WAITS.start + steps.min(WAITS.len()) - 1;
                let first = if can_release { WAITS.start } else { until_due };
                let likeliest = logits[first..=until_due].iter().copied().fold(f32::NEG_INFINITY, f32::max);
                logits[first..=until_due].iter_mut().for_each(|logit| *logit += most - likeliest);
                logits[first..until_due].iter_mut().for_each(|logit| *logit -= EARLIER_NATS);
                logits[until_due] = logits[until_due].max(most);
                may_come[first..=until_due].fill(true);
            }
        }
        for (logit, may_come) in logits.iter_mut().zip(may_come) {
            *logit -= if may_come { 0.0 } else { NATS };
        }
    }

    fn put_off(&mut self, kind: usize, now: u32) {
        let wait = u64::from(self.draw(&HABITS[kind].waits)) * WAIT_PERCENT / u64::from(self.rate.0);
        self.next.get_or_insert([now; 2])[kind] = now.saturating_add(wait as u32);
    }

    /// One of ten equally likely values, up to a quarter more or less.
    fn draw(&mut self, tenths: &[u16; 10]) -> u32 {
        let number = self.number();
        let value = tenths.get((number % 10) as usize).copied().unwrap_or_default();
        u32::from(value) * (768 + (number >> 8) as u32 % 513) / 1024
    }

    fn draw_key(&mut self, habits: &Habits) -> i16 {
        let mut left = (self.number() % 1000) as u16;
        for &(key, share) in habits.keys {
            if left < share {
                return key.into();
            }
            left -= share;
        }
        0
    }

    fn number(&mut self) -> u64 {
        self.random = mix(self.random);
        self.random >> 16
    }
}

/// The numbers of the events of each type.
const NOTE_OFFS: Range<usize> = N_PITCHES..2 * N_PITCHES;
const WAITS: Range<usize> = NOTE_OFFS.end..NOTE_OFFS.end + MAX_SHIFT_STEPS as usize;
const VELOCITIES: Range<usize> = WAITS.end..N_TOKENS;

/// How often 1 has to be doubled to reach a number of steps, on straight lines between the powers of two.
fn doublings(steps: u8) -> f32 {
    (f32::from(steps).to_bits() - 1f32.to_bits()) as f32 / (1 << 23) as f32
}

/// Scatters the bits of a number.
///
/// Source: Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014 (SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
