//! `inspect`: what an import finds in a MIDI file, applies and drops.

use anyhow::{Context, Result};
use performance::{EventCounts, Lineage, Made, encode, midi};
use serde::Serialize;

use crate::cli::InspectArgs;
use crate::files::read_midi;
use crate::say::{count, say};

#[derive(Serialize)]
struct Inspection {
    notes: usize,
    duration_s: f64,
    events: Events,
    tracks: usize,
    /// General MIDI programs that were asked for.
    instruments: Vec<u8>,
    pedals: Pedals,
    /// Notes of drum kits, left out.
    drums: usize,
    doubled_strikes: usize,
    summary: String,
    dropped: Vec<String>,
    /// What the music follows from, if the file says so.
    recipe: Option<Carried>,
}

/// A recipe that a file carries.
#[derive(Serialize)]
struct Carried {
    seed: u64,
    /// Events of the primer.
    primer: usize,
    /// Entries of the input log.
    inputs: usize,
    /// Events that were drawn.
    events: usize,
    /// The beginning of the weights' SHA-256 hash.
    weights: Option<String>,
    revision: Option<u32>,
}

impl Carried {
    fn of(Lineage { origin, recipe, made }: &Lineage) -> Self {
        Self {
            seed: recipe.seed,
            primer: recipe.primer.len(),
            inputs: recipe.log.entries().len(),
            events: match made {
                Made::Tokens(tokens) => tokens.len(),
                Made::Sum(sum) => sum.n_tokens as usize,
            },
            weights: origin.map(|origin| origin.hex()),
            revision: origin.map(|origin| origin.revision),
        }
    }
}

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, primer, inputs, events, .. } = self;
        let weights = self.weights.as_deref().unwrap_or("unknown");
        let revision = self.revision.map_or("unknown".to_owned(), |revision| revision.to_string());
        let primer = count(*primer, "event");
        let (inputs, events) = (count(*inputs, "input"), count(*events, "event"));
        write!(
            f,
            "carries its recipe: seed {seed}, {primer} of a primer, {inputs}, {events} drawn with weights "
        )?;
        write!(f, "{weights}, revision {revision}")
    }
}

/// How often each went down, and how many notes they prolonged. The soft pedal is left out.
#[derive(Serialize)]
struct Pedals {
    sustain: usize,
    sostenuto: usize,
    soft: usize,
    prolonged_notes: usize,
    /// Whether they changed anything.
    applied: bool,
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
    let bytes = read_midi(&args.file)?;
    let import = midi::read(&bytes).with_context(|| args.file.display().to_string())?;
    let counts = EventCounts::of(&encode(&import.performance));
    let report = &import.report;
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
        tracks: report.n_tracks,
        instruments: report.programs.clone(),
        pedals: Pedals {
            sustain: report.sustain_presses,
            sostenuto: report.sostenuto_presses,
            soft: report.soft_presses,
            prolonged_notes: report.pedaled_notes,
            applied: report.pedaled_notes > 0,
        },
        drums: report.drum_notes,
        doubled_strikes: report.doubled_strikes,
        summary: report.to_string(),
        dropped: report.dropped.iter().map(ToString::to_string).collect(),
        recipe: import.lineage.as_ref().map(Carried::of),
    };
    if args.json {
        return say!("{}", serde_json::to_string(&inspection)?);
    }
    let Inspection { notes, duration_s, events, summary, dropped, recipe, .. } = inspection;
    let separator = if summary.is_empty() { "" } else { "; " };
    let mut lines = vec![
        format!("{} in {duration_s:.1} s{separator}{summary}", count(notes, "note")),
        format!(
            "{}: {} NOTE_ON, {} NOTE_OFF, {} TIME_SHIFT, {} VELOCITY",
            count(events.total, "event"),
            events.note_on,
            events.note_off,
            events.time_shift,
            events.velocity
        ),
    ];
    lines.extend(recipe.map(|recipe| recipe.to_string()));
    lines.extend(dropped.iter().map(|what| format!("dropped: {what}")));
    say!("{}", lines.join("\n"))
}
