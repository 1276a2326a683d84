//! Themes that come back: now and then, a passage that was played before is played again.
//!
//! A copy model continues a repetition, but begins none. When a passage returns, from how far back, for
//! how long and in which key is drawn from what people do (`habits`). While it lasts, the next note and
//! when it is due are fixed; loudness, releases and the other notes are the network's.

use std::ops::{Range, RangeInclusive};

use performance::motif::Matcher;
use performance::{
    Controls, Event, MAX_SHIFT_STEPS, N_PITCH_CLASSES, N_PITCHES, N_TOKENS, Pitch, ReturnRate, Shift,
    Sounding, Token, VelocityBin,
};

use super::Drawing;
use super::habits::{FAR, Habits, NEAR};
use crate::sampling::STEP_SECS;

/// What contradicts a return becomes less likely by this many nats, which rules it out. With smaller
/// values the network leaves the passage, and runs of eight notes in order become rare.
const NATS: f32 = 30.0;
/// The note that is due gets this many nats more than the likeliest note or wait.
const DUE_NATS: f32 = 1.0;
/// Waits that end before the next note is due get this many nats less: most of their probability was for
/// other notes, and what is left for them is a release. Smaller cuts notes short.
const EARLIER_NATS: f32 = 2.5;
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
const WAIT_PERCENT: u32 = 165;
/// How many times a passage is looked for, each time twice as far back.
const ATTEMPTS: usize = 4;
/// And no further back than this, in steps.
const MOST_LAG: [u32; 2] = [15_000, 1_250];
/// If a density is asked for, a passage is at most this many times as dense or as sparse. Smaller finds fewer.
const MOST_DENSITY_RATIO: f32 = 1.5;
/// If pitch classes are asked for, a passage has at most one note in so many that is in none of them.
const OTHER_PITCH_CLASSES: u32 = 8;
/// Keys of a piano.
const KEYS: RangeInclusive<u8> = 21..=108;

/// Decides when what was played returns, and follows it. It depends on nothing but the events and how they
/// were drawn.
#[derive(Clone, Debug)]
pub(super) struct Returns {
    /// A hash of all events: random numbers that follow from the seed.
    random: u32,
    sounding: Sounding,
    last: Event,
    /// When the next may begin, in steps: from far back, and from near; none before the first event.
    next: Option<[u32; 2]>,
    passage: Option<Passage>,
    /// With which controls the last event was drawn: a passage of before they change does not go on.
    asked: Controls,
}

/// What is being played again.
#[derive(Clone, Copy, Debug)]
struct Passage {
    /// The number of the strike that comes next, and of the first that does not come.
    place: u32,
    end: u32,
    /// In semitones above what it was.
    key: i16,
    /// What comes next, in this key.
    pitch: Pitch,
    /// When it was struck then, and when it is due now, in steps.
    step: u32,
    due: u32,
    misses: u32,
    /// Which of `next` has to be set when it ends.
    kind: usize,
}

const HABITS: [&Habits; 2] = [&FAR, &NEAR];

impl Default for Returns {
    fn default() -> Self {
        let last = Event::Velocity(VelocityBin::default());
        Self {
            random: 0,
            sounding: Sounding::default(),
            last,
            next: None,
            passage: None,
            asked: Controls::default(),
        }
    }
}

impl Returns {
    /// Reads one more event, which `matcher` has read.
    pub(super) fn apply(&mut self, event: Event, drawing: Option<Drawing>, matcher: &Matcher) {
        self.random = mix(self.random ^ u32::from(Token::from(event).get()));
        self.sounding.apply(event);
        self.last = event;
        let Some(drawing) = drawing.filter(|it| it.sampling.themes != ReturnRate::NEVER) else {
            (self.next, self.passage) = (None, None);
            return;
        };
        if let Some(passage) = self.passage {
            let next = match event {
                Event::NoteOn(pitch) => follow(passage, pitch, matcher),
                _ => Some(passage),
            };
            self.passage = next.filter(|next| self.goes_on(next, drawing));
            if self.passage.is_none() {
                self.put_off(passage.kind, drawing.sampling.themes, matcher.now());
            }
        }
        if self.asked != *drawing.asked {
            self.asked = drawing.asked.clone();
        }
        if self.passage.is_none() && matches!(event, Event::TimeShift(_)) {
            self.begin(drawing, matcher);
        }
    }

    /// Whether what is asked for, and what is left out, lets a passage go on.
    fn goes_on(&self, passage: &Passage, drawing: Drawing) -> bool {
        drawing.sampling.only.contains(passage.pitch) && self.asked == *drawing.asked
    }

    /// Begins a passage if it is time and the music rests.
    fn begin(&mut self, drawing: Drawing, matcher: &Matcher) {
        let themes = drawing.sampling.themes;
        let Some(last) = matcher.n_strikes().checked_sub(1).and_then(|last| matcher.strike(last)) else {
            return;
        };
        let now = matcher.now();
        let rests = now.wrapping_sub(last.step) >= REST_STEPS;
        for kind in 0..HABITS.len() {
            let Some(next) = self.next.map(|next| next[kind]) else {
                (0..HABITS.len()).for_each(|kind| self.put_off(kind, themes, now));
                return;
            };
            if now >= next && (rests || now - next >= PATIENCE_STEPS) {
                let lag = self.draw(&HABITS[kind].lags).min(MOST_LAG[kind]);
                // In slow music it takes longer until there is something to recognize.
                let lags = (0..).map(|doublings| lag << doublings).take_while(|&lag| lag <= MOST_LAG[kind]);
                self.passage = lags.take(ATTEMPTS).find_map(|lag| self.choose(kind, lag, drawing, matcher));
                if self.passage.is_some() {
                    return;
                }
                self.put_off(kind, themes, now);
            }
        }
    }

    /// A passage from about `lag` steps back, from the beginning of a phrase.
    fn choose(&mut self, kind: usize, lag: u32, drawing: Drawing, matcher: &Matcher) -> Option<Passage> {
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
        let steps = strike(end - 1)?.step.wrapping_sub(begin.step);
        if n_chords < LEAST_CHORDS || !is_as_dense(end - first, steps, drawing.asked) {
            return None;
        }
        // In the same key where the other would leave the keyboard, or the pitch classes that may be played.
        // What was played beyond the keyboard can be played there again.
        let fits = |key: &i16| {
            let pitches: Option<Vec<Pitch>> =
                (first..end).map(|number| transposed(strike(number)?.pitch, *key)).collect();
            pitches.is_some_and(|pitches| {
                let is_allowed = |pitch: &Pitch| {
                    (*key == 0 || KEYS.contains(&pitch.get())) && drawing.sampling.only.contains(*pitch)
                };
                pitches.iter().all(is_allowed) && are_asked(&pitches, drawing.asked)
            })
        };
        let key = [key, 0].into_iter().find(fits)?;
        let pitch = transposed(begin.pitch, key)?;
        Some(Passage { place: first, end, key, pitch, step: begin.step, due: now, misses: 0, kind })
    }

    /// Adds what has the passage go on to the logits of the next event.
    ///
    /// # Shapes
    /// `logits`: 413 numbers, before softmax.
    pub(super) fn add_to(&self, logits: &mut [f32], drawing: Drawing, now: u32) {
        // What is asked for may have changed since the last event.
        let Some(passage) = self.passage.filter(|passage| self.goes_on(passage, drawing)) else {
            return;
        };
        let pitch = passage.pitch;
        // As people's performances are written down: at one moment releases come first, a VELOCITY right
        // before its note, and no wait follows a shorter one than the longest.
        let most = (0..N_PITCHES).chain(WAITS).map(|token| logits[token]).fold(f32::NEG_INFINITY, f32::max);
        let steps = passage.due.saturating_sub(now) as usize;
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

    fn put_off(&mut self, kind: usize, themes: ReturnRate, now: u32) {
        let wait = self.draw(&HABITS[kind].waits) * WAIT_PERCENT / u32::from(themes.percent()).max(1);
        self.next.get_or_insert([now; 2])[kind] = now.saturating_add(wait);
    }

    /// One of ten equally likely values, up to a quarter more or less.
    fn draw(&mut self, tenths: &[u16; 10]) -> u32 {
        let number = self.number();
        let value = tenths.get((number % 10) as usize).copied().unwrap_or_default();
        u32::from(value) * (768 + (number >> 8) % 513) / 1024
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

    fn number(&mut self) -> u32 {
        self.random = mix(self.random);
        self.random
    }
}

/// Where a passage goes on after a note; none if it has ended.
fn follow(passage: Passage, pitch: Pitch, matcher: &Matcher) -> Option<Passage> {
    if pitch != passage.pitch {
        let misses = passage.misses + 1;
        return (misses <= MOST_MISSES).then_some(Passage { misses, ..passage });
    }
    let place = passage.place + 1;
    let next = matcher.strike(place).filter(|_| place < passage.end)?;
    let due = matcher.now().wrapping_add(next.step.wrapping_sub(passage.step));
    Some(Passage { place, pitch: transposed(next.pitch, passage.key)?, step: next.step, due, ..passage })
}

/// Whether so many notes in so many steps are about as dense as is asked for.
fn is_as_dense(n_notes: u32, steps: u32, asked: &Controls) -> bool {
    asked.density.is_none_or(|density| {
        let (found, expected) = (n_notes as f32, density * steps as f32 * STEP_SECS);
        found <= expected * MOST_DENSITY_RATIO && expected <= found * MOST_DENSITY_RATIO
    })
}

/// Whether most of these are in pitch classes that are asked for.
fn are_asked(pitches: &[Pitch], asked: &Controls) -> bool {
    asked.pitch_classes.is_none_or(|weights| {
        let is_other = |pitch: &&Pitch| weights[usize::from(pitch.get()) % N_PITCH_CLASSES] <= 0.0;
        pitches.iter().filter(is_other).count() * OTHER_PITCH_CLASSES as usize <= pitches.len()
    })
}

fn transposed(pitch: Pitch, key: i16) -> Option<Pitch> {
    u8::try_from(i16::from(pitch.get()) + key).ok().and_then(|pitch| Pitch::new(pitch).ok())
}

/// The numbers of the events of each type.
const NOTE_OFFS: Range<usize> = N_PITCHES..2 * N_PITCHES;
const WAITS: Range<usize> = NOTE_OFFS.end..NOTE_OFFS.end + MAX_SHIFT_STEPS as usize;
const VELOCITIES: Range<usize> = WAITS.end..N_TOKENS;

/// Scatters the bits of a number.
///
/// Source: the constants are those of Wellons' search for the least biased hash of this form (lowbias32).
fn mix(number: u32) -> u32 {
    let mut z = number.wrapping_add(0x9e37_79b9);
    z = (z ^ z >> 16).wrapping_mul(0x7feb_352d);
    z = (z ^ z >> 15).wrapping_mul(0x846c_a68b);
    z ^ z >> 16
}
