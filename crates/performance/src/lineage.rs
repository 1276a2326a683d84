//! Lineages: all that a take follows from, as bytes that are kept and passed on.
//!
//! A take follows from its recipe, the weights and the sampler's revision. [`Lineage`] holds these together with
//! the tokens that came of them, or with their checksum. Saved sessions, links and MIDI files carry lineages.
//!
//! The bytes are a version number, the fields, and a checksum of both. Every version that was ever written is
//! read. What is new in a later version is appended (`record`), and [`VERSION`] rises.

mod packed;
mod record;

pub use packed::Packed;
pub(crate) use packed::{from_seven_bits, to_seven_bits};

use serde::{Deserialize, Serialize};

use crate::{Error, Input, Recipe, Token};

/// The version that is written. It rises when something is added to the records.
pub const VERSION: u8 = 2;

/// Most tokens of a primer or a take: seven hours of dense music. Larger lets a damaged number ask for more
/// memory.
pub const MAX_TOKENS: usize = 1 << 20;

/// Most entries of an input log.
pub const MAX_ENTRIES: usize = 1 << 16;

/// Which weights and which sampler made a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The first bytes of the SHA-256 hash of the weights file.
    pub weights: [u8; 8],
    /// The sampler's revision (`rnn::REVISION`).
    pub revision: u32,
}

impl Origin {
    /// The beginning of the weights' hash in hexadecimal, as `sha256sum` prints it.
    #[must_use]
    pub fn hex(&self) -> String {
        self.weights.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A number of tokens, and a checksum by which they are recognized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSum {
    /// How many.
    pub n_tokens: u32,
    /// Of these.
    pub checksum: u32,
}

impl TokenSum {
    /// Of tokens.
    #[must_use]
    pub fn of(tokens: &[Token]) -> Self {
        let bytes = tokens.iter().flat_map(|token| token.get().to_le_bytes());
        Self { n_tokens: tokens.len().try_into().unwrap_or(u32::MAX), checksum: checksum(bytes) }
    }
}

/// What came of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// The tokens themselves.
    Tokens(Vec<Token>),
    /// Only what they are recognized by.
    Sum(TokenSum),
}

/// A recipe, what plays it, and what came of it.
///
/// ```
/// use performance::{Lineage, Made, Origin, Recipe, Sampling};
/// let lineage = Lineage {
///     origin: Some(Origin { weights: [1, 2, 3, 4, 5, 6, 7, 8], revision: 1 }),
///     recipe: Recipe::new(482_913, Sampling::default()),
///     made: Made::Tokens(Vec::new()),
/// };
/// let bytes = lineage.to_bytes()?;
/// assert_eq!(Lineage::from_bytes(&bytes)?, lineage);
/// assert!(Lineage::from_bytes(&bytes[1..]).is_err());
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Lineage {
    /// `None` if it is not known, or there was more than one.
    pub origin: Option<Origin>,
    /// Primer, seed and input log.
    pub recipe: Recipe,
    /// What they gave.
    pub made: Made,
}

impl Lineage {
    /// # Errors
    /// If primer, log or tokens are longer than [`MAX_TOKENS`] and [`MAX_ENTRIES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        Ok(seal(VERSION, &record::LineageRecord::of(self).to_bytes()))
    }

    /// Reads what [`to_bytes`](Self::to_bytes) of this or an earlier version wrote. Takes memory in proportion to
    /// the bytes.
    ///
    /// # Errors
    /// [`Error::NewerRecipe`] if a later version wrote it, [`Error::DamagedRecipe`] if the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let lineage = match unseal(bytes).ok_or(Error::DamagedRecipe)? {
            (found, _) if found > VERSION => return Err(Error::NewerRecipe { found }),
            (1..=VERSION, record) => record::LineageRecord::from_bytes(record)?.lineage()?,
            _ => return Err(Error::DamagedRecipe),
        };
        lineage.check().map_err(|_| Error::DamagedRecipe)?;
        Ok(lineage)
    }

    /// # Errors
    /// If it is beyond the limits, or its tokens are not those that its log asks for.
    pub fn check(&self) -> Result<(), Error> {
        let limited = |name, limit: usize, found: usize| {
            if found <= limit { Ok(()) } else { Err(Error::setting(name, &format!("up to {limit}"), found)) }
        };
        let entries = self.recipe.log.entries();
        limited("primer events", MAX_TOKENS, self.recipe.primer.len())?;
        limited("log entries", MAX_ENTRIES, entries.len())?;
        let Made::Tokens(tokens) = &self.made else { return Ok(()) };
        limited("events", MAX_TOKENS, tokens.len())?;
        let is_made = |at: usize, events: &[Token]| {
            events.iter().zip(tokens.iter().skip(at)).all(|(event, token)| event == token)
        };
        for entry in entries {
            if let Input::Events(events) = &entry.input
                && !is_made(entry.at, events)
            {
                return Err(Error::setting("events", "as in the log", "others"));
            }
        }
        Ok(())
    }
}

/// A content with its version and a checksum of both.
#[must_use]
pub fn seal(version: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 5);
    bytes.push(version);
    bytes.extend_from_slice(content);
    bytes.extend(checksum(bytes.iter().copied()).to_le_bytes());
    bytes
}

/// The version and the content that [`seal`] was given; none if the bytes are damaged.
#[must_use]
pub fn unseal(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (sealed, sum) = bytes.split_last_chunk::<4>()?;
    if checksum(sealed.iter().copied()) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (&version, content) = sealed.split_first()?;
    Some((version, content))
}

/// FNV-1a, 32 bits: it changes with every change of one byte, and with nearly every other.
#[must_use]
pub fn checksum(bytes: impl IntoIterator<Item = u8>) -> u32 {
    const BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    bytes.into_iter().fold(BASIS, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests;
