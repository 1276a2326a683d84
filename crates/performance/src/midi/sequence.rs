//! The events of tracks that play together, sorted out: who plays which keys, and whose pedals move.

use std::collections::BTreeSet;

use super::keyboard::{self, Pedals, Played, Surroundings};
use super::parts::{N_CHANNELS, Parts};
use super::pedal::{Moves, Pedal};
use super::presses::{Silencer, Stroke, pair};
use super::track::{ChannelEvent, PedalKind, TimedEvent, TrackEvent};

/// Events in order of time, by what they are.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    strokes: Vec<Stroke>,
    /// Sustain and sostenuto pedal of the piano, and of channels that are no piano.
    piano: [Moves; 2],
    others: [Moves; 2],
    keys_offs: [Vec<Silencer>; N_CHANNELS],
    sound_offs: [Vec<Silencer>; N_CHANNELS],
    last_tick: u64,
    last_tick_of: [u64; N_CHANNELS],
    pub(super) programs: BTreeSet<u8>,
    pub(super) soft_presses: usize,
    soft_is_down: [bool; N_CHANNELS],
}

/// Where in the file an event is.
#[derive(Clone, Copy, Debug)]
struct Moment {
    tick: u64,
    /// Its place among all events.
    order: usize,
    track: usize,
}

/// What a sequence played.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) keyboard: Played,
    pub(super) sustain_presses: usize,
    pub(super) sostenuto_presses: usize,
    pub(super) unmatched_offs: usize,
    pub(super) drum_notes: usize,
}

impl Sequence {
    /// `events` are in order of time and rank.
    pub(super) fn new(events: Vec<TimedEvent>, has_drum_channel: bool) -> Self {
        let mut sequence = Self::default();
        let mut parts = Parts::new(has_drum_channel);
        for (order, TimedEvent { tick, track, event }) in events.into_iter().enumerate() {
            match event {
                TrackEvent::Tempo { .. } => {}
                TrackEvent::Setup(setup) => parts.apply(setup),
                TrackEvent::Channel { channel, event } => {
                    let at = Moment { tick, order, track };
                    sequence.add(at, channel, event, &mut parts);
                }
            }
        }
        sequence
    }

    fn add(&mut self, at: Moment, channel: u8, event: ChannelEvent, parts: &mut Parts) {
        let Moment { tick, order, track } = at;
        let (is_drum, is_piano) = (parts.is_drums(channel), parts.is_piano(channel));
        let index = usize::from(channel) % N_CHANNELS;
        let mut stroke = |pitch, velocity| {
            self.strokes.push(Stroke { channel, track, pitch, velocity, tick, order, is_drum, is_piano });
        };
        match event {
            ChannelEvent::NoteOn(pitch, velocity) => stroke(pitch, Some(velocity)),
            ChannelEvent::NoteOff(pitch) => stroke(pitch, None),
            ChannelEvent::Program(program) => {
                parts.choose_program(channel, program);
                if !is_drum {
                    self.programs.insert(program);
                }
                return;
            }
            _ if is_drum => return,
            // It holds no note, so that none ends with it.
            ChannelEvent::Pedal { kind: PedalKind::Soft, is_down } => {
                self.soft_presses += usize::from(is_down && !self.soft_is_down[index]);
                self.soft_is_down[index] = is_down;
                return;
            }
            ChannelEvent::Pedal { kind, is_down: true } => {
                let pedals = if is_piano { &mut self.piano } else { &mut self.others };
                pedals[usize::from(kind == PedalKind::Sostenuto)].push(tick, channel, true);
            }
            // The channel may have become another instrument while the pedal was down.
            ChannelEvent::Pedal { kind, is_down: false } => {
                for pedals in [&mut self.piano, &mut self.others] {
                    pedals[usize::from(kind == PedalKind::Sostenuto)].push(tick, channel, false);
                }
            }
            ChannelEvent::Reset => {
                for moves in self.piano.iter_mut().chain(&mut self.others) {
                    moves.push(tick, channel, false);
                }
            }
            ChannelEvent::KeysOff => self.keys_offs[index].push(Silencer { tick, order }),
            ChannelEvent::SoundOff => {
                self.keys_offs[index].push(Silencer { tick, order });
                self.sound_offs[index].push(Silencer { tick, order });
            }
        }
        if !is_drum {
            self.last_tick = tick;
            self.last_tick_of[index] = tick;
        }
    }

    /// Plays it to its end. `micros` gives a tick's time.
    pub(super) fn play(mut self, end_tick: u64, micros: impl Fn(u64) -> u64) -> Outcome {
        self.share_lone_pedals();
        let pedals = |[sustain, sostenuto]: [Moves; 2]| Pedals {
            sustain: Pedal::new(sustain, self.last_tick, &self.last_tick_of),
            sostenuto: Pedal::new(sostenuto, self.last_tick, &self.last_tick_of),
        };
        let of_channel = |channel| pedals(self.others.each_ref().map(|moves| moves.of_channel(channel)));
        let around = Surroundings {
            others: std::array::from_fn(of_channel),
            piano: pedals(self.piano),
            sound_offs: &self.sound_offs,
            end_tick,
        };
        let presses = |kind: fn(&Pedals) -> &Pedal| {
            around.others.iter().chain([&around.piano]).map(|pedals| kind(pedals).presses).sum()
        };
        let (sustain_presses, sostenuto_presses) =
            (presses(|pedals| &pedals.sustain), presses(|pedals| &pedals.sostenuto));
        let pairs = pair(self.strokes, &self.keys_offs, &micros);
        let keyboard = keyboard::play(pairs.presses, &around, micros);
        let (unmatched_offs, drum_notes) = (pairs.unmatched_offs, pairs.drum_notes);
        Outcome { keyboard, sustain_presses, sostenuto_presses, unmatched_offs, drum_notes }
    }

    /// A piece without a piano whose pedals have a channel of their own: they are of whatever plays.
    fn share_lone_pedals(&mut self) {
        let has_piano = self.strokes.iter().any(|stroke| stroke.is_piano && !stroke.is_drum);
        let has_pedals = self.piano.iter().any(|moves| !moves.is_empty());
        if has_piano || !has_pedals {
            return;
        }
        for stroke in &mut self.strokes {
            stroke.is_piano = true;
        }
        for (piano, others) in self.piano.iter_mut().zip(&mut self.others) {
            piano.append(std::mem::take(others));
        }
    }
}
