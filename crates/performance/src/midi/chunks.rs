//! Where the header and the tracks lie in the file, also when its lengths are wrong.
//!
//! midly trusts the declared lengths and negates the SMPTE frame rate unchecked, so this part is ours.

use super::report::{Dropped, Format};
use crate::Error;

/// A wrapper (RIFF, MacBinary) is shorter than this.
const MAX_LEADING_BYTES: usize = 4096;
/// Of a chunk, after its id.
const LENGTH_BYTES: usize = 4;
/// Chunk id and length.
const CHUNK_HEADER_BYTES: usize = 4 + LENGTH_BYTES;
/// Format, number of tracks, division.
const HEADER_BODY_BYTES: usize = 6;

/// What the MThd chunk says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) format: Format,
    pub(super) division: Division,
}

/// The unit of delta times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Division {
    /// So many ticks per quarter note; the tempo map says how long that is.
    TicksPerQuarter(u16),
    /// So many SMPTE frames per second (29 means 30/1.001) and ticks per frame; no tempo applies.
    Smpte { frames_per_second: u8, ticks_per_frame: u8 },
}

/// One MTrk chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackChunk<'a> {
    pub(super) body: &'a [u8],
    /// Position of the body in the file.
    pub(super) at: usize,
    /// Whether the file ends before the declared length.
    pub(super) cut_off: bool,
}

/// Finds the header; the tracks follow one by one.
pub(super) fn open(bytes: &[u8]) -> Result<(Header, Chunks<'_>), Error> {
    let searched = &bytes[..bytes.len().min(MAX_LEADING_BYTES)];
    let start = match find(searched, b"MThd") {
        Some(start) => start,
        None if bytes.is_empty() => return Err(Error::EmptyFile),
        None => return Err(Error::NotMidi),
    };
    let body_at = start + CHUNK_HEADER_BYTES;
    let Some(&[f0, f1, _, _, d0, d1]) =
        bytes.get(body_at..).and_then(<[u8]>::first_chunk::<HEADER_BODY_BYTES>)
    else {
        return Err(Error::HeaderCutOff { bytes: bytes.len() });
    };
    let mut chunks = Chunks { bytes, at: body_at + HEADER_BODY_BYTES, dropped: Vec::new() };
    if start > 0 && !bytes.starts_with(b"RIFF") {
        chunks.dropped.push(Dropped::SkippedBytes { at: 0, bytes: start });
    }
    let format = match u16::from_be_bytes([f0, f1]) {
        0 => Format::SingleTrack,
        1 => Format::Parallel,
        2 => Format::Sequential,
        number => {
            chunks.dropped.push(Dropped::UnknownFormat { number });
            Format::Parallel
        }
    };
    // A longer header is a later version of the format; what is in there is not ours to know.
    let declared_end = chunk_len(bytes, start).map_or(chunks.at, |len| body_at.saturating_add(len));
    if declared_end > chunks.at && is_chunk(bytes, declared_end) {
        chunks.at = declared_end;
    }
    Ok((Header { format, division: Division::read([d0, d1])? }, chunks))
}

/// The chunks after the header.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    dropped: Vec<Dropped>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = TrackChunk<'a>;

    /// The next track. Chunks of other kinds are passed over, as the standard asks.
    fn next(&mut self) -> Option<TrackChunk<'a>> {
        while self.at < self.bytes.len() {
            if !is_chunk(self.bytes, self.at) {
                self.skip_to_next_track();
                continue;
            }
            let body_at = self.at + CHUNK_HEADER_BYTES;
            let declared_end = body_at.saturating_add(chunk_len(self.bytes, self.at)?);
            if !is_track(self.bytes, self.at) {
                self.at = declared_end.min(self.bytes.len());
                continue;
            }
            // A length is believed when another chunk or the end of the file follows.
            let believed = declared_end == self.bytes.len() || is_chunk(self.bytes, declared_end);
            self.at = if believed { declared_end } else { self.next_track_at(body_at) };
            return Some(TrackChunk {
                body: &self.bytes[body_at..self.at],
                at: body_at,
                cut_off: declared_end > self.bytes.len(),
            });
        }
        None
    }
}

impl Chunks<'_> {
    /// Size of the file.
    pub(super) fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// What lay between the chunks.
    pub(super) fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    fn skip_to_next_track(&mut self) {
        let next = self.next_track_at(self.at);
        self.dropped.push(Dropped::SkippedBytes { at: self.at, bytes: next - self.at });
        self.at = next;
    }

    /// Where the next whole track header is, or the end of the file.
    fn next_track_at(&self, from: usize) -> usize {
        let end = self.bytes.len();
        let searched = self.bytes.get(from..end.saturating_sub(LENGTH_BYTES)).unwrap_or_default();
        find(searched, b"MTrk").map_or(end, |offset| from + offset)
    }
}

impl Division {
    fn read([high, low]: [u8; 2]) -> Result<Self, Error> {
        // A set top bit makes the high byte minus the frame rate, in two's complement.
        let division = if high & 0x80 == 0 {
            Self::TicksPerQuarter(u16::from_be_bytes([high, low]))
        } else {
            Self::Smpte { frames_per_second: high.wrapping_neg(), ticks_per_frame: low }
        };
        match division {
            Self::TicksPerQuarter(0) | Self::Smpte { ticks_per_frame: 0, .. } => Err(Error::NoTicks),
            _ => Ok(division),
        }
    }
}

fn is_track(bytes: &[u8], at: usize) -> bool {
    bytes[at..].starts_with(b"MTrk")
}

/// Whether a chunk could start here: four printable characters and a length.
fn is_chunk(bytes: &[u8], at: usize) -> bool {
    chunk_len(bytes, at).is_some()
        && bytes[at..at + 4].iter().all(|&byte| byte == b' ' || byte.is_ascii_graphic())
}

fn chunk_len(bytes: &[u8], at: usize) -> Option<usize> {
    let length = bytes.get(at.checked_add(4)?..)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn find(bytes: &[u8], needle: &[u8; 4]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
