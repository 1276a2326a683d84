//! `inspect`: what an import finds in a MIDI file, applies and drops.

use anyhow::{Context, Result};
use performance::{EventCounts, encode, midi};
use serde::Serialize;

use crate::cli::InspectArgs;

#[derive(Serialize)]
struct Inspection {
    notes: usize,
    duration_s: f64,
    events: Events,
    dropped: Vec<String>,
}

#[derive(Serialize)]
struct Events {
    note_on: usize,
    note_off: usize,
    time_shift: usize,
    velocity: usize,
    total: usize,
}

pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let bytes =
        std::fs::read(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let import = midi::read(&bytes).with_context(|| args.file.display().to_string())?;
    let counts = EventCounts::of(&encode(&import.performance));
    let inspection = Inspection {
        notes: import.performance.notes().len(),
        duration_s: import.performance.duration_us() as f64 / 1e6,
        events: Events {
            note_on: counts.note_on,
            note_off: counts.note_off,
            time_shift: counts.time_shift,
            velocity: counts.velocity,
            total: counts.total(),
        },
        dropped: import.report.dropped.iter().map(ToString::to_string).collect(),
    };
    if args.json {
        println!("{}", serde_json::to_string(&inspection)?);
        return Ok(());
    }
    let Inspection { notes, duration_s, events, dropped } = inspection;
    println!("{notes} notes in {duration_s:.1} s; {}", import.report);
    println!(
        "{} events: {} NOTE_ON, {} NOTE_OFF, {} TIME_SHIFT, {} VELOCITY",
        events.total, events.note_on, events.note_off, events.time_shift, events.velocity
    );
    for what in dropped {
        println!("dropped: {what}");
    }
    Ok(())
}
