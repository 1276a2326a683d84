//! Changing music that is composed and not yet heard, without a gap.
//!
//! The worker composes seconds ahead of the ear. A change asks it to go back to the splice, a token just
//! ahead of the play-head, and to compose anew from there. Until its answer arrives, the old music stays. If
//! the answer comes too late, the old music plays on and the splice moves further ahead. One splice is in
//! flight at a time. Meanwhile the newest value waits, so the last one always lands.

use performance::playback::cut_at;
use performance::{Event, Input, InputLog, Shift, Token};

use crate::protocol::{Request, TakeId};
use crate::take::{Planned, Take, spliced};

/// Smallest distance of a splice from the play-head. Larger is heard later; smaller is missed more often.
const LEAST_MARGIN_US: u64 = 120_000;
/// Largest distance of a splice from the play-head.
const MOST_MARGIN_US: u64 = 8_000_000;
/// An answer must arrive this long before its splice is heard: one tick of the player, and the way to the
/// instrument.
const LEAD_US: u64 = 30_000;
/// After a missed splice, the next one lies this much further ahead.
const MISSED_US: u64 = 200_000;
/// Number of turnarounds kept; the longest of them sets the margin.
const REMEMBERED: usize = 8;

/// A splice that was requested from the worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Splice {
    /// Of which take.
    pub take: TakeId,
    /// Its number, as in [`Request::Steer`].
    pub epoch: u32,
    /// Where, in microseconds of music.
    pub at_us: u64,
    /// Tokens that stay.
    pub keep: usize,
    /// Number of tokens in which worker and page agreed at the request.
    agreed: usize,
    /// The take's inputs after the splice.
    log: InputLog,
    changes: Vec<Input>,
    asked_ms: f64,
}

impl Splice {
    /// The request to the worker.
    #[must_use]
    pub fn request(&self, take: &Take) -> Request {
        Request::Steer {
            take: self.take,
            epoch: self.epoch,
            agreed: self.agreed,
            tokens: take.tokens()[self.agreed..self.keep].to_vec(),
            entries: self.log.entries().iter().filter(|entry| entry.at >= self.agreed).cloned().collect(),
        }
    }

    /// Cuts the take for what follows.
    pub(crate) fn apply(&self, take: &mut Take) {
        take.splice(self.keep);
        take.log = self.log.clone();
    }
}

/// What an answer of the worker means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// More tokens of the present version.
    Current,
    /// The splice has come in time.
    Spliced(Splice),
    /// Of a splice that was dropped or missed.
    Stale,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steering {
    /// Of what the page has.
    epoch: u32,
    /// Of the last request.
    asked: u32,
    in_flight: Option<Splice>,
    wanted: Vec<Input>,
    /// Changes for times that are not composed yet, by time.
    planned: Vec<Planned>,
    /// Planned changes that are in the take, and not heard yet.
    landed: Vec<Planned>,
    /// What the last splice changed, and where.
    spliced: Option<(u64, Vec<Input>)>,
    /// The number of tokens in which worker and page agree, after a missed splice.
    agreed: Option<usize>,
    turnarounds_us: Vec<u64>,
    missed_us: u64,
}

impl Steering {
    /// The splice that the worker was asked for and has not answered.
    #[must_use]
    pub fn in_flight(&self) -> Option<&Splice> {
        self.in_flight.as_ref()
    }

    /// The epoch of the page's tokens; sent with [`Request::Start`].
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// How far ahead of the play-head the next splice lies, in microseconds.
    #[must_use]
    pub fn margin_us(&self) -> u64 {
        let slowest_us = self.turnarounds_us.iter().max().map_or(0, |us| us + us / 4 + LEAD_US);
        (slowest_us.max(LEAST_MARGIN_US) + self.missed_us).min(MOST_MARGIN_US)
    }

    /// Queues a change; it replaces a waiting one of its kind.
    pub(crate) fn want(&mut self, change: Input) {
        self.wanted.retain(|earlier| !is_replaced(earlier, &change));
        self.wanted.push(change);
    }

    /// Has changes happen at their times.
    pub(crate) fn plan(&mut self, planned: Vec<Planned>) {
        self.planned = planned;
    }

    /// Settings that were asked for and are not heard before a time, the last of each kind. What branches off there
    /// takes them along.
    pub(crate) fn unheard(&self, at_us: u64) -> Vec<Input> {
        let spliced = self.spliced.iter().filter(|(spliced_us, _)| *spliced_us > at_us);
        let changes = spliced.flat_map(|(_, changes)| changes);
        let changes =
            changes.chain(self.in_flight.iter().flat_map(|splice| &splice.changes)).chain(&self.wanted);
        let mut unheard: Vec<Input> = Vec::new();
        for change in changes.filter(|change| !matches!(change, Input::Events(_))) {
            unheard.retain(|earlier| !is_replaced(earlier, change));
            unheard.push(change.clone());
        }
        unheard
    }

    /// The listener goes elsewhere: what was asked for before was asked for another moment.
    pub(crate) fn forget_unheard(&mut self) {
        self.spliced = None;
    }

    /// For another performance: drops what waits. Turnarounds are kept.
    pub(crate) fn reset(&mut self) {
        (self.in_flight, self.agreed) = (None, None);
        self.wanted.clear();
        self.planned.clear();
        self.landed.clear();
        self.spliced = None;
        self.epoch = self.asked;
    }

    /// A number for another version or another performance.
    pub(crate) fn next_epoch(&mut self) -> u32 {
        self.asked += 1;
        self.asked
    }

    /// The epoch of the page's tokens, if the worker has composed just these; else a new one.
    pub(crate) fn settled_epoch(&mut self) -> u32 {
        let is_settled = self.in_flight.is_none() && self.agreed.is_none();
        if is_settled { self.epoch } else { self.next_epoch() }
    }

    /// For a performance whose tokens are of this epoch.
    pub(crate) fn take_over(&mut self, epoch: u32) {
        self.reset();
        self.epoch = epoch;
    }

    /// Another worker has begun the performance with what the page has.
    pub(crate) fn restarted(&mut self) {
        if let Some(splice) = self.in_flight.take() {
            self.put_back(splice.changes);
        }
        self.agreed = None;
        self.asked += 1;
        self.epoch = self.asked;
    }

    /// Asks for a splice if one is wanted and none is in flight.
    pub(crate) fn ask(&mut self, take: &Take, head_us: u64, now_ms: f64) {
        if self.in_flight.is_some() {
            return;
        }
        let soonest_us = head_us + self.margin_us();
        let (at_us, changes) = if !self.wanted.is_empty() {
            (soonest_us, std::mem::take(&mut self.wanted))
        } else {
            let is_composed = |(at_us, _): &Planned| *at_us <= take.music_us();
            if !self.planned.first().is_some_and(is_composed) {
                return;
            }
            let (at_us, change) = self.planned.remove(0);
            self.landed.push((at_us, change.clone()));
            (at_us.max(soonest_us), vec![change])
        };
        // What was planned for later, and composed, is composed anew.
        let again = self.landed.extract_if(.., |(landed_us, _)| *landed_us > at_us);
        self.planned.extend(again);
        self.planned.sort_by_key(|&(at_us, _)| at_us);
        let (keep, shift) = cut_at(take.tokens(), at_us);
        let mut inputs = settings_after(&take.log, keep, &self.planned);
        inputs.retain(|earlier| !changes.iter().any(|newer| is_replaced(earlier, newer)));
        inputs.extend(changes.iter().cloned());
        if !changes.iter().any(|change| matches!(change, Input::Events(_))) {
            inputs.extend(rest_of_played(&take.log, keep, shift));
        }
        let log = spliced(&take.log, keep, shift, inputs);
        let kept_us = performance::playback::micros(&take.tokens()[..keep]);
        self.asked += 1;
        self.in_flight = Some(Splice {
            take: take.id,
            epoch: self.asked,
            at_us: kept_us + shift.map_or(0, performance::Shift::micros),
            keep,
            agreed: self.agreed.map_or(keep, |agreed| agreed.min(keep)),
            log,
            changes,
            asked_ms: now_ms,
        });
    }

    /// What an answer with this epoch means; the page has `n_tokens` tokens.
    pub(crate) fn answer(&mut self, epoch: u32, n_tokens: usize, head_us: u64, now_ms: f64) -> Answer {
        if epoch == self.epoch && self.agreed.is_none() {
            return Answer::Current;
        }
        let Some(splice) = self.in_flight.take_if(|splice| splice.epoch == epoch) else {
            return Answer::Stale;
        };
        let turnaround_us = ((now_ms - splice.asked_ms).max(0.0) * 1000.0) as u64;
        self.turnarounds_us.push(turnaround_us);
        if self.turnarounds_us.len() > REMEMBERED {
            self.turnarounds_us.remove(0);
        }
        // At the end of the take, nothing after it was heard yet.
        if n_tokens > splice.keep && head_us + LEAD_US > splice.at_us {
            self.missed_us += MISSED_US;
            self.agreed = Some(splice.agreed);
            self.put_back(splice.changes);
            return Answer::Stale;
        }
        (self.epoch, self.agreed, self.missed_us) = (epoch, None, 0);
        self.spliced = Some((splice.at_us, splice.changes.clone()));
        Answer::Spliced(splice)
    }

    /// Changes of a missed splice wait again, unless newer ones do.
    fn put_back(&mut self, changes: Vec<Input>) {
        for change in changes {
            if !self.wanted.iter().any(|newer| is_replaced(&change, newer)) {
                self.wanted.push(change);
            }
        }
    }
}

/// Whether an input no longer counts after a newer one. What was played stays beside what is played next.
fn is_replaced(earlier: &Input, newer: &Input) -> bool {
    !matches!(newer, Input::Events(_)) && std::mem::discriminant(earlier) == std::mem::discriminant(newer)
}

/// The last input of each kind that was set after a token, apart from what is planned: a splice before it would
/// lose it.
fn settings_after(log: &InputLog, keep: usize, planned: &[Planned]) -> Vec<Input> {
    let mut settings: Vec<Input> = Vec::new();
    for entry in log.entries().iter().filter(|entry| entry.at > keep) {
        let is_planned = planned.iter().any(|(_, input)| *input == entry.input);
        if !matches!(entry.input, Input::Events(_)) && !is_planned {
            settings.retain(|earlier| !is_replaced(earlier, &entry.input));
            settings.push(entry.input.clone());
        }
    }
    settings
}

/// What is left of a span that is being played again, after a cut.
fn rest_of_played(log: &InputLog, keep: usize, cut: Option<Shift>) -> Option<Input> {
    let rest = log.entries().iter().find_map(|entry| match &entry.input {
        // A TIME_SHIFT alone was cut.
        Input::Events(tokens) if tokens.len() > 1 => tokens.get(keep.checked_sub(entry.at)?..),
        _ => None,
    })?;
    let mut rest = rest.to_vec();
    if let (Some(cut), Some(Event::TimeShift(whole))) = (cut, rest.first().map(|&token| Event::from(token))) {
        let left: Vec<Token> = Shift::spanning(whole.micros() - cut.micros())
            .map(|shift| Event::TimeShift(shift).into())
            .collect();
        rest.splice(..1, left);
    }
    (!rest.is_empty()).then_some(Input::Events(rest))
}
