//! Renditions: all that a performance of a score follows from, as bytes that are kept and passed on.
//!
//! The bytes are sealed as those of a lineage are: a version, the fields, and a checksum. What is new in a later version
//! is appended, and [`VERSION`] rises.

use midly::{MetaMessage, Smf, TrackEventKind};
use serde::{Deserialize, Serialize};

use super::rendering::Rendering;
use crate::lineage::{from_seven_bits, seal, to_seven_bits, unseal};
use crate::{Error, TokenSum};

/// The version that is written.
const VERSION: u8 = 1;
/// Longest name that is read, in characters.
const MAX_NAME: usize = 200;
/// How the event begins that carries a rendition in a MIDI file; see the lineages' in `midi`.
const MARK: &[u8] = b"\x7DPRNS";
/// Largest event with a rendition. Some readers refuse files with events of a megabyte.
const MAX_EVENT_BYTES: usize = 900_000;

/// A score, or what it is recognized by, and how it is performed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// What the score is called.
    pub name: String,
    /// Of the packed score ([`hash`](super::hash)).
    pub score_hash: u64,
    /// How many notes it has.
    pub n_notes: u32,
    /// The packed score ([`Score::to_packed`](super::Score::to_packed)), if it is not elsewhere.
    pub score: Option<Vec<u8>>,
    /// How it is performed.
    pub rendering: Rendering,
    /// The events that came of it.
    pub sum: TokenSum,
}

impl Rendition {
    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Fails only for values whose length is not known beforehand.
        seal(VERSION, &postcard::to_allocvec(self).unwrap_or_default())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) of this or an earlier version wrote.
    ///
    /// # Errors
    /// [`Error::NewerRecipe`] if a later version wrote it, [`Error::DamagedRecipe`] if the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let content = match unseal(bytes).ok_or(Error::DamagedRecipe)? {
            (found, _) if found > VERSION => return Err(Error::NewerRecipe { found }),
            (VERSION, content) => content,
            _ => return Err(Error::DamagedRecipe),
        };
        let Ok((rendition, [])) = postcard::take_from_bytes::<Self>(content) else {
            return Err(Error::DamagedRecipe);
        };
        rendition.rendering.check().map_err(|_| Error::DamagedRecipe)?;
        if rendition.name.chars().count() > MAX_NAME {
            return Err(Error::DamagedRecipe);
        }
        Ok(rendition)
    }

    /// The content of a sequencer-specific event; none if that would be too large.
    pub(super) fn to_event(&self) -> Option<Vec<u8>> {
        let event = [MARK, &to_seven_bits(&self.to_bytes())].concat();
        (event.len() <= MAX_EVENT_BYTES).then_some(event)
    }
}

/// The rendition that a MIDI file carries, if it does.
#[must_use]
pub fn carried(bytes: &[u8]) -> Option<Rendition> {
    let smf = Smf::parse(bytes).ok()?;
    let data = smf.tracks.iter().flatten().find_map(|event| match event.kind {
        TrackEventKind::Meta(MetaMessage::SequencerSpecific(data)) => data.strip_prefix(MARK),
        _ => None,
    })?;
    Rendition::from_bytes(&from_seven_bits(data)).ok()
}
