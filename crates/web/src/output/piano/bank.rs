//! The samples: fetched layer by layer, decoded when a piece needs them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use js_sys::ArrayBuffer;
use performance::{Pitch, Velocity};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AudioBuffer, OfflineAudioContext, Response};

use super::SAMPLE_RATE;
use crate::js;

/// Where the pack lies, beside the page.
const FOLDER: &str = "piano/";
/// Decodings at a time. Browsers decode on other threads; more than there are cores does not help.
const MAX_DECODING: usize = 4;
/// Decoded sound to keep, in bytes. All 120 samples take about 200 MB; a piece uses a third of them.
const MAX_DECODED_BYTES: u64 = 130_000_000;
/// Notes that wait for their samples.
const MAX_WANTED: usize = 2000;
/// Loudness grows with this power of the velocity, within a layer and (by the pack's gains) across layers.
const VELOCITY_EXPONENT: f32 = 1.2;
/// How far a sample may be transposed when the right one is not there yet, in semitones.
const MAX_TRANSPOSITION: u8 = 9;

/// What to play for a note.
#[derive(Clone, Debug)]
pub(super) struct Sound {
    pub(super) buffer: AudioBuffer,
    pub(super) rate: f32,
    pub(super) gain: f32,
}

/// The samples, shared between the player and the downloads under way.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    bank: Rc<RefCell<Bank>>,
}

impl Samples {
    /// Starts to fetch them, or what is still missing of them.
    pub fn fetch(&self) {
        let mut bank = self.bank.borrow_mut();
        if !bank.is_fetching {
            bank.is_fetching = true;
            bank.failure = None;
            spawn_local(fetch_all(Rc::downgrade(&self.bank)));
        }
    }

    /// Why the sound did not come; told once.
    #[must_use]
    pub fn take_failure(&self) -> Option<String> {
        self.bank.borrow_mut().failure.take()
    }

    /// Decodes what these notes need, first things first.
    pub fn prepare(&self, notes: impl IntoIterator<Item = (Pitch, Velocity)>) {
        let mut bank = self.bank.borrow_mut();
        bank.wanted.extend(notes);
        // Without packs nothing is decoded, and what was wanted first is past.
        let n_stale = bank.wanted.len().saturating_sub(MAX_WANTED);
        bank.wanted.drain(..n_stale);
        drop(bank);
        pump(&self.bank);
    }

    /// Whether the right samples for these notes are decoded, or never will be.
    #[must_use]
    pub fn are_ready(&self, notes: &[(Pitch, Velocity)]) -> bool {
        let bank = self.bank.borrow();
        if bank.layers.is_empty() {
            return !bank.is_fetching;
        }
        notes.iter().all(|&(pitch, velocity)| {
            let layer = &bank.layers[bank.layer_of(velocity)];
            let is_settled = |sample: &Sample| matches!(sample.state, Decoded::Here(_) | Decoded::Failed);
            let is_lost = layer.pack.is_none() && !bank.is_fetching;
            is_lost || layer.nearest(pitch).is_none_or(|index| is_settled(&layer.samples[index]))
        })
    }

    /// The sound of a note: the right sample, or the nearest one there is.
    pub(super) fn pick(&self, pitch: Pitch, velocity: Velocity) -> Option<Sound> {
        let mut bank = self.bank.borrow_mut();
        bank.clock += 1;
        let clock = bank.clock;
        let right = bank.layer_of(velocity);
        // Wrong by a layer costs less than wrong by a sample (three semitones).
        let cost = |layer: usize, sample: &Sample| 2 * sample.key.abs_diff(pitch.get()) + 3 * layer.abs_diff(right) as u8;
        let candidates = bank.layers.iter_mut().enumerate().flat_map(|(index, layer)| {
            let velocity_of_layer = layer.velocity;
            layer.samples.iter_mut().map(move |sample| (index, velocity_of_layer, sample))
        });
        let (_, velocity_of_layer, sample) = candidates
            .filter(|(_, _, sample)| {
                matches!(sample.state, Decoded::Here(_))
                    && (sample.key.abs_diff(pitch.get()) <= MAX_TRANSPOSITION || !(12..=117).contains(&pitch.get()))
            })
            .min_by_key(|(layer, _, sample)| cost(*layer, sample))?;
        sample.used = clock;
        let loudness = f32::from(velocity.get()) / f32::from(velocity_of_layer);
        let mut sound = sample.sound(pitch)?;
        sound.gain *= loudness.powf(VELOCITY_EXPONENT);
        Some(sound)
    }

    /// The thud of a damper.
    pub(super) fn pick_release(&self, pitch: Pitch) -> Option<Sound> {
        let bank = self.bank.borrow();
        let release = bank.release.as_ref()?;
        release.samples[release.nearest(pitch)?].sound(pitch)
    }
}

#[derive(Debug, Default)]
struct Bank {
    layers: Vec<Layer>,
    release: Option<Layer>,
    wanted: VecDeque<(Pitch, Velocity)>,
    decoding: usize,
    decoder: Option<OfflineAudioContext>,
    is_fetching: bool,
    failure: Option<String>,
    /// Counts uses, to find the sample that was not used for longest.
    clock: u64,
}

#[derive(Debug)]
struct Layer {
    file: String,
    velocity: u8,
    pack: Option<ArrayBuffer>,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    key: u8,
    offset: u32,
    bytes: u32,
    gain: f32,
    state: Decoded,
    used: u64,
}

#[derive(Debug)]
enum Decoded {
    No,
    UnderWay,
    Here(AudioBuffer),
    Failed,
}

/// Which sample: its layer (`None` is the dampers') and its place there.
type SampleId = (Option<usize>, usize);

impl Bank {
    fn layer_of(&self, velocity: Velocity) -> usize {
        let distance = |layer: &Layer| layer.velocity.abs_diff(velocity.get());
        let nearest = self.layers.iter().enumerate().min_by_key(|(_, layer)| distance(layer));
        nearest.map_or(0, |(index, _)| index)
    }

    fn sample_mut(&mut self, (layer, index): SampleId) -> Option<&mut Sample> {
        let layer = match layer {
            Some(layer) => self.layers.get_mut(layer),
            None => self.release.as_mut(),
        };
        layer?.samples.get_mut(index)
    }

    /// The next sample to decode and its bytes: of the first note that needs one whose pack is here.
    fn next_to_decode(&mut self) -> Option<(SampleId, ArrayBuffer)> {
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

    /// Forgets the samples that were not used for longest, down to the limit.
    fn make_room(&mut self) {
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
    fn new(described: LayerIndex) -> Self {
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

    fn nearest(&self, pitch: Pitch) -> Option<usize> {
        let samples = self.samples.iter().enumerate();
        samples.min_by_key(|(_, sample)| sample.key.abs_diff(pitch.get())).map(|(index, _)| index)
    }
}

impl Sample {
    fn slice(&self, pack: &ArrayBuffer) -> ArrayBuffer {
        pack.slice_with_end(self.offset, self.offset + self.bytes)
    }

    fn sound(&self, pitch: Pitch) -> Option<Sound> {
        let Decoded::Here(buffer) = &self.state else { return None };
        let semitones = f32::from(pitch.get()) - f32::from(self.key);
        Some(Sound { buffer: buffer.clone(), rate: (semitones / 12.0).exp2(), gain: self.gain })
    }

    fn decoded_bytes(&self) -> u64 {
        match &self.state {
            Decoded::Here(buffer) => u64::from(buffer.length()) * u64::from(buffer.number_of_channels()) * 4,
            Decoded::No | Decoded::UnderWay | Decoded::Failed => 0,
        }
    }
}

/// `index.json`, written by `tools/pack-piano.py`.
#[derive(Debug, Deserialize)]
struct PackIndex {
    layers: Vec<LayerIndex>,
    release: LayerIndex,
}

#[derive(Debug, Deserialize)]
struct LayerIndex {
    file: String,
    #[serde(default)]
    velocity: u8,
    samples: Vec<SampleIndex>,
}

#[derive(Debug, Deserialize)]
struct SampleIndex {
    key: u8,
    offset: u32,
    bytes: u32,
    gain: f32,
}

/// Starts decodings while there is something to decode.
fn pump(bank: &Rc<RefCell<Bank>>) {
    loop {
        let mut borrowed = bank.borrow_mut();
        if borrowed.decoding >= MAX_DECODING {
            return;
        }
        let Some((id, bytes)) = borrowed.next_to_decode() else { return };
        if let Some(sample) = borrowed.sample_mut(id) {
            sample.state = Decoded::UnderWay;
        }
        borrowed.decoding += 1;
        spawn_local(decode(Rc::downgrade(bank), id, bytes));
    }
}

async fn decode(bank: Weak<RefCell<Bank>>, id: SampleId, bytes: ArrayBuffer) {
    let decoded = match bank.upgrade().map(|bank| decoder(&mut bank.borrow_mut())) {
        Some(Ok(decoder)) => match decoder.decode_audio_data(&bytes) {
            Ok(promise) => JsFuture::from(promise).await,
            Err(error) => Err(error),
        },
        Some(Err(error)) => Err(error),
        None => return,
    };
    let Some(bank) = bank.upgrade() else { return };
    let mut borrowed = bank.borrow_mut();
    borrowed.decoding -= 1;
    borrowed.clock += 1;
    let clock = borrowed.clock;
    if let Err(error) = &decoded {
        borrowed.failure = Some(format!("a sample could not be decoded: {}", js::text(error)));
    }
    if let Some(sample) = borrowed.sample_mut(id) {
        sample.used = clock;
        sample.state = decoded.map_or(Decoded::Failed, |buffer| Decoded::Here(buffer.unchecked_into()));
    }
    borrowed.make_room();
    drop(borrowed);
    pump(&bank);
}

/// Decodes without an open sound, and so before the visitor presses anything.
fn decoder(bank: &mut Bank) -> Result<OfflineAudioContext, JsValue> {
    if let Some(decoder) = &bank.decoder {
        return Ok(decoder.clone());
    }
    let new = OfflineAudioContext::new_with_number_of_channels_and_length_and_sample_rate;
    let decoder = new(2, 1, SAMPLE_RATE)?;
    bank.decoder = Some(decoder.clone());
    Ok(decoder)
}

/// Fetches the index and the packs, the middle layers first.
async fn fetch_all(bank: Weak<RefCell<Bank>>) {
    let outcome = fetch_missing(&bank).await;
    if let Some(bank) = bank.upgrade() {
        let mut bank = bank.borrow_mut();
        bank.is_fetching = false;
        if let Err(error) = outcome {
            bank.failure = Some(js::text(&error));
        }
    }
}

async fn fetch_missing(bank: &Weak<RefCell<Bank>>) -> Result<(), JsValue> {
    let is_new = bank.upgrade().is_some_and(|bank| bank.borrow().layers.is_empty());
    if is_new {
        let text = JsFuture::from(get("index.json").await?.text()?).await?.as_string().unwrap_or_default();
        let index: PackIndex = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if let Some(bank) = bank.upgrade() {
            let mut bank = bank.borrow_mut();
            bank.layers = index.layers.into_iter().map(Layer::new).collect();
            bank.release = Some(Layer::new(index.release));
        }
    }
    // Mezzoforte first: most notes are there, and any other can stand in with it.
    for layer in [Some(1), Some(2), None, Some(0), Some(3)] {
        let file = bank.upgrade().and_then(|bank| missing_file(&bank.borrow(), layer));
        let Some(file) = file else { continue };
        let buffer = JsFuture::from(get(&file).await?.array_buffer()?).await?;
        let Some(bank) = bank.upgrade() else { return Ok(()) };
        let mut borrowed = bank.borrow_mut();
        let slot = match layer {
            Some(layer) => borrowed.layers.get_mut(layer),
            None => borrowed.release.as_mut(),
        };
        if let Some(slot) = slot {
            slot.pack = Some(buffer.unchecked_into());
        }
        drop(borrowed);
        pump(&bank);
    }
    Ok(())
}

fn missing_file(bank: &Bank, layer: Option<usize>) -> Option<String> {
    let layer = match layer {
        Some(layer) => bank.layers.get(layer),
        None => bank.release.as_ref(),
    };
    layer.filter(|layer| layer.pack.is_none()).map(|layer| layer.file.clone())
}

async fn get(file: &str) -> Result<Response, JsValue> {
    let url = js::beside_the_page(&format!("{FOLDER}{file}"))?;
    let response: Response = JsFuture::from(js::window().fetch_with_str(&url)).await?.unchecked_into();
    if !response.ok() {
        return Err(format!("the server answered {} for {file}", response.status()).into());
    }
    Ok(response)
}
