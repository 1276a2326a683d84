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
    pub(super) fetching: usize,
    pub(super) decoder: Option<OfflineAudioContext>,
    /// The index is on its way.
    pub(super) is_opening: bool,
    /// Nothing more urgent uses the line: what nobody asked for yet may be fetched, too.
    pub(super) is_idle: bool,
    pub(super) failure: Option<String>,
    /// Counts uses, to find the least recently used sample.
    pub(super) clock: u64,
}

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) folder: String,
    pub(super) velocity: u8,
    pub(super) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(super) struct Sample {
    pub(super) key: u8,
    pub(super) gain: f32,
    pub(super) file: Fetched,
    pub(super) state: Decoded,
    pub(super) used: u64,
}

#[derive(Debug)]
pub(super) enum Fetched {
    No,
    UnderWay,
    Here(ArrayBuffer),
    Failed,
}

#[derive(Debug)]
pub(super) enum Decoded {
    No,
    UnderWay,
    Here(AudioBuffer),
    Failed,
}

/// Whether a note needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IsWanted {
    Yes,
    No,
}

/// Which sample: its layer (`None` is the dampers') and its index there.
pub(super) type SampleId = (Option<usize>, usize);

/// In which order layers are fetched that nobody asked for. Mezzoforte first: most notes are there, and any other
/// can stand in with it.
const LAYERS: [Option<usize>; 5] = [Some(1), None, Some(2), Some(0), Some(3)];

impl Bank {
    pub(super) fn layer_of(&self, velocity: Velocity) -> usize {
        let distance = |layer: &Layer| layer.velocity.abs_diff(velocity.get());
        let nearest = self.layers.iter().enumerate().min_by_key(|(_, layer)| distance(layer));
        nearest.map_or(0, |(index, _)| index)
    }

    /// The right sample for a note.
    pub(super) fn sample_of(&self, (pitch, velocity): (Pitch, Velocity)) -> Option<(SampleId, &Sample)> {
        let layer = self.layer_of(velocity);
        let index = self.layers.get(layer)?.nearest(pitch)?;
        Some(((Some(layer), index), &self.layers[layer].samples[index]))
    }

    pub(super) fn sample_mut(&mut self, (layer, index): SampleId) -> Option<&mut Sample> {
        self.layer_mut(layer)?.samples.get_mut(index)
    }

    pub(super) fn layer(&self, layer: Option<usize>) -> Option<&Layer> {
        layer.map_or(self.release.as_ref(), |layer| self.layers.get(layer))
    }

    fn layer_mut(&mut self, layer: Option<usize>) -> Option<&mut Layer> {
        match layer {
            Some(layer) => self.layers.get_mut(layer),
            None => self.release.as_mut(),
        }
    }

    /// The next sample to fetch: of the first note that needs one, or, while the line is idle, any.
    pub(super) fn next_to_fetch(&self) -> Option<(SampleId, IsWanted)> {
        let is_new = |sample: &Sample| matches!(sample.file, Fetched::No);
        let mut wanted = self.wanted.iter().filter_map(|&note| self.sample_of(note));
        let wanted = wanted.find(|(_, sample)| is_new(sample)).map(|(id, _)| (id, IsWanted::Yes));
        let mut all =
            LAYERS.into_iter().filter(|_| self.is_idle).filter_map(|id| Some((id, self.layer(id)?)));
        wanted.or_else(|| {
            all.find_map(|(id, layer)| Some((id, layer.samples.iter().position(is_new)?)))
                .map(|id| (id, IsWanted::No))
        })
    }

    /// The next sample to decode and its bytes: of the first note that needs one whose file is here.
    pub(super) fn next_to_decode(&mut self) -> Option<(SampleId, ArrayBuffer)> {
        let mut waiting = VecDeque::new();
        let mut found = None;
        while let Some(note) = self.wanted.pop_front() {
            let Some((id, sample)) = self.sample_of(note) else {
                waiting.push_back(note);
                break;
            };
            match (&sample.file, &sample.state) {
                (Fetched::Here(file), Decoded::No) => {
                    // Decoding takes the bytes away.
                    found = Some((id, file.slice(0)));
                    break;
                }
                (Fetched::No | Fetched::UnderWay, Decoded::No) => waiting.push_back(note),
                _ => {}
            }
        }
        waiting.append(&mut self.wanted);
        self.wanted = waiting;
        found.or_else(|| {
            let dampers = self.release.as_ref()?.samples.iter().enumerate();
            let mut here = dampers.filter(|(_, sample)| matches!(sample.state, Decoded::No));
            here.find_map(|(index, sample)| match &sample.file {
                Fetched::Here(file) => Some(((None, index), file.slice(0))),
                Fetched::No | Fetched::UnderWay | Fetched::Failed => None,
            })
        })
    }

    /// What failed is tried again.
    pub(super) fn forget_failures(&mut self) {
        self.failure = None;
        for sample in self.layers.iter_mut().chain(&mut self.release).flat_map(|layer| &mut layer.samples) {
            if matches!(sample.file, Fetched::Failed) {
                sample.file = Fetched::No;
            }
        }
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
            gain: sample.gain,
            file: Fetched::No,
            state: Decoded::No,
            used: 0,
        };
        let samples = described.samples.into_iter().map(sample).collect();
        Self { folder: described.folder, velocity: described.velocity, samples }
    }

    pub(super) fn nearest(&self, pitch: Pitch) -> Option<usize> {
        let samples = self.samples.iter().enumerate();
        samples.min_by_key(|(_, sample)| sample.key.abs_diff(pitch.get())).map(|(index, _)| index)
    }
}

impl Sample {
    /// Whether waiting for it is in vain, or over.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, Decoded::Here(_) | Decoded::Failed) || matches!(self.file, Fetched::Failed)
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
    pub(super) folder: String,
    #[serde(default)]
    pub(super) velocity: u8,
    pub(super) samples: Vec<SampleIndex>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SampleIndex {
    pub(super) key: u8,
    pub(super) gain: f32,
}
