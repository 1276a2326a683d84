//! Where the header is: at the start, in a wrapper of any size, or after bytes of something else.

/// Chunk id and length.
pub(super) const CHUNK_HEAD_BYTES: usize = 8;
/// Format, number of tracks, division.
pub(super) const HEADER_BODY_BYTES: usize = 6;
/// What RIFF has before its chunks: its name, its length, the name of its content.
const RIFF_HEAD_BYTES: usize = 12;

/// Where a file lies in the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The bytes up to the file's end; positions count from their start.
    pub(super) bytes: &'a [u8],
    /// Position of the header.
    pub(super) start: usize,
    /// Whether what comes before belongs to a wrapper that is known.
    pub(super) is_wrapped: bool,
}

/// Finds the first header.
pub(super) fn locate(bytes: &[u8]) -> Option<Place<'_>> {
    if let Some(place) = riff(bytes) {
        return Some(place);
    }
    let place = |start| Place { bytes, start, is_wrapped: bytes.starts_with(b"RIFF") };
    if bytes.starts_with(b"MThd") {
        return Some(place(0));
    }
    // One that is complete, with a track after it, is more likely the header than a text that has its name.
    let with_track = headers(bytes).find(|&at| is_header(bytes, at) && is_followed_by_track(bytes, at));
    let complete = || headers(bytes).find(|&at| is_header(bytes, at));
    let any = || headers(bytes).next();
    let misnamed = || is_misnamed(bytes).then_some(0);
    with_track.or_else(complete).or_else(any).or_else(misnamed).map(place)
}

/// Whether a whole header is at `at`: of a usual length, or with a track after it.
pub(super) fn is_header(bytes: &[u8], at: usize) -> bool {
    let end = at.saturating_add(CHUNK_HEAD_BYTES + HEADER_BODY_BYTES);
    let is_whole = |header: &[u8]| {
        header.starts_with(b"MThd") && (header[4..7] == [0, 0, 0] || is_followed_by_track(bytes, at))
    };
    bytes.get(at..end).is_some_and(is_whole)
}

/// Whether a chunk's name is `name` but for one letter or for upper and lower case.
pub(super) fn is_nearly(bytes: &[u8], name: &[u8; 4]) -> bool {
    let n_equal =
        bytes.iter().zip(name).filter(|(found, expected)| found.eq_ignore_ascii_case(expected)).count();
    bytes.len() >= name.len() && n_equal >= 3
}

fn is_followed_by_track(bytes: &[u8], at: usize) -> bool {
    let track_at = at + CHUNK_HEAD_BYTES + HEADER_BODY_BYTES;
    bytes.get(track_at..track_at + 4) == Some(b"MTrk")
}

/// Whether the file starts as one does, but for a letter of the header's name.
fn is_misnamed(bytes: &[u8]) -> bool {
    is_nearly(bytes, b"MThd") && bytes.get(4..8) == Some(&[0, 0, 0, 6]) && is_followed_by_track(bytes, 0)
}

fn headers(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.windows(4).enumerate().filter(|(_, name)| name == b"MThd").map(|(at, _)| at)
}

/// The data chunk of a RIFF file, wherever it stands among the others. RIFF counts its bytes from low to high, and
/// chunks begin at even positions.
fn riff(bytes: &[u8]) -> Option<Place<'_>> {
    if !bytes.starts_with(b"RIFF") {
        return None;
    }
    let mut at = RIFF_HEAD_BYTES;
    while let Some((name, len)) = riff_chunk(bytes, at) {
        let body_at = at + CHUNK_HEAD_BYTES;
        let end = body_at.saturating_add(len);
        if name == *b"data" && is_header(bytes, body_at) {
            let is_sound = end <= bytes.len() && is_riff_end(bytes, end);
            return Some(Place {
                bytes: if is_sound { &bytes[..end] } else { bytes },
                start: body_at,
                is_wrapped: true,
            });
        }
        at = end.saturating_add(len % 2);
    }
    None
}

/// Whether a RIFF chunk may end here: another one follows, or nothing.
fn is_riff_end(bytes: &[u8], end: usize) -> bool {
    let next = end + (end % 2);
    next >= bytes.len()
        || riff_chunk(bytes, next).is_some_and(|(name, len)| {
            name.iter().all(u8::is_ascii_graphic) && next + CHUNK_HEAD_BYTES + len <= bytes.len()
        })
}

fn riff_chunk(bytes: &[u8], at: usize) -> Option<([u8; 4], usize)> {
    let &[a, b, c, d, l0, l1, l2, l3] = bytes.get(at..)?.first_chunk::<CHUNK_HEAD_BYTES>()?;
    Some(([a, b, c, d], usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?))
}
