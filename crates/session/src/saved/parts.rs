//! A session as named parts, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use performance::lineage::{MAX_TOKENS, Packed, seal, unseal};
use performance::score::Rendition;
use performance::{Lineage, Made, Token, TokenSum};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::record::{HeadRecord, PrimerRecord, SessionFact, TakeFact, TakeRecord, VERSION};
use super::{BLOCK_TOKENS, HEAD, Saved};
use crate::protocol::TakeId;
use crate::{Listed, Parent, Performed, Piece, Primer, Settings, Span, Take, WithScore};

/// Parts by name.
pub type Parts = BTreeMap<String, Vec<u8>>;

/// Longest name of a take or primer that is read, in characters.
const MAX_NAME: usize = 200;
/// Most remarks on a primer that are read.
const MAX_DROPPED: usize = 100;

/// Why a session cannot be read. A clause: "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SavedError {
    /// No session at all.
    #[error("it is not a session of this page")]
    Foreign,
    /// Beyond [`MAX_FILE_BYTES`](super::MAX_FILE_BYTES).
    #[error("it is larger than {} MB", super::MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// Of a later version of the page.
    #[error("it was saved by a newer version of this page")]
    TooNew,
    /// The part that says what there is cannot be read.
    #[error("it is damaged")]
    Damaged,
}

/// A session that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// What there is.
    pub saved: Saved,
    /// Takes that are missing or shorter than they were, because parts are damaged.
    pub n_damaged: usize,
}

/// What a list of sessions shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// Takes with notes in them.
    pub n_takes: usize,
    /// Their music, in microseconds.
    pub music_us: u64,
}

impl Glance {
    /// What a head says.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(head: &[u8]) -> Result<Self, SavedError> {
        let head: HeadRecord = read(head)?;
        let music = |take: &TakeRecord| {
            take.facts.iter().find_map(|fact| match fact {
                TakeFact::Music { us } if *us > 0 => Some(*us),
                _ => None,
            })
        };
        let music_us: Vec<u64> = head.takes.iter().filter_map(music).collect();
        Ok(Self { n_takes: music_us.len(), music_us: music_us.iter().fold(0, |a, b| a.saturating_add(*b)) })
    }
}

/// The part with a take's block of tokens.
pub(super) fn block_name(take: TakeId, block: usize) -> String {
    format!("take-{take}-{block}")
}

/// The part with a primer's tokens.
pub(super) fn primer_name(sum: TokenSum) -> String {
    format!("primer-{:08x}-{}", sum.checksum, sum.n_tokens)
}

/// The part with a score's notes.
pub(super) fn score_name(hash: u64) -> String {
    format!("score-{hash:016x}")
}

/// A score's notes as a part.
pub(super) fn score_part(piece: &Piece) -> Vec<u8> {
    part(&piece.packed)
}

/// Tokens as a part.
pub(super) fn tokens_part(tokens: &[Token]) -> Vec<u8> {
    part(&Packed::new(tokens))
}

fn part(value: &impl Serialize) -> Vec<u8> {
    // Fails only for values whose length is not known beforehand.
    seal(VERSION, &postcard::to_allocvec(value).unwrap_or_default())
}

fn read<T: DeserializeOwned>(part: &[u8]) -> Result<T, SavedError> {
    match unseal(part).ok_or(SavedError::Damaged)? {
        (version, _) if version > VERSION => Err(SavedError::TooNew),
        (1..=VERSION, content) => match postcard::take_from_bytes(content) {
            Ok((value, [])) => Ok(value),
            _ => Err(SavedError::Damaged),
        },
        _ => Err(SavedError::Damaged),
    }
}

fn read_tokens(part: Option<&Vec<u8>>) -> Option<Vec<Token>> {
    read::<Packed>(part?).ok()?.tokens().ok()
}

/// The head of a session, and the primers in the order in which it numbers them.
pub(super) fn head(saved: &Saved) -> (Vec<u8>, Vec<Rc<Primer>>) {
    let mut primers: Vec<Rc<Primer>> = Vec::new();
    let mut number = |primer: &Rc<Primer>| {
        let known = primers.iter().position(|other| Rc::ptr_eq(other, primer));
        let index = known.unwrap_or_else(|| {
            primers.push(Rc::clone(primer));
            primers.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    };
    let mut facts = SessionFact::of_settings(&saved.settings);
    facts.push(SessionFact::Position { us: saved.position_us });
    facts.extend(saved.current.map(SessionFact::Current));
    facts.extend(saved.mark.map(SessionFact::mark));
    facts.extend(saved.primer.as_ref().map(|primer| SessionFact::Primer(number(primer))));
    let takes =
        saved.takes.iter().filter_map(|(listed, take)| take_record(listed, take, &mut number)).collect();
    let record = |primer: &Rc<Primer>| PrimerRecord {
        sum: TokenSum::of(&primer.tokens),
        name: primer.name.clone(),
        summary: primer.summary.clone(),
        dropped: primer.dropped.clone(),
    };
    let head = HeadRecord { facts, takes, primers: primers.iter().map(record).collect() };
    (part(&head), primers)
}

/// None for a take beyond the limits of a lineage: seven hours.
fn take_record(
    listed: &Listed,
    take: &Take,
    number: &mut impl FnMut(&Rc<Primer>) -> u32,
) -> Option<TakeRecord> {
    let mut lineage = Lineage { made: Made::Sum(TokenSum::default()), ..take.lineage() };
    lineage.recipe.primer.clear();
    let mut facts = vec![TakeFact::Music { us: if take.n_notes() > 0 { take.music_us() } else { 0 } }];
    facts.extend(take.parent.map(|Parent { take, at, at_us }| TakeFact::Parent {
        take,
        at: at as u32,
        at_us,
    }));
    facts.extend(listed.name.clone().map(TakeFact::Name));
    facts.extend(listed.is_starred.then_some(TakeFact::Starred));
    facts.extend(take.is_complete.then_some(TakeFact::Complete));
    facts.extend(take.length_us.map(|us| TakeFact::Length { us }));
    facts.extend(take.primer.as_ref().map(|primer| TakeFact::Primer(number(primer))));
    facts.extend(take.awaited().map(TakeFact::Awaited));
    facts.extend(
        take.performed
            .as_ref()
            .map(|performed| TakeFact::Performed(performed.rendition(WithScore::No, take.sum()).to_bytes())),
    );
    // What follows from a score is not kept.
    let n_tokens = if take.performed.is_some() { 0 } else { take.tokens().len() };
    (n_tokens <= MAX_TOKENS).then_some(())?;
    Some(TakeRecord { id: take.id, lineage: lineage.to_bytes().ok()?, n_tokens: n_tokens as u32, facts })
}

impl Saved {
    /// All parts.
    #[must_use]
    pub fn to_parts(&self) -> Parts {
        super::Writer::default().changes(self).puts.into_iter().collect()
    }

    /// The session that parts are of. Whatever is missing or damaged, the rest is read.
    ///
    /// # Errors
    /// If the head cannot be read.
    pub fn from_parts(parts: &Parts) -> Result<Opened, SavedError> {
        let head: HeadRecord = read(parts.get(HEAD).ok_or(SavedError::Damaged)?)?;
        let primers: Vec<Option<Rc<Primer>>> =
            head.primers.into_iter().map(|record| primer(record, parts)).collect();
        let known = |index: u32| primers.get(index as usize).cloned().flatten();

        let mut pieces = Pieces::new();
        let mut takes = Vec::new();
        let (mut n_damaged, mut ids) = (0, BTreeSet::new());
        for record in head.takes {
            let is_new = ids.insert(record.id);
            match take(record, parts, &known, &mut pieces).filter(|_| is_new) {
                Some((listed, take, is_whole)) => {
                    n_damaged += usize::from(!is_whole);
                    takes.push((listed, Rc::new(take)));
                }
                None => n_damaged += 1,
            }
        }
        let mut saved = Self {
            takes,
            current: None,
            position_us: 0,
            mark: None,
            primer: None,
            settings: Settings::new(0),
        };
        for fact in head.facts {
            fact.apply(&mut saved.settings);
            match fact {
                SessionFact::Current(id) => {
                    saved.current = saved.takes.iter().any(|(listed, _)| listed.id == id).then_some(id);
                }
                SessionFact::Position { us } => saved.position_us = us,
                SessionFact::Marked { from_us, to_us } => saved.mark = Some(Span::between(from_us, to_us)),
                SessionFact::Primer(index) => saved.primer = known(index),
                _ => {}
            }
        }
        let current = saved.takes.iter().find(|(listed, _)| Some(listed.id) == saved.current);
        let music_us = current.map_or(0, |(_, take)| take.music_us());
        saved.position_us = saved.position_us.min(music_us);
        Ok(Opened { saved, n_damaged })
    }
}

fn primer(record: PrimerRecord, parts: &Parts) -> Option<Rc<Primer>> {
    let tokens = read_tokens(parts.get(&primer_name(record.sum)))?;
    let dropped = record.dropped.into_iter().take(MAX_DROPPED).map(short).collect();
    let primer = Primer::of(short(record.name), tokens);
    Some(Rc::new(Primer { summary: short(record.summary), dropped, ..primer }))
}

/// A take, and whether all of it is there.
fn take(
    record: TakeRecord,
    parts: &Parts,
    primers: &impl Fn(u32) -> Option<Rc<Primer>>,
    pieces: &mut Pieces,
) -> Option<(Listed, Take, bool)> {
    let TakeRecord { id, lineage, n_tokens, facts } = record;
    let mut lineage = Lineage::from_bytes(&lineage).ok()?;
    let n_tokens = Some(n_tokens as usize).filter(|&n| n <= MAX_TOKENS)?;
    let mut tokens = Vec::new();
    for block in 0..n_tokens.div_ceil(BLOCK_TOKENS) {
        // Memory in proportion to what is there.
        let Some(found) = read_tokens(parts.get(&block_name(id, block))) else { break };
        let is_full = found.len() == BLOCK_TOKENS;
        tokens.extend(found);
        if !is_full {
            break;
        }
    }
    tokens.truncate(n_tokens);
    let mut is_whole = tokens.len() == n_tokens;
    if !is_whole {
        lineage.recipe.log.truncate(tokens.len());
    }
    lineage.made = Made::Tokens(tokens);
    let mut listed = Listed { id, name: None, is_starred: false };
    let (mut parent, mut length_us, mut awaited, mut is_complete) = (None, None, None, !is_whole);
    let (mut primer, mut performed) = (None, None);
    for fact in facts {
        match fact {
            TakeFact::Parent { take, at, at_us } if take < id => {
                parent = Some(Parent { take, at: at as usize, at_us });
            }
            TakeFact::Name(name) => listed.name = Some(short(name)),
            TakeFact::Starred => listed.is_starred = true,
            TakeFact::Complete => is_complete = true,
            TakeFact::Length { us } => length_us = Some(us),
            TakeFact::Primer(index) => {
                primer = primers(index);
                // Without it, other music would follow: what is there is all there is.
                (is_whole, is_complete) = (is_whole && primer.is_some(), is_complete || primer.is_none());
            }
            TakeFact::Awaited(sum) => awaited = Some(sum),
            TakeFact::Performed(bytes) => performed = Some(perform(&bytes, parts, pieces)?),
            TakeFact::Parent { .. } | TakeFact::Music { .. } => {}
        }
    }
    if let Some(performed) = performed {
        let mut take = Take::of_score(id, performed);
        take.parent = parent;
        return Some((listed, take, true));
    }
    let primer_tokens = primer.as_ref().map(|primer: &Rc<Primer>| primer.tokens.clone());
    lineage.recipe.primer = primer_tokens.unwrap_or_default();
    lineage.check().ok()?;
    let mut take = Take::of_lineage(id, lineage, primer);
    (take.parent, take.length_us, take.is_complete) = (parent, length_us, is_complete);
    take.await_sum(awaited.filter(|_| !is_complete));
    Some((listed, take, is_whole))
}

/// Scores that were read, by hash.
type Pieces = BTreeMap<u64, Rc<Piece>>;

fn perform(rendition: &[u8], parts: &Parts, pieces: &mut Pieces) -> Option<Performed> {
    let Rendition { name, score_hash, rendering, .. } = Rendition::from_bytes(rendition).ok()?;
    let piece = match pieces.get(&score_hash) {
        Some(piece) => Rc::clone(piece),
        None => {
            let packed: Vec<u8> = read(parts.get(&score_name(score_hash))?).ok()?;
            let piece = Rc::new(Piece::of_packed(name, packed).ok()?);
            pieces.insert(score_hash, Rc::clone(&piece));
            piece
        }
    };
    Some(Performed::new(piece, rendering))
}

fn short(text: String) -> String {
    if text.chars().count() <= MAX_NAME { text } else { text.chars().take(MAX_NAME).collect() }
}
