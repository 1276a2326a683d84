//! What is there: layers of samples, each decoded or not.

use std::collections::VecDeque;

use js_sys::ArrayBuffer;
use performance::{Pitch, Velocity};
use serde::Deserialize;
use web_sys::{AudioBuffer, OfflineAudioContext};

use super::Sound;

/// Decoded sound to keep, in bytes. All 120 samples take about 200 MB; a piece uses a third of them.
const MAX_DECODED_BYTES: u64 = 130_000_000;

#[derive(Debug, Default)]
pub(super) struct Bank {
    pub(super) layers: Vec<Layer>,
    pub(super) release: Option<Layer>,
    pub(super) wanted: VecDeque<(Pitch, Velocity)>,
    pub(super) decoding: usize,
    pub(super) decoder: Option<OfflineAudioContext>,
    pub(super) is_fetching: bool,
    pub(super) failure: Option<String>,
    /// Counts uses, to find the least recently used sample.
    pub(super) clock: u64,
}

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) file: String,
    pub(super) velocity: u8,
    pub(super) pack: Option<ArrayBuffer>,
    pub(super) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(super) struct Sample {
    pub(super) key: u8,
    pub(super) offset: u32,
    pub(super) bytes: u32,
    pub(super) gain: f32,
    pub(super) state: Decoded,
    pub(super) used: u64,
}

#[derive(Debug)]
pub(super) enum Decoded {
    No,
    UnderWay,
    Here(AudioBuffer),
    Failed,
}

/// Which sample: its layer (`None` is the dampers') and its index there.
pub(super) type SampleId = (Option<usize>, usize);

impl Bank {
    pub(super) fn layer_of(&self, velocity: Velocity) -> usize {
        let distance = |layer: &Layer| layer.velocity.abs_diff(velocity.get());
        let nearest = self.layers.iter().enumerate().min_by_key(|(_, layer)| distance(layer));
        nearest.map_or(0, |(index, _)| index)
    }

    pub(super) fn sample_mut(&mut self, (layer, index): SampleId) -> Option<&mut Sample> {
        let layer = match layer {
            Some(layer) => self.layers.get_mut(layer),
            None => self.release.as_mut(),
        };
        layer?.samples.get_mut(index)
    }

    /// The next sample to decode and its bytes: of the first note that needs one whose pack is here.
    pub(super) fn next_to_decode(&mut self) -> Option<(SampleId, ArrayBuffer)> {
        let mut waiting = VecDeque::new();
        let mut found = None;
        while let Some((pitch, velocity)) = self.wanted.pop_front() {
            let index = self.layer_of(velocity);
            let Some(layer) = self.layers.get(index) else {
                waiting.push_back((pitch, velocity));
                break;
            };
            let Some(sample) = layer.nearest(pitch) else { continue };
            match (&layer.pack, &layer.samples[sample].state) {
                (Some(pack), Decoded::No) => {
                    found = Some(((Some(index), sample), layer.samples[sample].slice(pack)));
                    break;
                }
                (None, Decoded::No) => waiting.push_back((pitch, velocity)),
                _ => {}
            }
        }
        waiting.append(&mut self.wanted);
        self.wanted = waiting;
        found.or_else(|| {
            let release = self.release.as_ref()?;
            let index = release.samples.iter().position(|sample| matches!(sample.state, Decoded::No))?;
            Some(((None, index), release.samples[index].slice(release.pack.as_ref()?)))
        })
    }

    /// Drops the least recently used samples, down to the limit.
    pub(super) fn make_room(&mut self) {
        loop {
            let here = self.layers.iter_mut().flat_map(|layer| &mut layer.samples);
            let here = here.filter(|sample| matches!(sample.state, Decoded::Here(_)));
            let (total, oldest) = here.fold((0, None::<&mut Sample>), |(total, oldest), sample| {
                let total = total + sample.decoded_bytes();
                let older = match oldest {
                    Some(oldest) if oldest.used <= sample.used => oldest,
                    _ => sample,
                };
                (total, Some(older))
            });
            match oldest {
                Some(oldest) if total > MAX_DECODED_BYTES => oldest.state = Decoded::No,
                _ => return,
            }
        }
    }
}

impl Layer {
    pub(super) fn new(described: LayerIndex) -> Self {
        let sample = |sample: SampleIndex| Sample {
            key: sample.key,
            offset: sample.offset,
            bytes: sample.bytes,
            gain: sample.gain,
            state: Decoded::No,
            used: 0,
        };
        let samples = described.samples.into_iter().map(sample).collect();
        Self { file: described.file, velocity: described.velocity, pack: None, samples }
    }

    pub(super) fn nearest(&self, pitch: Pitch) -> Option<usize> {
        let samples = self.samples.iter().enumerate();
        samples.min_by_key(|(_, sample)| sample.key.abs_diff(pitch.get())).map(|(index, _)| index)
    }
}

impl Sample {
    pub(super) fn slice(&self, pack: &ArrayBuffer) -> ArrayBuffer {
        pack.slice_with_end(self.offset, self.offset + self.bytes)
    }

    pub(super) fn sound(&self, pitch: Pitch) -> Option<Sound> {
        let Decoded::Here(buffer) = &self.state else { return None };
        let semitones = f32::from(pitch.get()) - f32::from(self.key);
        Some(Sound { buffer: buffer.clone(), rate: (semitones / 12.0).exp2(), gain: self.gain })
    }

    pub(super) fn decoded_bytes(&self) -> u64 {
        match &self.state {
            Decoded::Here(buffer) => u64::from(buffer.length()) * u64::from(buffer.number_of_channels()) * 4,
            Decoded::No | Decoded::UnderWay | Decoded::Failed => 0,
        }
    }
}

/// `index.json`, written by `tools/pack-piano.py`.
#[derive(Debug, Deserialize)]
pub(super) struct PackIndex {
    pub(super) layers: Vec<LayerIndex>,
    pub(super) release: LayerIndex,
}

#[derive(Debug, Deserialize)]
pub(super) struct LayerIndex {
    pub(super) file: String,
    #[serde(default)]
    pub(super) velocity: u8,
    pub(super) samples: Vec<SampleIndex>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SampleIndex {
    pub(super) key: u8,
    pub(super) offset: u32,
    pub(super) bytes: u32,
    pub(super) gain: f32,
}
