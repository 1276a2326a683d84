//! The events of one track that matter to a piano, over midly.

use midly::{EventIter, MetaMessage, MidiMessage, TrackEventKind};

use crate::{Pitch, Velocity};

/// An event at its absolute tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimedEvent {
    pub(super) tick: u64,
    pub(super) event: TrackEvent,
}

impl TimedEvent {
    pub(super) fn is_pedal(&self) -> bool {
        matches!(self.event, TrackEvent::Channel { event: ChannelEvent::Pedal { .. }, .. })
    }
}

/// What a piano and a clock need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrackEvent {
    Channel { channel: u8, event: ChannelEvent },
    Tempo { micros_per_quarter: u32 },
}

/// What happens on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelEvent {
    NoteOn(Pitch, Velocity),
    NoteOff(Pitch),
    Pedal {
        is_down: bool,
    },
    Program(u8),
    /// All sound off: keys and pedal no longer matter.
    SoundOff,
    /// All notes off: the keys go up, the pedal stays.
    KeysOff,
}

/// How reading a track went.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackEnd {
    /// When the track ends.
    pub(super) tick: u64,
    /// Events that do not belong into files, passed over.
    pub(super) n_illegal: usize,
    pub(super) kind: EndKind,
}

/// Why reading a track stopped. `at` is a position in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndKind {
    /// At the end mark.
    Marked { at: usize },
    /// At the end of the bytes.
    Unmarked,
    /// At bytes that are no event.
    Unreadable { at: usize },
}

/// Reads a track's events into `events`, as far as they can be read. An event takes three bytes or
/// more (a delta time and, under running status, two data bytes), which bounds the memory.
pub(super) fn read(body: &[u8], events: &mut Vec<TimedEvent>) -> TrackEnd {
    let mut end = TrackEnd { tick: 0, n_illegal: 0, kind: EndKind::Unmarked };
    let mut reader = EventIter::new(body);
    let mut last_status = None;
    while !reader.unread().is_empty() {
        let rest = reader.unread();
        // Meta events and sysex end running status by the standard; not every sequencer knew.
        last_status = reader.running_status().or(last_status);
        *reader.running_status_mut() = last_status;
        let Some(Ok(event)) = reader.next() else {
            let Some((delta, len)) = illegal_event(rest) else {
                end.kind = EndKind::Unreadable { at: body.len() - rest.len() };
                return end;
            };
            end.tick += u64::from(delta);
            end.n_illegal += 1;
            reader = EventIter::new(&rest[len..]);
            continue;
        };
        end.tick += u64::from(event.delta.as_int());
        if event.kind == TrackEventKind::Meta(MetaMessage::EndOfTrack) {
            end.kind = EndKind::Marked { at: body.len() - reader.unread().len() };
            return end;
        }
        if let Some(event) = relevant(event.kind) {
            events.push(TimedEvent { tick: end.tick, event });
        }
    }
    end
}

fn relevant(kind: TrackEventKind<'_>) -> Option<TrackEvent> {
    match kind {
        TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => {
            Some(TrackEvent::Tempo { micros_per_quarter: tempo.as_int() })
        }
        TrackEventKind::Midi { channel, message } => {
            Some(TrackEvent::Channel { channel: channel.as_int(), event: channel_event(message)? })
        }
        TrackEventKind::Meta(_) | TrackEventKind::SysEx(_) | TrackEventKind::Escape(_) => None,
    }
}

fn channel_event(message: MidiMessage) -> Option<ChannelEvent> {
    let event = match message {
        MidiMessage::NoteOn { key, vel } => {
            let pitch = Pitch::new(key.as_int()).ok()?;
            // Velocity 0 is how running status spells NOTE_OFF.
            Velocity::new(vel.as_int())
                .map_or(ChannelEvent::NoteOff(pitch), |vel| ChannelEvent::NoteOn(pitch, vel))
        }
        MidiMessage::NoteOff { key, .. } => ChannelEvent::NoteOff(Pitch::new(key.as_int()).ok()?),
        MidiMessage::ProgramChange { program } => ChannelEvent::Program(program.as_int()),
        MidiMessage::Controller { controller, value } => match controller.as_int() {
            64 => ChannelEvent::Pedal { is_down: value >= 64 },
            120 => ChannelEvent::SoundOff,
            121 => ChannelEvent::Pedal { is_down: false },
            123..=127 => ChannelEvent::KeysOff,
            _ => return None,
        },
        MidiMessage::Aftertouch { .. }
        | MidiMessage::ChannelAftertouch { .. }
        | MidiMessage::PitchBend { .. } => return None,
    };
    Some(event)
}

/// Delta time and length of an event that midly refuses but whose length is known: system messages,
/// which belong on a cable and not into a file, and meta events with nonsense in them.
fn illegal_event(bytes: &[u8]) -> Option<(u32, usize)> {
    let (delta, status_at) = variable_length(bytes)?;
    let len = match *bytes.get(status_at)? {
        0xF1 | 0xF3 => status_at + 2,
        0xF2 => status_at + 3,
        0xF4..=0xF6 | 0xF8..=0xFE => status_at + 1,
        0xFF => {
            let data = bytes.get(status_at + 2..)?;
            let (data_len, data_at) = variable_length(data)?;
            status_at + 2 + data_at + usize::try_from(data_len).ok()?
        }
        _ => return None,
    };
    (len <= bytes.len()).then_some((delta, len))
}

/// A variable-length quantity of at most four bytes, and how many it took.
fn variable_length(bytes: &[u8]) -> Option<(u32, usize)> {
    let len = bytes.iter().take(4).position(|byte| byte & 0x80 == 0)? + 1;
    Some((bytes[..len].iter().fold(0, |value, byte| value << 7 | u32::from(byte & 0x7F)), len))
}
