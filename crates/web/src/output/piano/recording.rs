//! What the piano plays, rendered offline as fast as the computer can.
//!
//! The same voices and the same bus as in live playing, in an offline context. It is rendered in parts, so
//! that neither memory nor the number of voices grows with the length. Each part begins early enough for
//! everything that still rings. (A context that suspends itself would not need parts, but not every browser
//! has that.)

use js_sys::{Array, Uint8Array};
use performance::playback::schedule::{Message, Timed};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AudioBuffer, OfflineAudioContext};

use super::bus::{Bus, Master};
use super::voices::Voices;
use super::{SAMPLE_RATE, Samples, perform};
use crate::js;
use crate::output::wav::{self, CHANNELS};

/// Length of a part. Larger renders less twice; smaller reports progress more often and takes less memory.
const PART_SECS: u64 = 20;
/// Notes struck this long ago are over: the longest sample (7.2 s, 8 s at a lower pitch) and the reverb.
const RINGING_SECS: u64 = 10;
/// What follows the last message: a damped string and the hall. Undamped ones are cut.
const TAIL_SECS: u64 = 3;
/// Fetching and decoding the samples of a part takes no longer than this, unless something is wrong.
const PATIENCE_MS: u32 = 60_000;
/// Between two checks whether they are decoded.
const LOOK_MS: u32 = 10;

/// The parts of a WAV file of these messages, whose times count from the file's beginning.
///
/// `go_on` gets the progress in percent, and returns whether to continue; if not, there is no file.
///
/// # Errors
/// The browser's error, or that there are no samples.
pub async fn record(
    samples: &Samples,
    messages: &[Timed],
    mut go_on: impl FnMut(u8) -> bool,
) -> Result<Option<Array>, JsValue> {
    let end_us = messages.last().map_or(0, |timed| timed.at_us);
    let n_secs = end_us.div_ceil(1_000_000) + TAIL_SECS;
    let header = wav::header(n_secs * SAMPLE_RATE as u64)?;
    let file = Array::of1(&Uint8Array::from(header.as_slice()));
    for begin in (0..n_secs).step_by(PART_SECS as usize) {
        if !go_on((100 * begin / n_secs) as u8) {
            return Ok(None);
        }
        let part = Part { begin, end: n_secs.min(begin + PART_SECS), before: begin.min(RINGING_SECS) };
        let sound = part.sound(samples, messages).await?;
        part.write(&sound, &file)?;
    }
    Ok(go_on(100).then_some(file))
}

/// Seconds of the file.
#[derive(Clone, Copy, Debug)]
struct Part {
    begin: u64,
    end: u64,
    /// Seconds before the beginning that are rendered for what still rings, and dropped.
    before: u64,
}

impl Part {
    async fn sound(self, samples: &Samples, messages: &[Timed]) -> Result<AudioBuffer, JsValue> {
        let zero = self.begin - self.before;
        let frames = (self.end - zero) as u32 * SAMPLE_RATE as u32;
        let new = OfflineAudioContext::new_with_number_of_channels_and_length_and_sample_rate;
        let context = new(CHANNELS, frames, SAMPLE_RATE)?;
        let master = Master::new(&context)?;
        let bus = Bus::new(&context, &master)?;
        let mut voices = Voices::default();
        let due = within(messages, zero, self.end);
        decoded(samples, &due).await?;
        perform(&context, &bus, &mut voices, samples, &due)?;
        Ok(JsFuture::from(context.start_rendering()?).await?.unchecked_into())
    }

    /// Appends the part to the file, a second at a time.
    fn write(self, sound: &AudioBuffer, file: &Array) -> Result<(), JsValue> {
        let n = SAMPLE_RATE as usize;
        let mut channels = vec![vec![0.0f32; n]; CHANNELS as usize];
        for second in self.before..self.before + (self.end - self.begin) {
            for (index, channel) in (0..).zip(&mut channels) {
                sound.copy_from_channel_with_start_in_channel(channel, index, second as u32 * n as u32)?;
            }
            file.push(&Uint8Array::from(wav::frames(&channels).as_slice()));
        }
        Ok(())
    }
}

/// The messages of these seconds, on a clock that begins with them.
fn within(messages: &[Timed], begin_secs: u64, end_secs: u64) -> Vec<Timed> {
    let at = |secs: u64| messages.partition_point(|timed| timed.at_us < secs * 1_000_000);
    let moved = |timed: &Timed| Timed { at_us: timed.at_us - begin_secs * 1_000_000, ..*timed };
    messages[at(begin_secs)..at(end_secs)].iter().map(moved).collect()
}

/// Waits for the samples of these messages. Not the nearest ones, as in live playing: there is time.
async fn decoded(samples: &Samples, messages: &[Timed]) -> Result<(), JsValue> {
    let notes: Vec<_> = messages
        .iter()
        .filter_map(|timed| match timed.message {
            Message::NoteOn { pitch, velocity } => Some((pitch, velocity)),
            Message::NoteOff { .. } => None,
        })
        .collect();
    samples.prepare(notes.iter().copied());
    let mut waited_ms = 0;
    while !(samples.are_ready(&notes) && samples.have_dampers()) && waited_ms < PATIENCE_MS {
        js::sleep(LOOK_MS).await;
        waited_ms += LOOK_MS;
    }
    match notes.iter().find(|&&(pitch, velocity)| samples.pick(pitch, velocity).is_none()) {
        Some(_) => Err("the piano's samples are not here".into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use performance::Pitch;

    use super::*;

    #[test]
    fn a_message_keeps_its_place() {
        let message = Message::NoteOff { pitch: Pitch::new(60).unwrap() };
        let messages = [0, 999_999, 1_000_000, 1_500_000, 2_000_000].map(|at_us| Timed { at_us, message });
        let times =
            |begin, end| within(&messages, begin, end).iter().map(|timed| timed.at_us).collect::<Vec<_>>();
        assert_eq!(times(0, 1), [0, 999_999]);
        assert_eq!(times(1, 2), [0, 500_000]);
        assert_eq!(times(1, 9), [0, 500_000, 1_000_000]);
    }
}
