//! From key presses of all channels to sounding notes on one keyboard.

use super::parts::N_CHANNELS;
use super::pedal::Pedal;
use super::presses::{Press, Silencer};
use crate::{Pitch, Velocity};

/// Strikes of a key that is down, so soon after another, in microseconds, are layers of one sound if they come from
/// another channel or track: no finger and no hammer is so fast. Larger makes trills of two hands one note; smaller
/// cuts the first layer to a click.
const LAYER_US: u64 = 30_000;

/// A sounding note, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TickNote {
    pub(super) pitch: Pitch,
    pub(super) velocity: Velocity,
    pub(super) start_tick: u64,
    pub(super) end_tick: u64,
}

/// What prolongs and ends sounds.
#[derive(Debug)]
pub(super) struct Pedals {
    pub(super) sustain: Pedal,
    pub(super) sostenuto: Pedal,
}

/// The state of the file that a keyboard needs besides its presses.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// The piano's pedals.
    pub(super) piano: Pedals,
    /// Those of channels that are no piano.
    pub(super) others: [Pedals; N_CHANNELS],
    /// All sound off, by channel.
    pub(super) sound_offs: &'a [Vec<Silencer>; N_CHANNELS],
    /// When the tracks end.
    pub(super) end_tick: u64,
}

/// What the keyboard played.
#[derive(Clone, Debug, Default)]
pub(super) struct Played {
    pub(super) notes: Vec<TickNote>,
    /// Notes that sounded on after their key went up.
    pub(super) pedaled_notes: usize,
    /// Strikes of keys that another channel or track had just struck, or that was struck at the same time.
    pub(super) doubled_strikes: usize,
    /// Strikes of keys that the same channel and track had just struck and holds down.
    pub(super) quick_strikes: usize,
    /// Keys that never went up.
    pub(super) stuck_notes: usize,
}

/// One key's sound while strikes go by.
#[derive(Clone, Copy, Debug)]
struct Sound {
    /// The channel and the track that struck last.
    source: (u8, usize),
    velocity: Velocity,
    down_tick: u64,
    /// When the last of the fingers leaves; none if one never does.
    up_tick: Option<u64>,
    end_tick: u64,
}

/// Plays presses. `micros` gives a tick's time.
pub(super) fn play(
    mut presses: Vec<Press>,
    around: &Surroundings<'_>,
    micros: impl Fn(u64) -> u64,
) -> Played {
    presses.sort_by_key(|press| (press.pitch, press.order));
    let mut played = Played::default();
    for presses in presses.chunk_by(|a, b| a.pitch == b.pitch) {
        play_key(presses[0].pitch, presses, around, &micros, &mut played);
    }
    played
}

fn play_key(
    pitch: Pitch,
    presses: &[Press],
    around: &Surroundings<'_>,
    micros: &impl Fn(u64) -> u64,
    played: &mut Played,
) {
    let mut key = Dampers::new(presses, around);
    let mut last: Option<Sound> = None;
    for (idx, press) in presses.iter().enumerate() {
        let mut sound = Sound {
            source: (press.channel, press.track),
            velocity: press.velocity,
            down_tick: press.down_tick,
            up_tick: press.up_tick,
            end_tick: key.end_of(idx, press),
        };
        if let Some(before) = last {
            let is_down = before.up_tick.is_none_or(|up| up > sound.down_tick);
            let since_us = micros(sound.down_tick) - micros(before.down_tick);
            let is_quick = is_down && since_us <= LAYER_US;
            let is_layer = since_us == 0 || is_quick && sound.source != before.source;
            played.doubled_strikes += usize::from(is_layer);
            played.quick_strikes += usize::from(is_quick && !is_layer);
            // A key goes up when the last finger leaves it, also one that struck it before; a key that is stuck
            // ends with the next strike.
            if is_layer || is_down && before.up_tick.is_some() {
                sound.up_tick = before.up_tick.zip(sound.up_tick).map(|(before, now)| before.max(now));
                sound.end_tick = sound.end_tick.max(before.end_tick);
            }
            if is_layer {
                sound.velocity = sound.velocity.max(before.velocity);
                sound.down_tick = before.down_tick;
            } else {
                let up_tick = before.up_tick.map(|up| up.min(sound.down_tick)).or(Some(sound.down_tick));
                let end_tick = before.end_tick.min(sound.down_tick);
                played.end(pitch, Sound { up_tick, end_tick, ..before });
            }
        }
        last = Some(sound);
    }
    if let Some(sound) = last {
        played.stuck_notes += usize::from(sound.up_tick.is_none());
        played.end(pitch, sound);
    }
}

impl Played {
    fn end(&mut self, pitch: Pitch, sound: Sound) {
        self.pedaled_notes += usize::from(sound.up_tick.is_some_and(|up| up < sound.end_tick));
        let Sound { velocity, down_tick: start_tick, end_tick, .. } = sound;
        self.notes.push(TickNote { pitch, velocity, start_tick, end_tick });
    }
}

/// When the dampers of one key fall.
struct Dampers<'a> {
    presses: &'a [Press],
    around: &'a Surroundings<'a>,
    /// For each press, when the last finger leaves of all up to it.
    last_ups: Vec<u64>,
    /// By channel, the last release that was asked about: whose pedal, when, and when its sound ended.
    known: [(bool, u64, u64); N_CHANNELS],
}

impl<'a> Dampers<'a> {
    fn new(presses: &'a [Press], around: &'a Surroundings<'a>) -> Self {
        let mut last_up = 0;
        let last_ups = presses.iter().map(|press| {
            last_up = last_up.max(press.up_tick.unwrap_or(press.down_tick));
            last_up
        });
        let last_ups = last_ups.collect();
        Self { presses, around, last_ups, known: [(true, 0, 0); N_CHANNELS] }
    }

    /// When the sound of a press ends, if the key is not struck again.
    fn end_of(&mut self, idx: usize, press: &Press) -> u64 {
        let channel = usize::from(press.channel) % N_CHANNELS;
        let sound_offs = &self.around.sound_offs[channel];
        let silence = sound_offs.partition_point(|silencer| silencer.order < press.order);
        let silence_tick = sound_offs.get(silence).map_or(u64::MAX, |silencer| silencer.tick);
        let Some(up_tick) = press.up_tick else {
            return self.around.end_tick.max(press.down_tick).min(silence_tick);
        };
        let (is_piano, asked, known_end) = self.known[channel];
        let is_known = press.is_piano == is_piano && (asked..known_end).contains(&up_tick);
        let end_tick = if is_known { known_end } else { self.damped(up_tick, idx, press) };
        self.known[channel] = (press.is_piano, up_tick, end_tick);
        end_tick.min(silence_tick)
    }

    /// When the pedals let go of a key that goes up at `up_tick`; no later than it matters, which is to the key's
    /// next strike.
    fn damped(&self, up_tick: u64, idx: usize, press: &Press) -> u64 {
        let pedals = if press.is_piano {
            &self.around.piano
        } else {
            &self.around.others[usize::from(press.channel) % N_CHANNELS]
        };
        let next = self.presses.partition_point(|press| press.down_tick < up_tick);
        let next_strike = self.presses.get(next.max(idx + 1)).map_or(u64::MAX, |press| press.down_tick);
        let mut end_tick = up_tick;
        while end_tick < next_strike {
            end_tick = pedals.sustain.up_after(end_tick).unwrap_or(end_tick);
            let caught = pedals.sostenuto.span_at(end_tick).filter(|&(down, _)| self.is_down_at(down));
            let Some((_, up)) = caught else { break };
            end_tick = up;
        }
        end_tick
    }

    fn is_down_at(&self, tick: u64) -> bool {
        let n_struck = self.presses.partition_point(|press| press.down_tick <= tick);
        self.last_ups[..n_struck].last().is_some_and(|&up| up >= tick)
    }
}
