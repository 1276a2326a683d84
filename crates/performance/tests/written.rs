//! Written files, as a player piano gets them.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::fs;
use std::path::Path;

use midly::{MidiMessage, Smf, TrackEventKind};
use performance::midi::Pedal;
use performance::{Performance, decode, encode, midi};

/// Time between strikes of a key that leaves room for a gap of 30 ms, in milliseconds.
const ROOM_MS: u64 = 40;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Keys {
    restrikes: usize,
    /// Of those with [`ROOM_MS`].
    with_room: usize,
    /// Of those, with at least 30 ms between release and strike.
    with_gap: usize,
    pedal_presses: usize,
}

impl std::ops::AddAssign for Keys {
    fn add_assign(&mut self, other: Self) {
        self.restrikes += other.restrikes;
        self.with_room += other.with_room;
        self.with_gap += other.with_gap;
        self.pedal_presses += other.pedal_presses;
    }
}

/// What the keys of a written file do. A tick is a millisecond.
fn keys(bytes: &[u8]) -> Keys {
    let mut keys = Keys::default();
    let (mut struck, mut released) = ([None; 128], [0; 128]);
    let mut now = 0;
    for event in &Smf::parse(bytes).unwrap().tracks[0] {
        now += u64::from(event.delta.as_int());
        match event.kind {
            TrackEventKind::Midi { message: MidiMessage::NoteOn { key, .. }, .. } => {
                let key = usize::from(key.as_int());
                if let Some(before) = struck[key].replace(now) {
                    let has_room = now - before >= ROOM_MS;
                    keys.restrikes += 1;
                    keys.with_room += usize::from(has_room);
                    keys.with_gap += usize::from(has_room && now - released[key] >= 30);
                }
            }
            TrackEventKind::Midi { message: MidiMessage::NoteOff { key, .. }, .. } => {
                released[usize::from(key.as_int())] = now;
            }
            TrackEventKind::Midi { message: MidiMessage::Controller { controller, value }, .. } => {
                keys.pedal_presses += usize::from(controller == 64 && value >= 64);
            }
            _ => {}
        }
    }
    keys
}

/// Human performances, as the network would play them: on the grid of events, the pedal in the notes' ends.
fn performances() -> Vec<Performance> {
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mini");
    if !mini.is_dir() {
        eprintln!("skipped: {} is not there", mini.display());
        return Vec::new();
    }
    let manifest = fs::read_to_string(mini.join("manifest.csv")).unwrap();
    let paths = manifest.lines().skip(1).map(|line| mini.join(line.split(',').next().unwrap()));
    let read = |path| midi::read(&fs::read(path).unwrap()).unwrap().performance;
    paths.map(|path| decode(&encode(&read(path))).performance).collect()
}

#[test]
fn keys_have_30_ms_before_they_are_struck_again() {
    let (mut plain, mut pedaled) = (Keys::default(), Keys::default());
    for performance in performances() {
        plain += keys(&midi::write(&performance));
        pedaled += keys(&midi::write_with(&performance, Pedal::Written, None));
    }
    eprintln!("without pedal {plain:?}, with pedal {pedaled:?}");
    assert_eq!(plain.with_gap, plain.with_room);
    assert_eq!(plain.pedal_presses, 0);
    assert_eq!(pedaled.restrikes, plain.restrikes);
}

/// The pedal holds what two hands cannot, and nothing is lost by it.
#[test]
fn a_file_with_a_pedal_is_the_same_performance() {
    for performance in performances() {
        let import = midi::read(&midi::write_with(&performance, Pedal::Written, None)).unwrap();
        assert_eq!(import.performance, performance);
        assert_eq!(encode(&import.performance), encode(&performance));
        assert!(import.report.pedaled_notes > 0);
    }
}
