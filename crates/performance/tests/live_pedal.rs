//! The pedal of a device, told message by message.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::midi::{Command, Live, Pedal, release_us};
use performance::playback::schedule::{Message, Timed};
use performance::{Note, Performance, Pitch, Velocity};
use proptest::prelude::*;

/// How far the composed music reaches beyond what is handed out.
const COMPOSED_US: u64 = 1_500_000;

/// Wide chords and short notes, so that hands are too few and dampers fall often.
fn performances() -> impl Strategy<Value = Performance> {
    let note =
        (21_u8..=108, 1_u8..=127, 0_u64..6_000, 1_u64..3_000).prop_map(|(pitch, velocity, start, length)| {
            let (pitch, velocity) = (Pitch::new(pitch).unwrap(), Velocity::new(velocity).unwrap());
            Note { pitch, velocity, start_us: start * 1_003, end_us: (start + length) * 1_003 }
        });
    prop::collection::vec(note, 0..80).prop_map(Performance::new)
}

fn messages(performance: &Performance) -> Vec<Timed> {
    let both = |note: &Note| {
        let Note { pitch, velocity, start_us, end_us } = *note;
        let on = Timed { at_us: start_us, message: Message::NoteOn { pitch, velocity } };
        [on, Timed { at_us: end_us, message: Message::NoteOff { pitch } }]
    };
    let mut messages: Vec<Timed> = performance.notes().iter().flat_map(both).collect();
    messages.sort_by_key(|timed| (timed.at_us, matches!(timed.message, Message::NoteOn { .. })));
    messages
}

/// What a device gets that is told in steps of these lengths.
fn told(messages: &[Timed], steps_us: &[u64]) -> Vec<(u64, Command)> {
    let mut live = Live::new(Pedal::Written);
    let (mut told, mut now_us, mut n_handed) = (Vec::new(), 0, 0);
    for &step_us in steps_us.iter().cycle().take_while(|_| !messages.is_empty()) {
        now_us += step_us;
        let until = |at_us| messages.partition_point(|timed| timed.at_us < at_us);
        let (n_due, n_composed) = (until(now_us), until(now_us + COMPOSED_US));
        told.extend(live.pass(&messages[n_handed..n_due], &messages[n_due..n_composed], now_us));
        n_handed = n_due;
        if n_handed == messages.len() {
            break;
        }
    }
    told.extend(live.pass(&[], &[], u64::MAX));
    told
}

/// The notes that sound when a device gets these commands, and whether its pedal moved.
fn heard(commands: &[(u64, Command)]) -> (Performance, bool) {
    let (mut notes, mut sounding, mut down, mut moved) =
        (Vec::new(), Vec::<(Note, bool)>::new(), false, false);
    let mut last_us = 0;
    for &(at_us, command) in commands {
        assert!(at_us >= last_us, "{at_us} after {last_us}");
        last_us = at_us;
        let mut end = |sounding: &mut Vec<(Note, bool)>, is_over: &dyn Fn(&(Note, bool)) -> bool| {
            let over = sounding.extract_if(.., |note| is_over(note));
            notes.extend(over.map(|(note, _)| Note { end_us: at_us, ..note }));
        };
        match command {
            Command::Sustain(is_down) => {
                assert_ne!(is_down, down, "at {at_us}");
                (down, moved) = (is_down, true);
                if !down {
                    end(&mut sounding, &|(_, is_key_down)| !is_key_down);
                }
            }
            Command::Key(Message::NoteOn { pitch, velocity }) => {
                assert!(
                    !sounding.iter().any(|(note, key)| *key && note.pitch == pitch),
                    "{pitch:?} is down at {at_us}"
                );
                end(&mut sounding, &|(note, _)| note.pitch == pitch);
                sounding.push((Note { pitch, velocity, start_us: at_us, end_us: at_us }, true));
            }
            Command::Key(Message::NoteOff { pitch }) => {
                let key = sounding.iter_mut().find(|(note, key)| *key && note.pitch == pitch);
                key.unwrap_or_else(|| panic!("{pitch:?} is up at {at_us}")).1 = false;
                if !down {
                    end(&mut sounding, &|(_, is_key_down)| !is_key_down);
                }
            }
        }
    }
    assert!(sounding.is_empty() && !down, "{sounding:?}");
    (Performance::new(notes), moved)
}

proptest! {
    /// However it is told: all strikes, and every note ends within a millisecond of its end, or leaves its key the
    /// room to be struck again.
    #[test]
    fn a_device_sounds_as_the_notes_do(
        performance in performances(),
        steps_us in prop::collection::vec(1_000_u64..200_000, 1..6),
    ) {
        let (heard, _) = heard(&told(&messages(&performance), &steps_us));
        prop_assert_eq!(heard.notes().len(), performance.notes().len());
        for (idx, (note, heard)) in performance.notes().iter().zip(heard.notes()).enumerate() {
            prop_assert_eq!(
                (note.pitch, note.velocity, note.start_us),
                (heard.pitch, heard.velocity, heard.start_us)
            );
            let next = performance.notes()[idx + 1..].iter().find(|next| next.pitch == note.pitch);
            let release_us = next.map_or(note.end_us, |next| release_us(note.start_us, note.end_us, next.start_us));
            prop_assert!(
                heard.end_us + 2_000 > release_us && heard.end_us < note.end_us + 2_000,
                "{:?} ends at {} instead of {} to {}", note, heard.end_us, release_us, note.end_us
            );
        }
    }
}

/// Keys of six octaves that sound together: two hands cannot hold them.
#[test]
fn what_no_hand_can_hold_the_pedal_holds() {
    let note = |(idx, pitch): (usize, u8)| Note {
        pitch: Pitch::new(pitch).unwrap(),
        velocity: Velocity::new(64).unwrap(),
        start_us: 200_000 * idx as u64,
        end_us: 2_000_000,
    };
    let performance = Performance::new([30, 45, 60, 75, 90, 105].into_iter().enumerate().map(note).collect());
    let commands = told(&messages(&performance), &[25_000]);
    let (heard, moved) = heard(&commands);
    assert!(moved);
    assert_eq!(heard, performance);
    let ups = commands.iter().filter(|(_, command)| matches!(command, Command::Key(Message::NoteOff { .. })));
    let early = ups.filter(|&&(at_us, _)| at_us < 1_000_000).count();
    assert_eq!(early, 2, "{commands:?}");
}

/// Other music follows from a moment on: nothing hangs.
#[test]
fn a_note_that_the_pedal_holds_ends_with_the_music_that_follows() {
    let on = |at_us, pitch: u8| {
        let (pitch, velocity) = (Pitch::new(pitch).unwrap(), Velocity::new(64).unwrap());
        Timed { at_us, message: Message::NoteOn { pitch, velocity } }
    };
    let off =
        |at_us, pitch: u8| Timed { at_us, message: Message::NoteOff { pitch: Pitch::new(pitch).unwrap() } };
    let strikes = [on(0, 30), on(0, 60), on(300_000, 90)];
    let ends = [30, 60, 90].map(|pitch| off(2_000_000, pitch));
    let mut live = Live::new(Pedal::Written);
    let mut told = live.pass(&strikes, &ends, 400_000);
    assert!(told.contains(&(250_000, Command::Key(off(0, 30).message))), "{told:?}");
    live.take_back(400_000);
    let ends = [off(700_000, 60), off(700_000, 90), off(900_000, 30)];
    told.extend(live.pass(&[], &ends, 600_000));
    told.extend(live.pass(&ends, &[], u64::MAX));
    let (heard, _) = heard(&told);
    let ends: Vec<u64> = heard.notes().iter().map(|note| note.end_us).collect();
    assert_eq!(ends.iter().max(), Some(&900_000));
}
