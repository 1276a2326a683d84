//! Keys and sustain pedals of the sixteen channels: from key presses to sounding notes.

use super::track::ChannelEvent;
use crate::{N_PITCHES, Pitch, Velocity};

const N_CHANNELS: usize = 16;

/// A sounding note, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TickNote {
    pub(super) pitch: Pitch,
    pub(super) velocity: Velocity,
    pub(super) start_tick: u64,
    pub(super) end_tick: u64,
}

/// Every channel's keys and pedal while the file is played from start to end.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Those that have been used: a file may have thousands of short sequences.
    channels: [Option<Box<Channel>>; N_CHANNELS],
    notes: Vec<TickNote>,
    last_tick: u64,
    /// How often a pedal went down.
    pub(super) pedal_presses: usize,
    /// NOTE_OFFs of keys that were not down, and had not been struck twice either.
    pub(super) unmatched_offs: usize,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    pedal_is_down: bool,
    sounding: [Option<Sound>; N_PITCHES],
    /// How many strikes of each key were cut by the next before their NOTE_OFF came.
    offs_to_come: [u32; N_PITCHES],
}

#[derive(Clone, Copy, Debug)]
struct Sound {
    velocity: Velocity,
    start_tick: u64,
    key_is_down: bool,
}

impl Keys {
    /// Takes the next event, in order of time.
    ///
    /// A key that is struck twice goes up at the first NOTE_OFF, not the second: a lost NOTE_OFF then
    /// costs a short note instead of leaving one that never ends.
    pub(super) fn apply(&mut self, tick: u64, channel: u8, event: ChannelEvent) {
        self.last_tick = tick;
        let channel = self.channels[usize::from(channel) % N_CHANNELS].get_or_insert_default();
        match event {
            ChannelEvent::NoteOn(pitch, velocity) => {
                let sound = Sound { velocity, start_tick: tick, key_is_down: true };
                let restruck = channel.sounding[pitch.index()].replace(sound);
                let is_cut = restruck.is_some_and(|sound| sound.key_is_down);
                channel.offs_to_come[pitch.index()] += u32::from(is_cut);
                self.notes.extend(restruck.map(|sound| sound.ended(pitch, tick)));
            }
            ChannelEvent::NoteOff(pitch) => {
                let sound = &mut channel.sounding[pitch.index()];
                match sound {
                    Some(sounding) if sounding.key_is_down => {
                        sounding.key_is_down = false;
                        if !channel.pedal_is_down {
                            self.notes.extend(sound.take().map(|sound| sound.ended(pitch, tick)));
                        }
                    }
                    _ => match &mut channel.offs_to_come[pitch.index()] {
                        0 => self.unmatched_offs += 1,
                        offs_to_come => *offs_to_come -= 1,
                    },
                }
            }
            ChannelEvent::Pedal { is_down } => {
                self.pedal_presses += usize::from(is_down && !channel.pedal_is_down);
                channel.pedal_is_down = is_down;
                channel.damp(tick, &mut self.notes);
            }
            ChannelEvent::KeysOff => {
                channel.release_keys();
                channel.damp(tick, &mut self.notes);
            }
            ChannelEvent::SoundOff => channel.silence(tick, &mut self.notes),
            ChannelEvent::Program(_) => {}
        }
    }

    /// Ends what still sounds; returns all notes, and how many of them had a key that never went up.
    ///
    /// What only a pedal holds ends with the last movement of a key or pedal: some recorders stop long
    /// after the music. A key that never went up sounds to the end of the tracks, `end_tick`.
    pub(super) fn finish(mut self, end_tick: u64) -> (Vec<TickNote>, usize) {
        for channel in self.channels.iter_mut().flatten() {
            channel.pedal_is_down = false;
            channel.damp(self.last_tick, &mut self.notes);
        }
        let n_ended = self.notes.len();
        for channel in self.channels.iter_mut().flatten() {
            channel.silence(end_tick, &mut self.notes);
        }
        let n_stuck = self.notes.len() - n_ended;
        (self.notes, n_stuck)
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self { pedal_is_down: false, sounding: [None; N_PITCHES], offs_to_come: [0; N_PITCHES] }
    }
}

impl Channel {
    /// The dampers fall, unless the pedal holds them: notes without a key end.
    fn damp(&mut self, tick: u64, notes: &mut Vec<TickNote>) {
        if self.pedal_is_down {
            return;
        }
        for pitch in Pitch::all() {
            let sound = &mut self.sounding[pitch.index()];
            let damped = sound.take_if(|sound| !sound.key_is_down);
            notes.extend(damped.map(|sound| sound.ended(pitch, tick)));
        }
    }

    fn release_keys(&mut self) {
        for sound in self.sounding.iter_mut().flatten() {
            sound.key_is_down = false;
        }
    }

    fn silence(&mut self, tick: u64, notes: &mut Vec<TickNote>) {
        for pitch in Pitch::all() {
            notes.extend(self.sounding[pitch.index()].take().map(|sound| sound.ended(pitch, tick)));
        }
    }
}

impl Sound {
    fn ended(self, pitch: Pitch, end_tick: u64) -> TickNote {
        TickNote { pitch, velocity: self.velocity, start_tick: self.start_tick, end_tick }
    }
}
