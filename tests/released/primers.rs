//! The primers for both: native code here, the page in `tests/tests/browser`.

use performance::{Note, Performance, Pitch, Velocity, encode, midi};

/// Two octaves of C major, four notes a second, all of one MIDI velocity.
pub(crate) fn scale(velocity: u8) -> Performance {
    let pitches = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 81, 83, 84];
    let notes = (0..).zip(pitches).map(|(index, pitch): (u64, u8)| {
        let start_us = index * 250_000;
        note(pitch, velocity, start_us, start_us + 240_000)
    });
    Performance::new(notes.collect())
}

/// Broken chords in changing keys and loudness, with notes that are held over many others: the shortest such
/// piece of at least `n_events` events.
pub(crate) fn study(n_events: usize) -> Performance {
    let mut random = 1u32;
    // Numerical Recipes' linear congruential generator.
    let mut below = |n: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) % n
    };
    let (mut notes, mut now_us) = (Vec::new(), 0);
    let mut key = 0;
    loop {
        if notes.len() % 64 == 0 {
            key = below(12);
            // A note takes about four events.
            let performance = Performance::new(notes.clone());
            if notes.len() * 5 > n_events && encode(&performance).len() >= n_events {
                // As the page reads it: files leave room before a key is struck again.
                return midi::read(&midi::write(&performance)).expect("our own file").performance;
            }
        }
        let degree = [0, 4, 7, 9, 12, 16, 19, 24][below(8) as usize];
        let pitch = 40 + key + degree;
        let velocity = 40 + below(60);
        let length_us = 80_000 + u64::from(below(20)) * u64::from(below(100)) * 1_000;
        notes.push(note(pitch as u8, velocity as u8, now_us, now_us + length_us));
        now_us += 40_000 + u64::from(below(200)) * 1_000;
    }
}

fn note(pitch: u8, velocity: u8, start_us: u64, end_us: u64) -> Note {
    Note {
        pitch: Pitch::new(pitch).expect("a pitch"),
        velocity: Velocity::new(velocity).expect("a velocity"),
        start_us,
        end_us,
    }
}
