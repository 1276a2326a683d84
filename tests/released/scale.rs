//! What both step before they go on: native code here, the page in `tests/tests/browser.rs`.

use performance::{Note, Performance, Pitch, Velocity};

/// Two octaves of C major, four notes a second, all of one MIDI velocity.
pub(crate) fn scale(velocity: u8) -> Performance {
    let pitches = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 81, 83, 84];
    let note = |(index, pitch): (u64, u8)| Note {
        pitch: Pitch::new(pitch).expect("a pitch"),
        velocity: Velocity::new(velocity).expect("a velocity"),
        start_us: index * 250_000,
        end_us: index * 250_000 + 240_000,
    };
    Performance::new((0..).zip(pitches).map(note).collect())
}
