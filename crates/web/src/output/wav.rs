//! Sound as a WAV file: 16 bits, what every program reads.
//!
//! Source: *Multimedia Programming Interface and Data Specifications 1.0* (IBM and Microsoft, 1991), "WAVE".

use std::fmt;

/// Left and right.
pub const CHANNELS: u32 = 2;
/// Frames per second.
const RATE: u32 = 48_000;
const BYTES_PER_FRAME: u32 = CHANNELS * 2;
/// What the header counts beside the sound.
const HEADER_BYTES: usize = 44;

/// The file's header, for `n_frames` frames.
///
/// # Errors
/// If there are more than the format can count.
pub fn header(n_frames: u64) -> Result<[u8; HEADER_BYTES], TooLong> {
    let n_bytes = n_frames.checked_mul(BYTES_PER_FRAME.into()).and_then(|n| u32::try_from(n).ok());
    let n_bytes = n_bytes.filter(|&n| n <= u32::MAX - HEADER_BYTES as u32).ok_or(TooLong)?;
    let mut header = [0; HEADER_BYTES];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &(n_bytes + HEADER_BYTES as u32 - 8).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16u32.to_le_bytes(),
        // Plain numbers.
        &1u16.to_le_bytes(),
        &(CHANNELS as u16).to_le_bytes(),
        &RATE.to_le_bytes(),
        &(RATE * BYTES_PER_FRAME).to_le_bytes(),
        &(BYTES_PER_FRAME as u16).to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &n_bytes.to_le_bytes(),
    ];
    let mut at = 0;
    for field in fields {
        header[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    }
    Ok(header)
}

/// The bytes of frames, channel by channel in `-1.0..=1.0`; louder ones are cut.
#[must_use]
pub fn frames(channels: &[Vec<f32>]) -> Vec<u8> {
    let n = channels.first().map_or(0, Vec::len);
    let samples = (0..n).flat_map(|frame| channels.iter().map(move |channel| channel[frame]));
    samples.flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes()).collect()
}

/// More sound than a WAV file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a WAV file holds six hours at most")
    }
}

impl From<TooLong> for wasm_bindgen::JsValue {
    fn from(error: TooLong) -> Self {
        error.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_how_much_there_is() {
        let header = header(48_000).unwrap();
        let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(
            (&header[..4], &header[8..16], &header[36..40]),
            (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..])
        );
        assert_eq!((number(4), number(40)), (192_036, 192_000));
        assert_eq!((number(24), number(28)), (48_000, 192_000));
        assert_eq!(super::header(48_000 * 3600 * 7), Err(TooLong));
    }

    #[test]
    fn frames_are_interleaved_and_cut() {
        let bytes = frames(&[vec![0.0, 2.0], vec![-1.0, 0.5]]);
        let samples: Vec<i16> =
            bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        assert_eq!(samples, [0, -32_767, 32_767, 16_384]);
    }
}
