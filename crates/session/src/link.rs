//! Links: a performance in the fragment of the page's address.
//!
//! `#1.` and a lineage in base64: weights, revision, seed, changes, up to 30 seconds of the primer, and a checksum
//! of the tokens, which the visitor's own computer composes again. A fragment never reaches a server. There are no
//! names of files or devices in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use performance::playback::micros;
use performance::{Lineage, Made, primer};

use crate::{Notice, Take};

/// Longest link, in characters; longer ones are cut by messengers.
pub const MAX_CHARS: usize = 2_000;
/// Longest primer of a link, in microseconds of music.
pub const MAX_PRIMER_US: u64 = 30_000_000;
/// The fragment's beginning. Another number is another form.
const MARK: &str = "1.";

/// The link to a take from the address of a page, without its fragment.
///
/// # Errors
/// A notice for the visitor, if the take does not fit into a link.
pub fn write(take: &Take, page: &str) -> Result<String, Notice> {
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

/// What a link's fragment holds; none if it is the fragment of no link.
///
/// # Errors
/// A notice for the visitor, if it is damaged or was made with a newer version of the page.
#[must_use]
pub fn read(fragment: &str) -> Option<Result<Lineage, Notice>> {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    let (version, content) = fragment.split_once('.')?;
    let is_link = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    is_link.then(|| match version {
        "1" if fragment.len() <= MAX_CHARS => decode(content),
        "0" | "1" => Err(Notice::LinkDamaged),
        _ => Err(Notice::LinkTooNew),
    })
}

fn decode(content: &str) -> Result<Lineage, Notice> {
    let bytes = URL_SAFE_NO_PAD.decode(content).map_err(|_| Notice::LinkDamaged)?;
    let lineage = Lineage::from_bytes(&bytes).map_err(|error| match error {
        performance::Error::NewerRecipe { .. } => Notice::LinkTooNew,
        _ => Notice::LinkDamaged,
    })?;
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
