//! The samples: fetched and decoded when a piece needs them, and fetched ahead when the line is idle.

mod layers;
mod load;

use std::cell::RefCell;
use std::rc::Rc;

use performance::{Pitch, Velocity};
use wasm_bindgen_futures::spawn_local;
use web_sys::AudioBuffer;

use layers::{Bank, Decoded, Sample};

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

/// The samples, shared between the player and running downloads.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    bank: Rc<RefCell<Bank>>,
}

impl Samples {
    /// Opens the bank, and tries again what could not be fetched. What notes need is fetched from then on.
    pub fn open(&self) {
        let mut bank = self.bank.borrow_mut();
        bank.forget_failures();
        if bank.layers.is_empty() && !bank.is_opening {
            bank.is_opening = true;
            spawn_local(load::open(Rc::downgrade(&self.bank)));
        }
        drop(bank);
        load::pump(&self.bank);
    }

    /// Whether the line is idle, so that the whole bank can be fetched.
    pub fn set_idle(&self, is_idle: bool) {
        self.bank.borrow_mut().is_idle = is_idle;
        load::pump(&self.bank);
    }

    /// Why the samples could not be fetched; returned once.
    #[must_use]
    pub fn take_failure(&self) -> Option<String> {
        self.bank.borrow_mut().failure.take()
    }

    /// Decodes what these notes need, in their order.
    pub fn prepare(&self, notes: impl IntoIterator<Item = (Pitch, Velocity)>) {
        let mut bank = self.bank.borrow_mut();
        bank.wanted.extend(notes);
        // Without files nothing is decoded, and the oldest notes are past.
        let n_stale = bank.wanted.len().saturating_sub(MAX_WANTED);
        bank.wanted.drain(..n_stale);
        drop(bank);
        load::pump(&self.bank);
    }

    /// Whether the right samples for these notes are decoded, or never will be.
    #[must_use]
    pub fn are_ready(&self, notes: &[(Pitch, Velocity)]) -> bool {
        let bank = self.bank.borrow();
        if bank.layers.is_empty() {
            return !bank.is_opening;
        }
        notes.iter().all(|&note| bank.sample_of(note).is_none_or(|(_, sample)| sample.is_settled()))
    }

    /// Whether the sounds of the dampers are decoded, or never will be.
    pub(super) fn have_dampers(&self) -> bool {
        let bank = self.bank.borrow();
        bank.release.as_ref().is_some_and(|release| release.samples.iter().all(Sample::is_settled))
    }

    /// The sound of a note: the right sample, or the nearest one there is.
    pub(super) fn pick(&self, pitch: Pitch, velocity: Velocity) -> Option<Sound> {
        let mut bank = self.bank.borrow_mut();
        bank.clock += 1;
        let clock = bank.clock;
        let right = bank.layer_of(velocity);
        // Wrong by a layer costs less than wrong by a sample (three semitones).
        let cost = |layer: usize, sample: &Sample| {
            2 * sample.key.abs_diff(pitch.get()) + 3 * layer.abs_diff(right) as u8
        };
        let candidates = bank.layers.iter_mut().enumerate().flat_map(|(index, layer)| {
            let velocity_of_layer = layer.velocity;
            layer.samples.iter_mut().map(move |sample| (index, velocity_of_layer, sample))
        });
        let (_, velocity_of_layer, sample) = candidates
            .filter(|(_, _, sample)| {
                matches!(sample.state, Decoded::Here(_))
                    && (sample.key.abs_diff(pitch.get()) <= MAX_TRANSPOSITION
                        || !(12..=117).contains(&pitch.get()))
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
