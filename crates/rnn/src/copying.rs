//! A copy model on top of a network's logits: what was played before becomes likelier.
//!
//! Where the same notes were played before, people go on as they did then far more often than the network
//! believes. [`Copier`] follows the music with a [`Matcher`] and adds constants to the logits of what
//! followed then. The constants, which `performance-rnn fit-copying` fitted to pieces of the training set,
//! are for the note, the wait until it is due, its loudness, and the types of events. Each take has a `Memory`,
//! which also begins repetitions where themes come back; on a GPU it stays on the host. [`Copying`] is for
//! measuring.
//!
//! All of it is computed in integers, except for one sum for each logit, so the same music is played
//! everywhere.

mod constants;
mod habits;
mod returns;

use performance::motif::{Confidence, MAX_MATCH, Matcher, N_SEARCHES, RECENT};
use performance::{Controls, Event, N_TOKENS, ReturnRate, Sampling, Token};

use crate::{Error, ModelConfig, Network, StepInput};
use returns::Returns;

/// Lengths of a match that are told apart for the note that comes next, each up to this.
const LENGTHS: [u32; 11] = [1, 2, 3, 4, 5, 6, 8, 11, 15, 20, MAX_MATCH as u32];
/// Numbers of misses that are told apart there: none, one, two, more.
const N_MISSES: usize = 4;
/// Lengths that are told apart for everything else.
const COARSE_LENGTHS: [u32; 4] = [5, 8, 15, MAX_MATCH as u32];
/// Numbers of misses that are told apart there.
const COARSE_MISSES: [u32; 3] = [0, 2, RECENT];
const N_COARSE: usize = COARSE_LENGTHS.len() * COARSE_MISSES.len();
/// By how many steps a TIME_SHIFT ends before or after the next strike is due, each up to this; and more.
const OFF_BY: [i32; 19] = [-80, -40, -20, -10, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 10, 20, 40, 80];
/// In how many steps the next strike is due, each up to this; and more.
const DUE_IN: [i32; 7] = [-10, -4, -1, 2, 5, 12, 30];
/// By how many bins louder or softer than expected, up to this.
const LOUDER: i32 = 8;
/// NOTE_ON, TIME_SHIFT, VELOCITY; what NOTE_OFF gets is 0.
const N_TYPES: usize = 3;

const NOTE: usize = 0;
const WAIT: usize = NOTE + N_SEARCHES * LENGTHS.len() * N_MISSES;
const LOUDNESS: usize = WAIT + N_COARSE * (OFF_BY.len() + 1);
const TYPE: usize = LOUDNESS + N_COARSE * (2 * LOUDER as usize + 1);
const SAME: usize = TYPE + N_TYPES * N_COARSE * (DUE_IN.len() + 1);
/// How many constants there are.
pub const N_CONSTANTS: usize = SAME + N_COARSE * 4;
/// Constants are in so many parts of a nat.
pub const PARTS_OF_NAT: f32 = 1024.0;

/// Reads a performance and says what is added to the logits of its next event.
#[derive(Clone, Debug, Default)]
pub struct Copier {
    matcher: Matcher,
    /// Whether the last event was a VELOCITY.
    is_loudness_set: bool,
}

impl Copier {
    /// Reads one more event.
    pub fn apply(&mut self, event: Event) {
        self.matcher.apply(event);
        self.is_loudness_set = matches!(event, Event::Velocity(_));
    }

    /// Names the constants that are added to the logit of each event: calls `add` with the event and the
    /// constant's number, below [`N_CONSTANTS`].
    pub fn terms(&self, mut add: impl FnMut(Token, usize)) {
        for next in self.matcher.candidates() {
            let Confidence { length, misses } = next.confidence;
            let place = (next.search * LENGTHS.len() + bucket(&LENGTHS, length)) * N_MISSES;
            add(Event::NoteOn(next.pitch).into(), NOTE + place + (misses as usize).min(N_MISSES - 1));
        }
        let Some(due) = self.matcher.due() else { return };
        let coarse = bucket(&COARSE_LENGTHS, due.confidence.length) * COARSE_MISSES.len()
            + bucket(&COARSE_MISSES, due.confidence.misses);
        let of_type =
            |kind: usize| TYPE + (kind * N_COARSE + coarse) * (DUE_IN.len() + 1) + bucket(&DUE_IN, due.steps);
        let is_same = usize::from(due.bin == i32::from(self.matcher.bin()));
        let same = SAME + coarse * 4 + is_same + 2 * usize::from(self.is_loudness_set);
        for token in Token::all() {
            match Event::from(token) {
                Event::NoteOn(_) => add(token, of_type(0)),
                Event::NoteOff(_) => {}
                Event::TimeShift(shift) => {
                    let off_by = bucket(&OFF_BY, i32::from(shift.steps()) - due.steps);
                    add(token, WAIT + coarse * (OFF_BY.len() + 1) + off_by);
                    add(token, of_type(1));
                }
                Event::Velocity(bin) => {
                    let louder = (i32::from(bin.get()) - due.bin).clamp(-LOUDER, LOUDER) + LOUDER;
                    add(token, LOUDNESS + coarse * (2 * LOUDER as usize + 1) + louder as usize);
                    add(token, of_type(2));
                    add(token, same);
                }
            }
        }
    }

    /// Adds the constants to the logits of the next event.
    ///
    /// # Shapes
    /// `logits`: 413 numbers, before softmax.
    pub fn add_to(&self, logits: &mut [f32]) {
        let mut parts = [0_i32; N_TOKENS];
        self.terms(|token, number| parts[token.index()] += i32::from(constants::CONSTANTS[number]));
        for (logit, parts) in logits.iter_mut().zip(parts) {
            *logit += parts as f32 / PARTS_OF_NAT;
        }
    }
}

/// How events are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawing<'a> {
    pub(crate) sampling: Sampling,
    pub(crate) asked: &'a Controls,
}

/// What a take remembers of itself, and which of it is to come back.
///
/// It reads all events, whether themes come back or not, because they may do so from the next event on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    copier: Copier,
    returns: Returns,
}

impl Memory {
    /// Reads one more event, and how it was drawn; none for a primer, in which nothing returns.
    pub(crate) fn apply(&mut self, event: Event, drawing: Option<Drawing>) {
        self.copier.apply(event);
        self.returns.apply(event, drawing, &self.copier.matcher);
    }

    /// Adds to the logits of the next event what was played before; nothing if themes never come back.
    ///
    /// # Shapes
    /// `logits`: 413 numbers, before softmax.
    pub(crate) fn add_to(&self, logits: &mut [f32], drawing: Drawing) {
        if drawing.sampling.themes != ReturnRate::NEVER {
            self.copier.add_to(logits);
            self.returns.add_to(logits, drawing, self.copier.matcher.now());
        }
    }
}

/// The first of the `bounds` that is not below `value`, or one past the last.
fn bucket<T: PartialOrd>(bounds: &[T], value: T) -> usize {
    bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len())
}

/// A network with a copy model on top: its logits are the network's and what [`Copier`] adds. For measuring;
/// takes have a copy model of their own while themes come back ([`Sampling::themes`]).
#[derive(Clone, Debug)]
pub struct Copying<N> {
    network: N,
}

/// The state of a network with a copy model.
#[derive(Clone, Debug)]
pub struct CopyingState<S> {
    network: S,
    copiers: Vec<Copier>,
}

impl<N> Copying<N> {
    /// Puts a copy model on top of a network.
    #[must_use]
    pub fn new(network: N) -> Self {
        Self { network }
    }
}

impl<N: Network> Network for Copying<N> {
    type Controls = N::Controls;
    type State = CopyingState<N::State>;

    fn config(&self) -> &ModelConfig {
        self.network.config()
    }

    fn controls(&self, encoded: &[f32]) -> N::Controls {
        self.network.controls(encoded)
    }

    fn state(&self, n_takes: usize) -> Self::State {
        CopyingState { network: self.network.state(n_takes), copiers: vec![Copier::default(); n_takes] }
    }

    fn step(
        &self,
        state: &mut Self::State,
        controls: &N::Controls,
        heard: &[StepInput],
    ) -> Result<(), Error> {
        let n_takes = state.copiers.len();
        for (i, input) in heard.iter().enumerate() {
            state.copiers[i % n_takes].apply(Event::from(input.token));
        }
        self.network.step(&mut state.network, controls, heard)
    }

    async fn logits(&self, state: &Self::State) -> Result<Vec<f32>, Error> {
        let mut logits = self.network.logits(&state.network).await?;
        for (logits, copier) in logits.chunks_exact_mut(N_TOKENS).zip(&state.copiers) {
            copier.add_to(logits);
        }
        Ok(logits)
    }
}

#[cfg(test)]
mod tests;
