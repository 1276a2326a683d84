//! Links: a performance in the fragment of the page's address.
//!
//! `#1.` and a lineage in base64: weights, revision, seed, changes, up to 30 seconds of the primer, and a checksum
//! of the tokens, which the visitor's own computer composes again. `#2.` and a rendition: a score, or where it is too
//! long only its hash, how it is performed, and the same checksum. A fragment never reaches a server. There are no
//! names of files or devices in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use performance::playback::micros;
use performance::score::Rendition;
use performance::{Lineage, Made, primer};

use crate::{Notice, Take, WithScore};

/// Longest link, in characters; longer ones are cut by messengers.
pub const MAX_CHARS: usize = 2_000;
/// Longest primer of a link, in microseconds of music.
pub const MAX_PRIMER_US: u64 = 30_000_000;
/// The fragment's beginning. Another number is another form.
const MARK: &str = "1.";
const SCORE_MARK: &str = "2.";

/// What a link brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Linked {
    /// A performance that the network composes.
    Take(Lineage),
    /// A performance of a score.
    Score(Rendition),
}

/// The link to a take from the address of a page, without its fragment.
///
/// # Errors
/// A notice for the visitor, if the take does not fit into a link.
pub fn write(take: &Take, page: &str) -> Result<String, Notice> {
    if let Some(performed) = &take.performed {
        let link = |score| {
            let rendition = Rendition { name: String::new(), ..performed.rendition(score, take.sum()) };
            let bytes = rendition.to_bytes();
            let link = format!("{page}#{SCORE_MARK}{}", URL_SAFE_NO_PAD.encode(bytes));
            (link.len() <= MAX_CHARS).then_some(link)
        };
        return link(WithScore::Yes).or_else(|| link(WithScore::No)).ok_or(Notice::LinkTooLong);
    }
    let mut lineage = Lineage { made: Made::Sum(take.sum()), ..take.lineage() };
    // What the network reads stands for the whole.
    lineage.recipe.primer = primer::context(&lineage.recipe.primer);
    if micros(&lineage.recipe.primer) > MAX_PRIMER_US {
        return Err(Notice::LinkTooLong);
    }
    let bytes = lineage.to_bytes().map_err(|_| Notice::LinkTooLong)?;
    let link = format!("{page}#{MARK}{}", URL_SAFE_NO_PAD.encode(bytes));
    if link.len() > MAX_CHARS { Err(Notice::LinkTooLong) } else { Ok(link) }
}

/// What there is to say when a link was copied.
#[must_use]
pub fn copied(link: &str) -> Notice {
    match link.split_once('#').and_then(|(_, fragment)| read(fragment)) {
        Some(Ok(Linked::Score(Rendition { score: None, n_notes, .. }))) => {
            Notice::LinkCopiedWithoutScore { n_notes }
        }
        _ => Notice::LinkCopied,
    }
}

/// What a link's fragment holds; none if it is the fragment of no link.
///
/// # Errors
/// A notice for the visitor, if it is damaged or was made with a newer version of the page.
#[must_use]
pub fn read(fragment: &str) -> Option<Result<Linked, Notice>> {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    let (version, content) = fragment.split_once('.')?;
    let is_link = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    is_link.then(|| match version {
        "1" if fragment.len() <= MAX_CHARS => decode(content).map(Linked::Take),
        "2" if fragment.len() <= MAX_CHARS => decode_score(content).map(Linked::Score),
        "0" | "1" | "2" => Err(Notice::LinkDamaged),
        _ => Err(Notice::LinkTooNew),
    })
}

fn refused(error: performance::Error) -> Notice {
    match error {
        performance::Error::NewerRecipe { .. } => Notice::LinkTooNew,
        _ => Notice::LinkDamaged,
    }
}

fn decode_score(content: &str) -> Result<Rendition, Notice> {
    let bytes = URL_SAFE_NO_PAD.decode(content).map_err(|_| Notice::LinkDamaged)?;
    Rendition::from_bytes(&bytes).map_err(refused)
}

fn decode(content: &str) -> Result<Lineage, Notice> {
    let bytes = URL_SAFE_NO_PAD.decode(content).map_err(|_| Notice::LinkDamaged)?;
    let lineage = Lineage::from_bytes(&bytes).map_err(refused)?;
    let is_bounded = match lineage.made {
        Made::Sum(sum) => sum.n_tokens > 0 && sum.n_tokens as usize <= performance::lineage::MAX_TOKENS,
        Made::Tokens(_) => false,
    };
    if is_bounded && micros(&lineage.recipe.primer) <= MAX_PRIMER_US {
        Ok(lineage)
    } else {
        Err(Notice::LinkDamaged)
    }
}

#[cfg(test)]
mod tests;
