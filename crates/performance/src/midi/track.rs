//! The events of one track that matter to a piano.

use super::RECIPE_MARK;
use super::event::{End, Event, Faults, Reader};
use super::sysex::{self, Setup};
use crate::{Pitch, Velocity};

const TRACK_NAME: u8 = 0x03;
const INSTRUMENT_NAME: u8 = 0x04;
const TEMPO: u8 = 0x51;
const SEQUENCER_SPECIFIC: u8 = 0x7F;

/// An event at its absolute tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimedEvent {
    pub(super) tick: u64,
    /// Number of its track.
    pub(super) track: usize,
    pub(super) event: TrackEvent,
}

impl TimedEvent {
    /// Of events at one tick, those with a lower number come first.
    ///
    /// What a channel is, is settled before it plays. Then pedals move: a key that goes up in the instant in which
    /// the pedal goes down is caught by it. (Recordings are full of such ticks; with the order of the file, which
    /// is by controller or chance, notes break off.)
    pub(super) fn rank(&self) -> u8 {
        match self.event {
            TrackEvent::Setup(Setup::System(_)) => 0,
            TrackEvent::Setup(_) | TrackEvent::Channel { event: ChannelEvent::Program(_), .. } => 1,
            TrackEvent::Channel { event: ChannelEvent::Pedal { .. } | ChannelEvent::Reset, .. } => 2,
            TrackEvent::Channel { .. } | TrackEvent::Tempo { .. } => 3,
        }
    }
}

/// What a piano and a clock need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrackEvent {
    Channel { channel: u8, event: ChannelEvent },
    Tempo { micros_per_quarter: u32 },
    Setup(Setup),
}

/// What happens on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelEvent {
    NoteOn(Pitch, Velocity),
    NoteOff(Pitch),
    Pedal {
        kind: PedalKind,
        is_down: bool,
    },
    Program(u8),
    /// All sound off: keys and pedal no longer matter.
    SoundOff,
    /// All notes off: the keys go up, the pedal stays.
    KeysOff,
    /// All controllers, pedals among them, as they are at the start.
    Reset,
}

/// A piano's three pedals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PedalKind {
    Sustain,
    Sostenuto,
    Soft,
}

/// How reading a track went.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackEnd<'a> {
    /// When the track ends.
    pub(super) tick: u64,
    pub(super) faults: Faults,
    /// Where in the body the end mark ends, if there is one.
    pub(super) marked_at: Option<usize>,
    /// Whether its name, or its instrument's, says that it is a piano.
    pub(super) is_named_piano: bool,
    /// The last status of a channel message in it, or before.
    pub(super) last_status: Option<u8>,
    /// The bytes of the first lineage in it.
    pub(super) lineage: Option<&'a [u8]>,
}

/// Reads a track's events into `events`, as far as they can be read. An event takes three bytes or
/// more (a delta time and, under running status, two data bytes), which bounds the memory.
pub(super) fn read<'a>(
    track: usize,
    body: &'a [u8],
    earlier_status: Option<u8>,
    events: &mut Vec<TimedEvent>,
) -> TrackEnd<'a> {
    let mut reader = Reader::new(body, earlier_status);
    let (mut tick, mut is_named_piano, mut lineage) = (0, false, None);
    let marked_at = loop {
        let (delta, event) = match reader.next() {
            Ok(step) => step,
            Err(End::Marked { at }) => break Some(at),
            Err(End::Chunk { .. } | End::Unmarked) => break None,
        };
        tick += u64::from(delta);
        if let Event::Meta { kind: TRACK_NAME | INSTRUMENT_NAME, data } = event {
            is_named_piano |= names_piano(data);
        }
        if let Event::Meta { kind: SEQUENCER_SPECIFIC, data } = event {
            lineage = lineage.or(data.strip_prefix(RECIPE_MARK));
        }
        events.extend(relevant(event).map(|event| TimedEvent { tick, track, event }));
    };
    let (faults, last_status) = (reader.faults(), reader.last_status());
    TrackEnd { tick, faults, marked_at, is_named_piano, last_status, lineage }
}

fn names_piano(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |word: &[u8]| name.windows(word.len()).any(|window| window == word);
    (has(b"piano") || has(b"klavier")) && !has(b"drum") && !has(b"perc")
}

fn relevant(event: Event<'_>) -> Option<TrackEvent> {
    match event {
        Event::Channel { status, data } => {
            let channel = status & 0x0F;
            match (status >> 4, data) {
                (0xB, [0, msb]) => Some(TrackEvent::Setup(Setup::Bank { channel, msb })),
                _ => Some(TrackEvent::Channel { channel, event: channel_event(status >> 4, data)? }),
            }
        }
        Event::Meta { kind: TEMPO, data: &[a, b, c, ..] } => {
            Some(TrackEvent::Tempo { micros_per_quarter: u32::from_be_bytes([0, a, b, c]) })
        }
        Event::SysEx(data) => sysex::read(data).map(TrackEvent::Setup),
        Event::Meta { .. } | Event::Other => None,
    }
}

fn channel_event(kind: u8, [first, second]: [u8; 2]) -> Option<ChannelEvent> {
    let event = match kind {
        0x8 => ChannelEvent::NoteOff(Pitch::new(first).ok()?),
        0x9 => {
            let pitch = Pitch::new(first).ok()?;
            // Velocity 0 is how running status spells NOTE_OFF.
            Velocity::new(second).map_or(ChannelEvent::NoteOff(pitch), |vel| ChannelEvent::NoteOn(pitch, vel))
        }
        0xB => {
            let pedal = |kind| ChannelEvent::Pedal { kind, is_down: second >= 64 };
            match first {
                64 => pedal(PedalKind::Sustain),
                66 => pedal(PedalKind::Sostenuto),
                67 => pedal(PedalKind::Soft),
                120 => ChannelEvent::SoundOff,
                121 => ChannelEvent::Reset,
                123..=127 => ChannelEvent::KeysOff,
                _ => return None,
            }
        }
        0xC => ChannelEvent::Program(first),
        _ => return None,
    };
    Some(event)
}
