//! Performances, as the page holds them.

mod changes;
mod edit;
mod kept;
mod perform;

use std::rc::Rc;

use performance::playback::Cursor;
use performance::playback::schedule::{Schedule, Timed};
use performance::{
    Controls, Event, Input, InputLog, Origin, Recipe, Sampling, Token, TokenSum, VelocityOffset,
};

pub use changes::TakeChange;
pub use edit::Planned;
pub(crate) use edit::spliced;

use crate::protocol::{Job, TakeId};
use crate::{Performed, Primer};

/// A performance that the network composed, or is composing, or one of a score.
///
/// It follows from its recipe ([`Take::recipe`]); the tokens are what the network made of it so far. That of a score
/// follows from the score and its rendering ([`Take::performed`]), and is complete.
#[derive(Clone, Debug)]
pub struct Take {
    /// Its number.
    pub id: TakeId,
    /// The take and the token of it from which this one branched off.
    pub parent: Option<Parent>,
    /// What it was drawn with.
    pub seed: u64,
    /// What a listener or player did, by token.
    pub log: InputLog,
    /// How long it was to become, in microseconds; `None` is endless.
    pub length_us: Option<u64>,
    /// What it continues.
    pub primer: Option<Rc<Primer>>,
    /// Whether no more tokens will come.
    pub is_complete: bool,
    /// What drew its tokens; `None` if that is not known, or there was more than one.
    pub origin: Option<Origin>,
    /// The score that it is a performance of, and how.
    pub performed: Option<Rc<Performed>>,
    awaited: Option<TokenSum>,
    velocity_offset: VelocityOffset,
    /// With the velocity offset still applied.
    tokens: Vec<Token>,
    /// How many tokens stayed at each splice, in order.
    splices: Vec<usize>,
    end: Cursor,
    n_notes: usize,
}

/// What a new take begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// What it is drawn with.
    pub seed: u64,
    /// How it is drawn.
    pub sampling: Sampling,
    /// What it is to be like; `None` is as the primer.
    pub controls: Option<Controls>,
    /// How much louder than the network plays it is heard.
    pub dynamics: VelocityOffset,
    /// What it continues.
    pub primer: Option<Rc<Primer>>,
    /// How long it is to become, in microseconds; `None` is endless.
    pub length_us: Option<u64>,
}

/// Where a take branched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// From which take.
    pub take: TakeId,
    /// Before which of its tokens.
    pub at: usize,
    /// The same, in microseconds of its music.
    pub at_us: u64,
}

/// Takes grow at their end, or are cut and grow again. Number, splices and length distinguish the versions of
/// one. Comparing hours of tokens for each frame would be slow.
impl PartialEq for Take {
    fn eq(&self, other: &Self) -> bool {
        let key = |take: &Self| (take.id, take.splices.len(), take.tokens.len(), take.is_complete);
        key(self) == key(other)
    }
}

impl Take {
    /// A take without tokens. What `start` leaves open is as in the primer.
    #[must_use]
    pub fn new(id: TakeId, start: Start) -> Self {
        let Start { seed, sampling, controls, dynamics, primer, length_us } = start;
        let tokens = primer.as_ref().map_or_else(Vec::new, |primer| primer.tokens.clone());
        let mut recipe = Recipe::after(tokens, seed, sampling);
        if let Some(controls) = controls.filter(|controls| *controls != recipe.log.controls_at(0)) {
            recipe = recipe.with_controls(controls);
        }
        let Recipe { velocity_offset, mut log, .. } = recipe;
        if dynamics != VelocityOffset::default() && log.push(0, Input::Dynamics(dynamics)).is_err() {
            unreachable!("nothing in a new log comes after its beginning");
        }
        Self {
            id,
            parent: None,
            seed,
            log,
            length_us,
            primer,
            is_complete: false,
            origin: None,
            performed: None,
            awaited: None,
            velocity_offset,
            tokens: Vec::new(),
            splices: Vec::new(),
            end: Cursor::default(),
            n_notes: 0,
        }
    }

    /// What the network needs to compose it again.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        Recipe {
            seed: self.seed,
            primer: self.primer.as_ref().map_or_else(Vec::new, |primer| primer.tokens.clone()),
            velocity_offset: self.velocity_offset,
            log: self.log.clone(),
        }
    }

    /// The worker's task to compose it, or to go on with it.
    #[must_use]
    pub fn job(&self, epoch: u32) -> Job {
        Job {
            take: self.id,
            epoch,
            recipe: self.recipe(),
            composed: self.tokens.clone(),
            length_us: self.length_us,
        }
    }

    /// The network's tokens, with the velocity offset still applied.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The tokens from an index on, as they are heard (without the velocity offset, and as loud as asked for):
    /// for schedule, roll and files.
    #[must_use]
    pub fn heard(&self, from: usize) -> Vec<Token> {
        let mut dynamics = self.log.dynamics_at(from);
        let mut changes = self.log.entries().iter().filter(|entry| entry.at > from).peekable();
        let heard = |(index, &token): (usize, &Token)| {
            while let Some(entry) = changes.next_if(|entry| entry.at <= index) {
                if let Input::Dynamics(louder) = entry.input {
                    dynamics = louder;
                }
            }
            VelocityOffset::bins(dynamics.get().saturating_sub(self.velocity_offset.get())).apply(token)
        };
        self.tokens.iter().enumerate().skip(from).map(heard).collect()
    }

    /// The number of splices, and how many tokens stayed since the version after `n_splices` of them.
    #[must_use]
    pub fn kept_since(&self, n_splices: usize) -> (usize, usize) {
        let later = self.splices.get(n_splices..).unwrap_or_default();
        (self.splices.len(), later.iter().copied().min().unwrap_or(usize::MAX).min(self.tokens.len()))
    }

    /// Music time of what was composed, in microseconds.
    #[must_use]
    pub fn music_us(&self) -> u64 {
        self.end.at_us()
    }

    /// Number of notes composed.
    #[must_use]
    pub fn n_notes(&self) -> usize {
        self.n_notes
    }

    /// Adds what was composed; returns its music time in microseconds.
    pub fn extend(&mut self, tokens: &[Token]) -> u64 {
        let before_us = self.end.at_us();
        for &token in tokens {
            self.n_notes += usize::from(matches!(Event::from(token), Event::NoteOn(_)));
            self.end.step(token);
        }
        self.tokens.extend_from_slice(tokens);
        self.end.at_us() - before_us
    }

    /// Forgets everything from a token on: other tokens are to follow it.
    pub fn splice(&mut self, keep: usize) {
        self.cut(keep);
        self.splices.push(keep);
        // What was promised was something else.
        (self.is_complete, self.awaited) = (false, None);
    }

    fn cut(&mut self, keep: usize) {
        let kept: Vec<Token> = self.tokens.drain(..).take(keep).collect();
        (self.end, self.n_notes) = (Cursor::default(), 0);
        self.extend(&kept);
        self.log.truncate(keep);
    }

    /// The performance as messages to an instrument, from its beginning.
    #[must_use]
    pub fn messages(&self, primer: WithPrimer) -> Vec<Timed> {
        let mut schedule = Schedule::new(u64::MAX, 0);
        schedule.feed(&self.all_tokens(primer));
        schedule.end();
        schedule.poll(0)
    }

    /// A name for a file that says how to have this music again.
    #[must_use]
    pub fn file_name(&self, extension: &str) -> String {
        match &self.performed {
            Some(performed) => format!("{}-performed.{extension}", performed.piece.stem()),
            None => format!("performance-rnn-{}.{extension}", self.seed),
        }
    }

    fn all_tokens(&self, primer: WithPrimer) -> Vec<Token> {
        let before = self.primer.as_ref().filter(|_| primer == WithPrimer::Yes);
        let mut tokens = before.map_or_else(Vec::new, |primer| primer.tokens.clone());
        tokens.extend(self.heard(0));
        tokens
    }
}

/// Whether a download begins with the primer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithPrimer {
    /// Primer and continuation.
    Yes,
    /// The continuation alone.
    No,
}

#[cfg(test)]
mod tests {
    use performance::{Shift, VelocityBin};

    use super::*;
    use crate::Span;

    fn tokens(numbers: &[u16]) -> Vec<Token> {
        numbers.iter().map(|&number| Token::new(number).unwrap()).collect()
    }

    fn take() -> Take {
        let mut take = Take::new(1, Start { seed: 7, ..Start::default() });
        take.extend(&tokens(&[60, 380, 188, 64, 380, 192]));
        take
    }

    #[test]
    fn a_splice_is_told_to_those_who_saw_the_old_tokens() {
        let mut take = take();
        assert_eq!(take.kept_since(0), (0, 6), "nothing has changed");
        take.splice(4);
        take.extend(&tokens(&[381, 382, 383]));
        take.splice(5);
        take.extend(&tokens(&[62]));
        assert_eq!((take.kept_since(0), take.kept_since(1), take.kept_since(2)), ((2, 4), (2, 5), (2, 6)));
        assert_eq!((take.n_notes(), take.music_us()), (3, 1_000_000));
    }

    #[test]
    fn a_branch_shares_what_came_before() {
        let mut first = take();
        let sampling = |temperature| Input::Sampling(Sampling { temperature, ..Sampling::default() });
        first.log.push(2, sampling(0.8)).unwrap();
        first.log.push(4, sampling(0.6)).unwrap();
        // A note of one second, then another.
        let branch = first.branch(2, 1_000_000, vec![Input::Seed(99)]);
        assert_eq!(branch.tokens(), &first.tokens()[..2]);
        assert_eq!(branch.parent, Some(Parent { take: 1, at: 2, at_us: 1_000_000 }));
        assert_eq!(branch.log.sampling_at(4).temperature, 0.8);
        assert_eq!(branch.log.entries().last().map(|entry| &entry.input), Some(&Input::Seed(99)));
        assert_eq!(first.tokens().len(), 6, "the other is as it was");

        let within = first.branch(3, 400_000, vec![Input::Seed(9)]);
        let entries: Vec<&Input> = within.log.entries().iter().map(|entry| &entry.input).collect();
        let cut = Event::TimeShift(Shift::new(50).unwrap());
        assert_eq!(within.tokens().len(), 1);
        assert_eq!(entries[entries.len() - 2..], [&Input::Events(vec![cut.into()]), &Input::Seed(9)]);
    }

    #[test]
    fn dynamics_change_what_is_heard_and_not_what_is_composed() {
        let mut take = take();
        let velocity = |bin: u8| Token::from(Event::Velocity(VelocityBin::new(bin).unwrap()));
        take.splice(1);
        take.extend(&[velocity(10), velocity(10), velocity(10)]);
        take.log.push(2, Input::Dynamics(VelocityOffset::bins(4))).unwrap();
        take.log.push(3, Input::Dynamics(VelocityOffset::bins(-30))).unwrap();
        assert_eq!(take.heard(1), [velocity(10), velocity(14), velocity(1)]);
        assert_eq!(take.heard(2), [velocity(14), velocity(1)]);
    }

    #[test]
    fn a_span_comes_back_transposed() {
        let mut take = Take::new(1, Start::default());
        take.extend(&crate::notation::tokens("v10 +60 >50 v20 +64 -60 >50 -64 +67 >50"));
        // The second half second, and the beginning of the third.
        let span = Span { from_us: 300_000, to_us: 900_000 };
        let back = take.bring_back(2, 1_200_000, span, 5);
        let Some(Input::Events(quote)) = back.log.entries().last().map(|entry| entry.input.clone()) else {
            panic!("no events: {:?}", back.log)
        };
        assert_eq!(crate::notation::text(&quote), "-67 v10 >12 v20 +69 >50 -69 +72 >12");
        assert_eq!(back.parent, Some(Parent { take: 1, at: 10, at_us: 1_200_000 }));
    }

    #[test]
    fn changes_are_told_and_can_be_moved_or_removed() {
        let mut take = Take::new(1, Start::default());
        take.extend(&crate::notation::tokens("v10 +60 >125 -60 +62 >125 -62 +64 >125 -64 >125"));
        let density = |density| Input::Controls(Controls { density: Some(density), ..Controls::default() });
        take.log.push(3, density(8.0)).unwrap();
        take.log.push(9, density(16.0)).unwrap();
        let changes = take.changes();
        let told: Vec<(u64, &str)> =
            changes.iter().map(|change| (change.at_us, change.label.as_str())).collect();
        assert_eq!(told, [(1_000_000, "Density 8.0"), (3_000_000, "Density 16")]);

        let (earlier, planned) = take.edit(2, changes[1].entry, Some(2_000_000)).unwrap();
        assert_eq!(earlier.tokens().len(), 6);
        assert_eq!(earlier.log.controls_at(6).density, Some(8.0));
        assert_eq!(planned, [(2_000_000, density(16.0))]);
        let (without, planned) = take.edit(2, changes[0].entry, None).unwrap();
        assert_eq!((without.tokens().len(), without.log.controls_at(6).density), (3, None));
        assert_eq!(planned, [(3_000_000, density(16.0))]);
        assert!(take.edit(2, 99, None).is_none(), "there is no such entry");
    }
}
