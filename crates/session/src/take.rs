//! Performances and primers, as the page holds them.

use std::rc::Rc;

use performance::playback::schedule::{Schedule, Timed};
use performance::playback::{Cursor, micros};
use performance::{Event, Input, InputLog, Recipe, Sampling, Token, VelocityOffset, decode, midi};

use crate::protocol::TakeId;

/// A performance that the network composed, or is composing.
///
/// It follows from its recipe ([`Take::recipe`]); the tokens are what the network made of it so far.
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
    velocity_offset: VelocityOffset,
    /// With the velocity offset still applied.
    tokens: Vec<Token>,
    /// How many tokens stayed at each splice, in order.
    splices: Vec<usize>,
    end: Cursor,
    n_notes: usize,
}

/// Where a take branched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// From which take.
    pub take: TakeId,
    /// Before which of its tokens.
    pub at: usize,
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
    /// A take without tokens.
    #[must_use]
    pub fn new(
        id: TakeId,
        seed: u64,
        sampling: Sampling,
        primer: Option<Rc<Primer>>,
        length_us: Option<u64>,
    ) -> Self {
        let tokens = primer.as_ref().map_or_else(Vec::new, |primer| primer.tokens.clone());
        let Recipe { velocity_offset, log, .. } = Recipe::after(tokens, seed, sampling);
        Self {
            id,
            parent: None,
            seed,
            log,
            length_us,
            primer,
            is_complete: false,
            velocity_offset,
            tokens: Vec::new(),
            splices: Vec::new(),
            end: Cursor::default(),
            n_notes: 0,
        }
    }

    /// A branch: the same up to a token of this take, then with another seed.
    #[must_use]
    pub fn branch(&self, id: TakeId, at: usize, seed: u64) -> Self {
        let at = at.min(self.tokens.len());
        let mut branch = Self {
            id,
            parent: Some(Parent { take: self.id, at }),
            is_complete: false,
            splices: Vec::new(),
            ..self.clone()
        };
        branch.cut(at);
        // The log was cut at this token, so that nothing comes after it.
        if branch.log.push(at, Input::Seed(seed)).is_err() {
            unreachable!("nothing in the log comes after the cut");
        }
        branch
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

    /// The network's tokens, with the velocity offset still applied.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The tokens from an index on, without the velocity offset: for schedule, roll and files.
    #[must_use]
    pub fn heard(&self, from: usize) -> Vec<Token> {
        self.tokens.iter().skip(from).map(|&token| self.velocity_offset.undo(token)).collect()
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
        self.is_complete = false;
    }

    fn cut(&mut self, keep: usize) {
        let kept: Vec<Token> = self.tokens.drain(..).take(keep).collect();
        (self.end, self.n_notes) = (Cursor::default(), 0);
        self.extend(&kept);
        self.log.truncate(keep);
    }

    /// The performance as a MIDI file.
    #[must_use]
    pub fn to_midi(&self, primer: WithPrimer) -> Vec<u8> {
        midi::write(&decode(&self.all_tokens(primer)).performance)
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
        format!("performance-rnn-{}.{extension}", self.seed)
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

/// A performance to continue.
#[derive(Clone, Debug, PartialEq)]
pub struct Primer {
    /// The file's name.
    pub name: String,
    /// The whole of it.
    pub tokens: Vec<Token>,
    /// Music time, in microseconds.
    pub music_us: u64,
    /// Number of notes.
    pub n_notes: usize,
    /// "pedal applied, 2 tracks merged"; may be empty.
    pub summary: String,
    /// What was left out of the file, a clause each.
    pub dropped: Vec<String>,
}

impl Primer {
    /// Reads a MIDI file; of one that is longer than `secs`, its beginning
    /// ([`performance::primer::beginning`]).
    ///
    /// # Errors
    /// If there is nothing to continue; the message is a clause about the file ("it …").
    pub fn read(name: &str, bytes: &[u8], secs: Option<f64>) -> Result<Self, performance::Error> {
        let import = midi::read(bytes)?;
        let mut tokens = performance::encode(&import.performance);
        if let Some(secs) = secs {
            tokens.truncate(performance::primer::beginning(&tokens, secs).len());
        }
        Ok(Self {
            name: name.to_owned(),
            music_us: micros(&tokens),
            n_notes: tokens.iter().filter(|&&token| matches!(Event::from(token), Event::NoteOn(_))).count(),
            tokens,
            summary: import.report.to_string(),
            dropped: import.report.dropped.iter().map(ToString::to_string).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(numbers: &[u16]) -> Vec<Token> {
        numbers.iter().map(|&number| Token::new(number).unwrap()).collect()
    }

    fn take() -> Take {
        let mut take = Take::new(1, 7, Sampling::default(), None, None);
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
        first
            .log
            .push(2, Input::Sampling(Sampling { temperature: 0.8, top_p: 1.0, ..Sampling::default() }))
            .unwrap();
        first
            .log
            .push(4, Input::Sampling(Sampling { temperature: 0.6, top_p: 1.0, ..Sampling::default() }))
            .unwrap();
        let branch = first.branch(2, 4, 99);
        assert_eq!((branch.tokens(), branch.parent), (&first.tokens()[..4], Some(Parent { take: 1, at: 4 })));
        assert_eq!(branch.log.sampling_at(4).temperature, 0.8);
        assert_eq!(branch.log.entries().last().map(|entry| &entry.input), Some(&Input::Seed(99)));
        assert_eq!(first.tokens().len(), 6, "the other is as it was");
    }
}
