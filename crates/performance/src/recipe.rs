//! Recipes: seed, primer and input log, from which a take follows.
//!
//! With the same weights and the same sampler, the same [`Recipe`] gives the same tokens, so tokens are only
//! a cache. Splices, branches and a restarted worker rely on this property.

use serde::{Deserialize, Serialize};

use crate::{Controls, Error, Sampling, Token, VelocityOffset};

/// Everything that a take follows from, apart from the weights and the sampler's revision.
///
/// ```
/// use performance::{Controls, Input, Recipe, Sampling};
/// let mut recipe = Recipe::new(7, Sampling::default());
/// // From the hundredth event on, four notes a second.
/// recipe.log.push(100, Input::Controls(Controls { density: Some(4.0), ..Controls::default() }))?;
/// assert_eq!(recipe.log.entries().len(), 2);
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Decides every draw.
    pub seed: u64,
    /// What the take continues; empty begins afresh.
    pub primer: Vec<Token>,
    /// Added to the primer's VELOCITY bins, taken off those of the take.
    pub velocity_offset: VelocityOffset,
    /// What a listener or player did, by token of the take.
    pub log: InputLog,
}

impl Recipe {
    /// A take without a primer.
    #[must_use]
    pub fn new(seed: u64, sampling: Sampling) -> Self {
        let log = InputLog { entries: vec![Entry { at: 0, input: Input::Sampling(sampling) }] };
        Self { seed, primer: Vec::new(), velocity_offset: VelocityOffset::default(), log }
    }

    /// A take that continues a primer with its density, pitch classes and loudness.
    #[must_use]
    pub fn after(primer: Vec<Token>, seed: u64, sampling: Sampling) -> Self {
        let mut recipe = Self::new(seed, sampling);
        recipe.velocity_offset = VelocityOffset::of(&primer);
        let like = Controls::like(&primer);
        recipe.primer = primer;
        if like == Controls::default() { recipe } else { recipe.with_controls(like) }
    }

    /// A take that continues a primer without controls and velocity offset.
    #[must_use]
    pub fn unconditioned_after(primer: Vec<Token>, seed: u64, sampling: Sampling) -> Self {
        Self { primer, ..Self::new(seed, sampling) }
    }

    /// The same with these controls from the beginning.
    #[must_use]
    pub fn with_controls(mut self, controls: Controls) -> Self {
        let is_replaced = |entry: &Entry| entry.at == 0 && matches!(entry.input, Input::Controls(_));
        self.log.entries.retain(|entry| !is_replaced(entry));
        self.log.entries.insert(0, Entry { at: 0, input: Input::Controls(controls) });
        self
    }
}

/// What a listener or player did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The controls from here on.
    Controls(Controls),
    /// The sampling from here on.
    Sampling(Sampling),
    /// How much louder than the network plays it is heard from here on. The network does not know.
    Dynamics(VelocityOffset),
    /// The seed of the draws from here on: for branches.
    Seed(u64),
    /// Events that the network does not draw: notes played by hand (the pedal is part of their ends), or a
    /// TIME_SHIFT that was cut. They are the next tokens of the take.
    Events(Vec<Token>),
}

/// An input and the token before which it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Index into the take's own tokens, which begin after the primer.
    pub at: usize,
    /// What happened.
    pub input: Input,
}

impl Entry {
    /// The first token after this entry.
    fn end(&self) -> usize {
        match &self.input {
            Input::Events(tokens) => self.at.saturating_add(tokens.len()),
            Input::Controls(_) | Input::Sampling(_) | Input::Dynamics(_) | Input::Seed(_) => self.at,
        }
    }
}

/// The inputs of a take in the order of its tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct InputLog {
    entries: Vec<Entry>,
}

impl InputLog {
    /// Adds an input at a token not before those that are there. It replaces one of its kind at the same
    /// token, unless it is events.
    ///
    /// # Errors
    /// If the token comes before or within an earlier entry.
    pub fn push(&mut self, at: usize, input: Input) -> Result<(), Error> {
        let first_free = self.entries.last().map_or(0, Entry::end);
        if at < first_free {
            return Err(Error::setting("an input", &format!("at token {first_free} or later"), at));
        }
        let is_replaced = |entry: &Entry| {
            entry.at == at
                && !matches!(input, Input::Events(_))
                && std::mem::discriminant(&entry.input) == std::mem::discriminant(&input)
        };
        self.entries.retain(|entry| !is_replaced(entry));
        self.entries.push(Entry { at, input });
        Ok(())
    }

    /// The entries, by token.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Forgets everything from a token on.
    pub fn truncate(&mut self, to: usize) {
        self.entries.retain(|entry| entry.at < to);
        if let Some(Entry { at, input: Input::Events(tokens) }) = self.entries.last_mut() {
            tokens.truncate(to - *at);
        }
    }

    /// The log without one of its entries.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let kept = self.entries.iter().enumerate().filter(|&(other, _)| other != index);
        Self { entries: kept.map(|(_, entry)| entry.clone()).collect() }
    }

    /// The controls under which the token at this index is drawn.
    #[must_use]
    pub fn controls_at(&self, index: usize) -> Controls {
        let controls = |input: &Input| match input {
            Input::Controls(controls) => Some(controls.clone()),
            _ => None,
        };
        self.latest(index, controls).unwrap_or_default()
    }

    /// How the token at this index is drawn.
    #[must_use]
    pub fn sampling_at(&self, index: usize) -> Sampling {
        let sampling = |input: &Input| match input {
            Input::Sampling(sampling) => Some(*sampling),
            _ => None,
        };
        self.latest(index, sampling).unwrap_or_default()
    }

    /// How much louder the token at this index is heard than the network plays it.
    #[must_use]
    pub fn dynamics_at(&self, index: usize) -> VelocityOffset {
        let dynamics = |input: &Input| match input {
            Input::Dynamics(louder) => Some(*louder),
            _ => None,
        };
        self.latest(index, dynamics).unwrap_or_default()
    }

    /// The latest input of a kind up to the token at this index.
    fn latest<T>(&self, index: usize, pick: impl Fn(&Input) -> Option<T>) -> Option<T> {
        self.entries.iter().rev().filter(|entry| entry.at <= index).find_map(|entry| pick(&entry.input))
    }
}

impl TryFrom<Vec<Entry>> for InputLog {
    type Error = Error;

    fn try_from(entries: Vec<Entry>) -> Result<Self, Error> {
        let mut log = Self::default();
        for Entry { at, input } in entries {
            log.push(at, input)?;
        }
        Ok(log)
    }
}

impl From<InputLog> for Vec<Entry> {
    fn from(log: InputLog) -> Self {
        log.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::tokens;

    fn warm(temperature: f32) -> Input {
        Input::Sampling(Sampling { temperature, top_p: 1.0, ..Sampling::default() })
    }

    #[test]
    fn entries_stay_in_order() {
        let mut log = InputLog::default();
        log.push(10, Input::Events(tokens("+60 >5 -60"))).unwrap();
        let error = log.push(12, warm(0.9)).unwrap_err();
        assert_eq!(error.to_string(), "expected an input at token 13 or later, found 12");
        log.push(13, warm(0.9)).unwrap();
        log.push(13, warm(0.8)).unwrap();
        assert_eq!(log.entries().len(), 2, "the later value replaces the earlier one");
        assert_eq!((log.sampling_at(12).temperature, log.sampling_at(13).temperature), (1.0, 0.8));
    }

    #[test]
    fn a_cut_goes_through_events() {
        let mut log = InputLog::default();
        log.push(10, Input::Events(tokens("+60 >5 -60"))).unwrap();
        log.push(13, warm(0.9)).unwrap();
        log.truncate(12);
        assert_eq!(log.entries(), [Entry { at: 10, input: Input::Events(tokens("+60 >5")) }]);
        log.truncate(10);
        assert!(log.entries().is_empty());
    }

    #[test]
    fn recipes_survive_the_wire_and_nonsense_does_not() {
        let mut recipe = Recipe::after(tokens("v30 +60 >100 -60"), 7, Sampling::default());
        recipe.log.push(5, Input::Events(tokens("+62"))).unwrap();
        let json = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
        let disordered = r#"[{"at":5,"input":{"Events":[60]}},{"at":3,"input":{"Events":[61]}}]"#;
        let error = serde_json::from_str::<InputLog>(disordered).unwrap_err().to_string();
        assert_eq!(error, "expected an input at token 6 or later, found 3");
    }
}
