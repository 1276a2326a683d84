//! A performance as the plainest MIDI file there is.

use midly::num::{u4, u7, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Timing, TrackEvent, TrackEventKind};

use super::RECIPE_MARK;
use super::pedaling::Pedaling;
use crate::lineage::to_seven_bits;
use crate::{Lineage, Note, Performance};

/// With 480,000 µs a quarter note, one tick is one millisecond. (480 ticks at 120 bpm, the usual
/// choice, would be off by up to half a millisecond.)
const TICKS_PER_QUARTER: u16 = 480;
const MICROS_PER_QUARTER: u32 = 480_000;
pub(super) const TICK_US: u64 = 1_000;
/// Silence after the last note; less lets some players cut the last sound's decay.
const TAIL_TICKS: u64 = 1_000;
const SUSTAIN_PEDAL: u8 = 64;
const PEDAL_DOWN: u8 = 127;
const PEDAL_UP: u8 = 0;
const CHANNEL: u8 = 0;
const GRAND_PIANO: u8 = 0;
/// Largest event with a lineage: five hours of music. Some readers refuse files with events of a megabyte.
const MAX_RECIPE_BYTES: usize = 900_000;
/// What most keyboards send that do not measure how fast a key goes up.
const RELEASE_VELOCITY: u8 = 64;

/// Writes a performance as a Standard MIDI File of format 0 in which one tick is one millisecond.
///
/// Times are rounded to milliseconds; a note lasts at least one. A key goes up 30 ms before it is struck
/// again, where its note is long enough ([`release_us`](super::release_us)), so that player pianos can repeat it.
/// The pedal is already part of the notes' ends, so it is only set to up. [`read`](super::read) gives the same
/// performance back, but for these gaps, if its times are whole milliseconds.
///
/// ```
/// use performance::{Performance, midi};
/// let bytes = midi::write(&Performance::default());
/// assert_eq!(&bytes[..4], b"MThd");
/// ```
#[must_use]
pub fn write(performance: &Performance) -> Vec<u8> {
    write_with(performance, Pedal::InNotes, None)
}

/// Whether sound that outlasts the hands' reach is left to the sustain pedal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pedal {
    /// It is part of the notes' lengths: keys stay down as long as their notes sound.
    #[default]
    InNotes,
    /// Notes that two hands cannot have held are shorter keys whose sound the sustain pedal (controller 64) holds.
    Written,
}

/// Writes a performance like [`write`](write()), with its pedal, and with what it follows from in an event that other
/// programs pass over. A lineage of more than 900 kB is left out.
///
/// [`read`](super::read) gives the same performance back if its times are whole milliseconds. With
/// [`Pedal::Written`], the gap before a key is struck again is shorter than 30 ms where another note ends in it: the
/// pedal would hold that one, too.
///
/// ```
/// use performance::midi::{self, Pedal};
/// use performance::{Lineage, Made, Note, Performance, Pitch, Recipe, Sampling, Velocity};
/// let note = |pitch| -> Result<Note, performance::Error> {
///     Ok(Note { pitch: Pitch::new(pitch)?, velocity: Velocity::new(64)?, start_us: 0, end_us: 900_000 })
/// };
/// let five_octaves = [30, 42, 54, 66, 78, 90].map(note).into_iter().collect::<Result<_, _>>()?;
/// let performance = Performance::new(five_octaves);
/// let recipe = Recipe::new(7, Sampling::default());
/// let lineage = Lineage { origin: None, recipe, made: Made::Tokens(Vec::new()) };
/// let import = midi::read(&midi::write_with(&performance, Pedal::Written, Some(&lineage)))?;
/// assert_eq!(import.performance, performance);
/// assert_eq!(import.report.to_string(), "pedal applied");
/// assert_eq!(import.lineage, Some(lineage));
/// # Ok::<(), performance::Error>(())
/// ```
#[must_use]
pub fn write_with(performance: &Performance, pedal: Pedal, lineage: Option<&Lineage>) -> Vec<u8> {
    let performance = performance.snapped(TICK_US);
    let pedaling = match pedal {
        Pedal::InNotes => Pedaling::none(performance.notes()),
        Pedal::Written => Pedaling::of(performance.notes()),
    };
    let bytes = lineage.and_then(|lineage| lineage.to_bytes().ok());
    let recipe = bytes.map(|bytes| [RECIPE_MARK, &to_seven_bits(&bytes)].concat());
    write_pedaled(&performance, &pedaling, recipe.filter(|event| event.len() <= MAX_RECIPE_BYTES).as_deref())
}

fn write_pedaled(performance: &Performance, pedaling: &Pedaling, recipe: Option<&[u8]>) -> Vec<u8> {
    let mut track = Track::default();
    for kind in preamble() {
        track.push(0, kind);
    }
    // The pedal before keys, which it catches; OFF before ON, so that a re-strike is heard.
    let mut edges: Vec<(u64, Edge<'_>)> = Vec::with_capacity(2 * performance.notes().len());
    for &(down, up) in &pedaling.spans {
        edges.extend([(up, Edge::Pedal(PEDAL_UP)), (down, Edge::Pedal(PEDAL_DOWN))]);
    }
    for (note, &up) in performance.notes().iter().zip(&pedaling.up_ticks) {
        edges.extend([(note.start_us / TICK_US, Edge::On(note)), (up, Edge::Off(note))]);
    }
    edges.sort_by_key(|&(tick, edge)| (tick, edge.rank()));
    for (tick, edge) in edges {
        track.push(tick, edge.event());
    }
    // After all notes: where it is damaged, or a file is cut off, the notes are there.
    if let Some(recipe) = recipe {
        track.push(track.tick, TrackEventKind::Meta(MetaMessage::SequencerSpecific(recipe)));
    }
    track.push(track.tick + TAIL_TICKS, TrackEventKind::Meta(MetaMessage::EndOfTrack));

    let timing = Timing::Metrical(TICKS_PER_QUARTER.into());
    let mut bytes = Vec::new();
    midly::write(&Header::new(Format::SingleTrack, timing), [&track.events], &mut bytes)
        .expect("a Vec takes every byte, and a track under 4 GiB has a length");
    bytes
}

/// Something that happens at a tick.
#[derive(Clone, Copy, Debug)]
enum Edge<'a> {
    Pedal(u8),
    Off(&'a Note),
    On(&'a Note),
}

impl Edge<'_> {
    /// Order within a tick.
    fn rank(self) -> (u8, u8) {
        match self {
            Self::Pedal(value) => (0, value),
            Self::Off(note) => (1, note.pitch.get()),
            Self::On(note) => (2, note.pitch.get()),
        }
    }

    fn event(self) -> TrackEventKind<'static> {
        match self {
            Self::Pedal(value) => pedal(value),
            Self::Off(note) => note_off(note),
            Self::On(note) => note_on(note),
        }
    }
}

fn preamble() -> [TrackEventKind<'static>; 5] {
    [
        TrackEventKind::Meta(MetaMessage::TrackName(b"Piano")),
        TrackEventKind::Meta(MetaMessage::Tempo(u24::new(MICROS_PER_QUARTER))),
        // 4/4: the denominator is a power of two; 24 clocks per click, 8 32nds per quarter.
        TrackEventKind::Meta(MetaMessage::TimeSignature(4, 2, 24, 8)),
        channel(MidiMessage::ProgramChange { program: u7::new(GRAND_PIANO) }),
        pedal(PEDAL_UP),
    ]
}

fn pedal(value: u8) -> TrackEventKind<'static> {
    channel(MidiMessage::Controller { controller: u7::new(SUSTAIN_PEDAL), value: u7::new(value) })
}

fn note_on(note: &Note) -> TrackEventKind<'static> {
    channel(MidiMessage::NoteOn { key: u7::new(note.pitch.get()), vel: u7::new(note.velocity.get()) })
}

fn note_off(note: &Note) -> TrackEventKind<'static> {
    channel(MidiMessage::NoteOff { key: u7::new(note.pitch.get()), vel: u7::new(RELEASE_VELOCITY) })
}

fn channel(message: MidiMessage) -> TrackEventKind<'static> {
    TrackEventKind::Midi { channel: u4::new(CHANNEL), message }
}

/// Events at absolute ticks, kept with delta times.
#[derive(Debug, Default)]
struct Track<'a> {
    events: Vec<TrackEvent<'a>>,
    tick: u64,
}

impl<'a> Track<'a> {
    fn push(&mut self, tick: u64, kind: TrackEventKind<'a>) {
        let longest = u28::max_value();
        let mut gap = tick - self.tick;
        // A delta time ends at 74 hours; an empty text bridges more.
        while gap > u64::from(longest.as_int()) {
            self.events
                .push(TrackEvent { delta: longest, kind: TrackEventKind::Meta(MetaMessage::Text(b"")) });
            gap -= u64::from(longest.as_int());
        }
        // Lossless: just made to fit into 28 bits.
        self.events.push(TrackEvent { delta: u28::new(gap as u32), kind });
        self.tick = tick;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use midly::Smf;

    use super::*;
    use crate::notation::performance;

    /// One line per event: its tick and what it is.
    #[track_caller]
    fn check(notes: &str, expected: Expect) {
        let bytes = write(&performance(notes));
        let smf = Smf::parse(&bytes).expect("midly reads what it wrote");
        assert_eq!(smf.header, Header::new(Format::SingleTrack, Timing::Metrical(480.into())));
        let mut tick = 0;
        let show = |event: &TrackEvent<'_>| {
            tick += u64::from(event.delta.as_int());
            match event.kind {
                TrackEventKind::Meta(meta) => format!("{tick} {meta:?}"),
                TrackEventKind::Midi { message, .. } => format!("{tick} {message:?}"),
                other => format!("{tick} {other:?}"),
            }
        };
        expected.assert_eq(&smf.tracks[0].iter().map(show).collect::<Vec<_>>().join("\n").replace("u7", ""));
    }

    #[test]
    fn the_file_is_plain() {
        // OFF before ON at one tick; times rounded to milliseconds; the end a second after the last note.
        check(
            "60/80 0..250.4, 60/81 250.4..500, 64/1 499.5..499.6",
            expect![[r#"
                0 TrackName([80, 105, 97, 110, 111])
                0 Tempo(u24(480000))
                0 TimeSignature(4, 2, 24, 8)
                0 ProgramChange { program: (0) }
                0 Controller { controller: (64), value: (0) }
                0 NoteOn { key: (60), vel: (80) }
                220 NoteOff { key: (60), vel: (64) }
                250 NoteOn { key: (60), vel: (81) }
                500 NoteOff { key: (60), vel: (64) }
                500 NoteOn { key: (64), vel: (1) }
                501 NoteOff { key: (64), vel: (64) }
                1501 EndOfTrack"#]],
        );
    }

    #[test]
    fn a_gap_longer_than_a_delta_time_is_bridged() {
        check(
            "60/80 300000000..300000100",
            expect![[r#"
            0 TrackName([80, 105, 97, 110, 111])
            0 Tempo(u24(480000))
            0 TimeSignature(4, 2, 24, 8)
            0 ProgramChange { program: (0) }
            0 Controller { controller: (64), value: (0) }
            268435455 Text([])
            300000000 NoteOn { key: (60), vel: (80) }
            300000100 NoteOff { key: (60), vel: (64) }
            300001100 EndOfTrack"#]],
        );
    }

    #[test]
    fn note_offs_are_messages_of_their_own() {
        let bytes = write(&performance("60/80 0..250"));
        assert!(bytes.windows(3).any(|window| window == [0x80, 60, RELEASE_VELOCITY]));
        assert!(!bytes.windows(3).any(|window| window == [0x90, 60, 0]));
    }
}
