//! Where the headers and the tracks lie in the file, also when its lengths are wrong.

use super::container::{CHUNK_HEAD_BYTES, HEADER_BODY_BYTES, is_header, is_nearly};
use super::event::{self, Reader};
use super::report::{Dropped, Format};
use super::{FileKind, container};
use crate::Error;

/// How often the bytes of the file may be read to find out where tracks with wrong lengths end. Larger finds more
/// ends in files that are made to be slow.
const MAX_SEARCHES: usize = 8;
/// How many chunks of other kinds in a row are followed to something known.
const MAX_OTHER_CHUNKS: usize = 16;
/// A track ends with it, after a delta time.
const END_MARK: [u8; 3] = [0xFF, 0x2F, 0];

/// What an MThd chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What follows the first header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chunk<'a> {
    /// A track of the file whose header came last.
    Track(TrackChunk<'a>),
    /// Another file begins.
    Header(Header),
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

/// Finds the first header; the tracks follow one by one.
pub(super) fn open(bytes: &[u8]) -> Result<(Header, Chunks<'_>), Error> {
    if bytes.is_empty() {
        return Err(Error::EmptyFile);
    }
    if let Some(kind) = FileKind::of(bytes) {
        return Err(Error::OtherKind(kind));
    }
    if let Some(kind) = FileKind::of_destroyed(bytes) {
        return Err(Error::OtherKind(kind));
    }
    let Some(place) = container::locate(bytes) else {
        return Err(FileKind::likely(bytes).map_or(Error::NotMidi, Error::OtherKind));
    };
    let mut chunks =
        Chunks { bytes: place.bytes, at: place.start, searched: 0, misnamed: None, dropped: Vec::new() };
    if place.start > 0 && !place.is_wrapped {
        chunks.dropped.push(Dropped::SkippedBytes { at: 0, bytes: place.start });
    }
    let header = chunks.read_header()?;
    Ok((header, chunks))
}

/// The chunks after the first header.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that were read to find the ends of tracks.
    searched: usize,
    /// A track one letter of whose name is wrong.
    misnamed: Option<usize>,
    dropped: Vec<Dropped>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    /// The next track or header. Chunks of other kinds are passed over, as the standard asks.
    fn next(&mut self) -> Option<Chunk<'a>> {
        while self.at < self.bytes.len() {
            let at = self.at;
            if is_header(self.bytes, at) {
                match self.read_header() {
                    Ok(header) => return Some(Chunk::Header(header)),
                    // Without a unit of time its tracks mean nothing.
                    Err(_) => self.skip_to(self.bytes.len()),
                }
            } else if is_track(self.bytes, at) || self.misnamed == Some(at) {
                return self.read_track().map(Chunk::Track);
            } else if let Some(end) = other_chunk_end(self.bytes, at) {
                self.at = end;
            } else {
                self.skip_to(next_known(self.bytes, at).unwrap_or(self.bytes.len()));
            }
        }
        None
    }
}

impl<'a> Chunks<'a> {
    /// Size of the file.
    pub(super) fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// What lay between the chunks.
    pub(super) fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// Reads the header here. On an error the position stays.
    fn read_header(&mut self) -> Result<Header, Error> {
        let body_at = self.at + CHUNK_HEAD_BYTES;
        let Some(&[f0, f1, _, _, d0, d1]) =
            self.bytes.get(body_at..).and_then(<[u8]>::first_chunk::<HEADER_BODY_BYTES>)
        else {
            return Err(Error::HeaderCutOff { bytes: self.bytes.len() });
        };
        let division = Division::read([d0, d1])?;
        let format = match u16::from_be_bytes([f0, f1]) {
            0 => Format::SingleTrack,
            1 => Format::Parallel,
            2 => Format::Sequential,
            number => {
                self.dropped.push(Dropped::UnknownFormat { number });
                Format::Parallel
            }
        };
        // A longer header is a later version of the format; what is in there is not ours to know.
        let end = body_at + HEADER_BODY_BYTES;
        let declared_end = declared_end(self.bytes, self.at).unwrap_or(end);
        let is_longer = declared_end > end && is_known(self.bytes, declared_end);
        self.at = if is_longer { declared_end } else { end };
        let is_misnamed = self.bytes.get(self.at..).is_some_and(|name| is_nearly(name, b"MTrk"));
        if is_misnamed && next_known(self.bytes, self.at).is_none() {
            self.misnamed = Some(self.at);
        }
        Ok(Header { format, division })
    }

    fn read_track(&mut self) -> Option<TrackChunk<'a>> {
        let body_at = self.at + CHUNK_HEAD_BYTES;
        let declared_end = declared_end(self.bytes, self.at)?;
        let end = self.track_end(body_at, declared_end);
        self.at = end;
        Some(TrackChunk {
            body: &self.bytes[body_at..end],
            at: body_at,
            cut_off: declared_end > self.bytes.len(),
        })
    }

    /// Where a track ends. Its length is believed when an end mark stands there, something known or nothing
    /// follows, and no other track begins before; otherwise its events say so.
    fn track_end(&mut self, body_at: usize, declared_end: usize) -> usize {
        let follows = declared_end == self.bytes.len()
            || is_known(self.bytes, declared_end)
            || other_chunk_end(self.bytes, declared_end).is_some();
        let declared = self.bytes.get(body_at..declared_end).filter(|_| follows);
        if declared.is_some_and(|body| body.ends_with(&END_MARK) && next_known(body, 0).is_none()) {
            return declared_end;
        }
        if let Some(end) = self.end_of_events(body_at) {
            return end;
        }
        declared.map_or_else(|| next_known(self.bytes, body_at).unwrap_or(self.bytes.len()), |_| declared_end)
    }

    /// Where the events say that the track ends, if all of them can be read.
    fn end_of_events(&mut self, body_at: usize) -> Option<usize> {
        if self.searched > MAX_SEARCHES * self.bytes.len() {
            return None;
        }
        let mut reader = Reader::new(&self.bytes[body_at..], None);
        let end = loop {
            match reader.next() {
                _ if reader.faults().lost_bytes > 0 => break None,
                Ok(_) => {}
                Err(event::End::Marked { at } | event::End::Chunk { at }) => break Some(body_at + at),
                Err(event::End::Unmarked) => break Some(self.bytes.len()),
            }
        };
        self.searched += reader.position();
        end
    }

    fn skip_to(&mut self, next: usize) {
        self.dropped.push(Dropped::SkippedBytes { at: self.at, bytes: next - self.at });
        self.at = next;
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

/// Whether a track header is here, with any length.
fn is_track(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..at.saturating_add(CHUNK_HEAD_BYTES)).is_some_and(|head| head.starts_with(b"MTrk"))
}

fn is_known(bytes: &[u8], at: usize) -> bool {
    is_track(bytes, at) || is_header(bytes, at)
}

/// Where the next whole header or track header is.
fn next_known(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == b'M')?;
        if is_known(bytes, at) {
            return Some(at);
        }
        at += 1;
    }
}

/// Where a chunk of another kind ends: four printable characters, and a length after which something known, the
/// end, or another such chunk comes.
fn other_chunk_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    for _ in 0..MAX_OTHER_CHUNKS {
        let name = bytes.get(end..end.checked_add(4)?)?;
        if !name.iter().all(|&byte| byte == b' ' || byte.is_ascii_graphic()) {
            return None;
        }
        end = declared_end(bytes, end)?;
        if end == bytes.len() || is_known(bytes, end) {
            return Some(end);
        }
    }
    None
}

fn declared_end(bytes: &[u8], at: usize) -> Option<usize> {
    let length = bytes.get(at.checked_add(4)?..)?.first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (at + CHUNK_HEAD_BYTES).checked_add(length)
}
