//! The score inside a compressed MusicXML file, which is a zip archive.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::score::error::ScoreError;

const END_OF_DIRECTORY: [u8; 4] = [b'P', b'K', 5, 6];
const ENTRY: [u8; 4] = [b'P', b'K', 1, 2];
/// A comment after the directory is at most so long.
const LONGEST_END: usize = 22 + 65_535;
const MAX_ENTRIES: usize = 1_000;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

struct Entry<'a> {
    name: &'a [u8],
    method: u16,
    packed_len: usize,
    header_at: usize,
}

/// Unpacks the file that the container names, or the first that looks like a score.
pub(super) fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ScoreError> {
    let entries = directory(bytes).ok_or(ScoreError::Archive("its directory is damaged"))?;
    let container = entries.iter().find(|entry| entry.name == b"META-INF/container.xml");
    let container = container.and_then(|entry| read(bytes, entry, limit).ok());
    let named = container.as_deref().and_then(root_file);
    let is_score = |entry: &&Entry<'_>| {
        let ends = [&b".xml"[..], b".musicxml"].iter().any(|end| entry.name.ends_with(end));
        ends && !entry.name.starts_with(b"META-INF/")
    };
    let entry = named
        .and_then(|name| entries.iter().find(|entry| entry.name == name.as_bytes()))
        .or_else(|| entries.iter().find(is_score))
        .ok_or(ScoreError::Archive("it holds no MusicXML"))?;
    read(bytes, entry, limit)
}

fn root_file(container: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(container).ok()?;
    let document = roxmltree::Document::parse(text).ok()?;
    let root_file = document.descendants().find(|node| node.tag_name().name() == "rootfile")?;
    root_file.attribute("full-path").map(str::to_owned)
}

fn directory(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let tail_at = bytes.len().saturating_sub(LONGEST_END);
    let end_at = tail_at + bytes[tail_at..].windows(4).rposition(|window| window == END_OF_DIRECTORY)?;
    let mut at = u32_at(bytes, end_at + 16)?;
    let mut entries = Vec::new();
    while bytes.get(at..at + 4) == Some(&ENTRY) && entries.len() < MAX_ENTRIES {
        let name_len = u16_at(bytes, at + 28)?;
        entries.push(Entry {
            name: bytes.get(at + 46..at + 46 + usize::from(name_len))?,
            method: u16_at(bytes, at + 10)?,
            packed_len: u32_at(bytes, at + 20)?,
            header_at: u32_at(bytes, at + 42)?,
        });
        let rest = [u16_at(bytes, at + 30)?, u16_at(bytes, at + 32)?, name_len];
        at += 46 + rest.into_iter().map(usize::from).sum::<usize>();
    }
    Some(entries)
}

fn read(bytes: &[u8], entry: &Entry<'_>, limit: usize) -> Result<Vec<u8>, ScoreError> {
    let packed = || {
        let header_at = entry.header_at;
        let names_len =
            usize::from(u16_at(bytes, header_at + 26)?) + usize::from(u16_at(bytes, header_at + 28)?);
        let start = header_at + 30 + names_len;
        bytes.get(start..start.checked_add(entry.packed_len)?)
    };
    let packed = packed().ok_or(ScoreError::Archive("it ends within the score"))?;
    match entry.method {
        STORED if packed.len() <= limit => Ok(packed.to_vec()),
        DEFLATED => decompress_to_vec_with_limit(packed, limit)
            .map_err(|_| ScoreError::Archive("its score is damaged or too large")),
        _ => Err(ScoreError::Archive("its score is packed in an unknown way or too large")),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// Lossless: positions of 32 bits.
fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok()
}
