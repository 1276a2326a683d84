//! Which NOTE_OFF belongs to which NOTE_ON: from messages to key presses.

use std::collections::VecDeque;

use super::parts::N_CHANNELS;
use crate::{N_PITCHES, Pitch, Velocity};

/// A release that comes so soon after a strike, in microseconds, is of the strike before. Larger takes very short
/// notes for late releases; smaller leaves clicks of a few ticks.
const LATE_RELEASE_US: u64 = 30_000;

/// A NOTE_ON (with a velocity) or a NOTE_OFF.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) channel: u8,
    pub(super) track: usize,
    pub(super) pitch: Pitch,
    pub(super) velocity: Option<Velocity>,
    pub(super) tick: u64,
    /// Its place among all events.
    pub(super) order: usize,
    pub(super) is_drum: bool,
    /// Whose pedal holds it.
    pub(super) is_piano: bool,
}

impl Stroke {
    /// Number of its key among those of all channels.
    fn key(&self) -> usize {
        usize::from(self.channel) % N_CHANNELS * N_PITCHES + self.pitch.index()
    }
}

/// All notes or all sound off, on one channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silencer {
    pub(super) tick: u64,
    pub(super) order: usize,
}

/// A key that was down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press {
    pub(super) channel: u8,
    pub(super) track: usize,
    pub(super) pitch: Pitch,
    pub(super) velocity: Velocity,
    pub(super) is_piano: bool,
    pub(super) down_tick: u64,
    /// None if no NOTE_OFF came.
    pub(super) up_tick: Option<u64>,
    /// Its place among all events.
    pub(super) order: usize,
}

/// What pairing found.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    pub(super) presses: Vec<Press>,
    /// NOTE_OFFs of keys that were not down, and had not been struck twice either.
    pub(super) unmatched_offs: usize,
    pub(super) drum_notes: usize,
}

/// Pairs strokes, which are in order of time, as are the silencers of each channel. `micros` gives a tick's time.
///
/// The first release ends the first strike, so that a release which comes after the next strike of the key costs the
/// next note nothing, and keys that were struck twice go up with the last release. But where that cannot be, because
/// a release is missing, one ends the last strike: a lost NOTE_OFF costs a short note instead of leaving one that
/// never ends.
pub(super) fn pair(
    strokes: Vec<Stroke>,
    silencers: &[Vec<Silencer>; N_CHANNELS],
    micros: impl Fn(u64) -> u64,
) -> Pairs {
    let strokes = by_key(strokes);
    let mut pairs = Pairs::default();
    let mut balance = Vec::new();
    for strokes in strokes.chunk_by(|a, b| a.key() == b.key()) {
        let key = Key {
            strokes,
            silencers: &silencers[usize::from(strokes[0].channel) % N_CHANNELS],
            lowest: lowest_balances(strokes, &mut balance),
            micros: &micros,
            open: VecDeque::new(),
            lost: 0,
            n_past: 0,
        };
        key.pair(&mut pairs);
    }
    pairs
}

/// Puts strokes in order of their keys, and leaves them in order of time for each. There are few keys, so that counting
/// is faster than sorting.
fn by_key(strokes: Vec<Stroke>) -> Vec<Stroke> {
    let mut places = vec![0; N_CHANNELS * N_PITCHES + 1];
    for stroke in &strokes {
        places[stroke.key() + 1] += 1;
    }
    for key in 1..places.len() {
        places[key] += places[key - 1];
    }
    let mut sorted = strokes.clone();
    for stroke in strokes {
        let place = &mut places[stroke.key()];
        sorted[*place] = stroke;
        *place += 1;
    }
    sorted
}

/// For each stroke, NOTE_ONs minus NOTE_OFFs up to it and the lowest such number from it to the end.
fn lowest_balances<'a>(strokes: &[Stroke], balances: &'a mut Vec<(i64, i64)>) -> &'a [(i64, i64)] {
    balances.clear();
    let mut balance = 0;
    for stroke in strokes {
        balance += if stroke.velocity.is_some() { 1 } else { -1 };
        balances.push((balance, balance));
    }
    let mut lowest = i64::MAX;
    for (balance, lowest_from) in balances.iter_mut().rev() {
        lowest = lowest.min(*balance);
        *lowest_from = lowest;
    }
    balances
}

/// One key of one channel.
struct Key<'a, F> {
    strokes: &'a [Stroke],
    silencers: &'a [Silencer],
    lowest: &'a [(i64, i64)],
    micros: &'a F,
    /// Presses without a release so far, by their place in `Pairs::presses`.
    open: VecDeque<usize>,
    /// Strikes whose release was taken for lost: if it comes after all, it is no surprise.
    lost: usize,
    /// How many silencers came before the last stroke.
    n_past: usize,
}

impl<F: Fn(u64) -> u64> Key<'_, F> {
    fn pair(mut self, pairs: &mut Pairs) {
        for (idx, stroke) in self.strokes.iter().enumerate() {
            self.lift_at_silencer(stroke.order, pairs);
            let Some(velocity) = stroke.velocity else {
                self.release(idx, pairs);
                continue;
            };
            if stroke.is_drum {
                pairs.drum_notes += 1;
                continue;
            }
            self.open.push_back(pairs.presses.len());
            pairs.presses.push(Press {
                channel: stroke.channel,
                track: stroke.track,
                pitch: stroke.pitch,
                velocity,
                is_piano: stroke.is_piano,
                down_tick: stroke.tick,
                up_tick: None,
                order: stroke.order,
            });
        }
        self.lift_at_silencer(usize::MAX, pairs);
        self.lose_all_but_last(pairs);
    }

    fn release(&mut self, idx: usize, pairs: &mut Pairs) {
        let stroke = &self.strokes[idx];
        if stroke.is_drum && self.open.is_empty() {
            return;
        }
        if self.open.len() > 1 && !self.is_late(idx, pairs) {
            self.lose_all_but_last(pairs);
        }
        match self.open.pop_front() {
            Some(press) => pairs.presses[press].up_tick = Some(stroke.tick),
            None if self.lost > 0 => self.lost -= 1,
            None => pairs.unmatched_offs += 1,
        }
    }

    /// Whether a release, while several strikes wait for theirs, is of the first one.
    fn is_late(&self, idx: usize, pairs: &Pairs) -> bool {
        let next = self.strokes.get(idx + 1);
        // Another release before the next strike: there is one for each.
        if next.is_some_and(|next| next.velocity.is_none()) {
            return true;
        }
        let Some(next) = next else { return false };
        let n_open = self.open.len();
        let [first, last] = [self.open.front(), self.open.back()]
            .map(|press| press.map_or(0, |&press| (self.micros)(pairs.presses[press].down_tick)));
        let (release, next) = ((self.micros)(self.strokes[idx].tick), (self.micros)(next.tick));
        let (overlap, interval) = (release - last, next - last);
        // A run of overlapping notes, which ends with as many releases as strikes.
        let (balance, lowest) = self.lowest[idx];
        let ends_balanced = i64::try_from(n_open).is_ok_and(|n_open| balance - lowest >= n_open - 1);
        let is_click =
            overlap <= LATE_RELEASE_US && overlap <= interval / 4 && last - first > LATE_RELEASE_US;
        (ends_balanced && overlap <= interval / 2) || is_click
    }

    /// Strikes whose release did not come ended with the next strike.
    fn lose_all_but_last(&mut self, pairs: &mut Pairs) {
        while let Some(first) = self.open.pop_front() {
            let Some(&next) = self.open.front() else {
                self.open.push_front(first);
                return;
            };
            pairs.presses[first].up_tick = Some(pairs.presses[next].down_tick);
            self.lost += 1;
        }
    }

    /// All notes off, if it came between the last stroke and `order`, lifts the key.
    fn lift_at_silencer(&mut self, order: usize, pairs: &mut Pairs) {
        let n_past = self.silencers.partition_point(|silencer| silencer.order < order);
        if let Some(silencer) = self.silencers[self.n_past..n_past].first() {
            for press in self.open.drain(..) {
                pairs.presses[press].up_tick = Some(silencer.tick);
            }
        }
        self.n_past = n_past;
    }
}
