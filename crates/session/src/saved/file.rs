//! A session as one file.

use super::{HEAD, Opened, Parts, Saved, SavedError};

/// Largest file that is read: a hundred hours of music. Larger ones are films.
pub const MAX_FILE_BYTES: usize = 50 << 20;

/// How a file begins; the last byte is the version of what follows: parts, each a name and a content with their
/// lengths before them.
const MAGIC: &[u8; 5] = b"PRNN\x01";

/// Whether bytes are meant to be a session, of whatever version.
#[must_use]
pub fn is_file(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC[..4])
}

/// The session as a file.
#[must_use]
pub fn write_file(saved: &Saved) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let mut parts = saved.to_parts();
    // First, so that a file that was cut off can be read as far as it goes.
    let head = parts.remove_entry(HEAD);
    for (name, content) in head.into_iter().chain(parts) {
        bytes.push(name.len() as u8);
        bytes.extend(name.bytes());
        bytes.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(content);
    }
    bytes
}

/// The session in a file, as far as it can be read.
///
/// # Errors
/// If it is none, too large, too new, or damaged where it says what there is.
pub fn read_file(bytes: &[u8]) -> Result<Opened, SavedError> {
    if !is_file(bytes) {
        return Err(SavedError::Foreign);
    }
    if bytes.len() > MAX_FILE_BYTES {
        return Err(SavedError::TooLarge);
    }
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        let is_newer = bytes.get(4).is_some_and(|version| *version > MAGIC[4]);
        return Err(if is_newer { SavedError::TooNew } else { SavedError::Damaged });
    };
    let mut parts = Parts::new();
    while let Some((name, content, after)) = part(rest) {
        parts.insert(name.to_owned(), content.to_vec());
        rest = after;
    }
    Saved::from_parts(&parts)
}

/// The first part, and the bytes after it.
fn part(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let (&name_len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(name_len.into())?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (content, rest) = rest.split_at_checked(u32::from_le_bytes(*len).try_into().ok()?)?;
    Some((std::str::from_utf8(name).ok()?, content, rest))
}
