//! What the page plays, as sound: its WAV file, and what can be measured in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Page;

/// Composing, and making sound of it, on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(300);
/// Length of the windows in which sound is measured.
const WINDOW_SECS: f64 = 0.05;
/// Windows below this level count as silent: the noise of the samples themselves.
const QUIET_DB: f64 = -70.0;
/// Length of a phrase, for its loudness.
const PHRASE_SECS: f64 = 3.0;

/// Sound in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// Frames per second.
    pub rate: f64,
    /// Left and right, `-1.0..=1.0`.
    pub channels: Vec<Vec<f32>>,
}

/// What was measured in the sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// How long it is.
    pub secs: f64,
    /// The largest sample, in dB of full scale.
    pub peak_db: f64,
    /// Root mean square, likewise.
    pub loudness_db: f64,
    /// Between the loudest and the softest three seconds before the last sound has died away, in dB.
    pub range_db: f64,
    /// The longest silence, in seconds.
    pub silence_secs: f64,
    /// Samples at full scale: what is louder was cut.
    pub cut: usize,
}

impl Sound {
    /// # Panics
    /// If it is no WAV file of 16 bits.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let mut reader =
            hound::WavReader::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let spec = reader.spec();
        assert_eq!((spec.bits_per_sample, spec.sample_format), (16, hound::SampleFormat::Int));
        let samples: Result<Vec<i16>, _> = reader.samples().collect();
        let samples = samples.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let n = usize::from(spec.channels);
        let channel = |index: usize| {
            samples.iter().skip(index).step_by(n).map(|&sample| f32::from(sample) / 32_767.0).collect()
        };
        Self { rate: spec.sample_rate.into(), channels: (0..n).map(channel).collect() }
    }

    /// How long it is, in seconds.
    #[must_use]
    pub fn secs(&self) -> f64 {
        self.channels.first().map_or(0.0, |channel| channel.len() as f64 / self.rate)
    }

    /// Mean square of all channels from one second to another.
    #[must_use]
    pub fn power(&self, from_secs: f64, to_secs: f64) -> f64 {
        let frame = |secs: f64| (secs.max(0.0) * self.rate) as usize;
        let (mut sum, mut n) = (0.0, 0);
        for channel in &self.channels {
            let range = frame(from_secs).min(channel.len())..frame(to_secs).min(channel.len());
            n += range.len();
            sum += channel[range].iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
        }
        if n == 0 { 0.0 } else { sum / n as f64 }
    }

    /// Looks at all of it.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let secs = self.secs();
        let samples = || self.channels.iter().flatten();
        let peak = samples().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let windows = |length: f64| {
            (0..(secs / length) as usize).map(move |i| self.power(i as f64 * length, (i + 1) as f64 * length))
        };
        let (mut silence, mut longest) = (0, 0);
        // When the last sound has died away; what comes after is no soft passage.
        let mut end_secs = 0.0;
        for (i, power) in windows(WINDOW_SECS).enumerate() {
            silence = if decibels(power) < QUIET_DB { silence + 1 } else { 0 };
            longest = longest.max(silence);
            if silence == 0 {
                end_secs = (i + 1) as f64 * WINDOW_SECS;
            }
        }
        let n_phrases = (end_secs / PHRASE_SECS) as usize;
        let phrases = || windows(PHRASE_SECS).take(n_phrases.max(1)).map(decibels);
        let (loudest, softest) = (phrases().fold(f64::MIN, f64::max), phrases().fold(f64::MAX, f64::min));
        Heard {
            secs,
            peak_db: 2.0 * decibels(f64::from(peak)),
            loudness_db: decibels(self.power(0.0, secs)),
            range_db: (loudest - softest).max(0.0),
            silence_secs: f64::from(longest) * WINDOW_SECS,
            cut: samples().filter(|sample| sample.abs() >= 1.0).count(),
        }
    }
}

impl Heard {
    /// The figures as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "secs": self.secs, "peak_db": self.peak_db, "loudness_db": self.loudness_db, "range_db": self.range_db,
            "silence_secs": self.silence_secs, "samples_cut": self.cut,
        })
    }
}

/// Of power; silence is very far down.
fn decibels(power: f64) -> f64 {
    10.0 * power.max(1e-20).log10()
}

/// Has the page compose all of the length that its address asks for, and make sound of it; returns the file.
#[track_caller]
pub fn recorded(page: &Page, music_secs: u32) -> PathBuf {
    page.button("Generate").click();
    let composed = format!(
        "performanceRnn.tokens().reduce((steps, token) => \
             steps + (token >= 256 && token <= 380 ? token - 255 : 0), 0) * 0.008 >= {music_secs}"
    );
    page.wait_until("all of it composed", LIMIT, || page.evaluate(&composed) == true);
    page.button("Stop").click();
    page.download_within(LIMIT, || page.button("Download audio").click())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of a tone at half of full scale, a second of nothing, and a second of the tone a tenth as
    /// loud.
    #[test]
    fn what_is_heard() {
        let wave = |frame: usize| (frame as f32 * 0.05).sin() * 0.5;
        let channel: Vec<f32> = (0..144_000)
            .map(|frame| match frame / 48_000 {
                0 => wave(frame),
                1 => 0.0,
                _ => wave(frame) / 10.0,
            })
            .collect();
        let sound = Sound { rate: 48_000.0, channels: vec![channel.clone(), channel] };
        let Heard { secs, peak_db, loudness_db, silence_secs, cut, .. } = sound.heard();
        assert_eq!((secs, cut), (3.0, 0));
        assert!((peak_db + 6.02).abs() < 0.1 && (loudness_db + 13.8).abs() < 0.1, "{peak_db} {loudness_db}");
        assert!((silence_secs - 1.0).abs() < 0.06, "{silence_secs}");
        // A loud phrase, one a tenth as loud, and the silence of its end.
        let channel: Vec<f32> = (0..9 * 48_000)
            .map(|frame| match frame / 144_000 {
                0 => wave(frame),
                1 => wave(frame) / 10.0,
                _ => 0.0,
            })
            .collect();
        let range_db = Sound { rate: 48_000.0, channels: vec![channel] }.heard().range_db;
        assert!((range_db - 20.0).abs() < 0.1, "{range_db}");
        assert!((decibels(sound.power(0.0, 1.0)) - decibels(sound.power(2.0, 3.0)) - 20.0).abs() < 0.1);
    }
}
