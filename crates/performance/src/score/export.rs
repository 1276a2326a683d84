//! A performed score as a MIDI file with bars: tempo follows the performance, notes lie on the written grid.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Timing, TrackEvent, TrackEventKind};

use super::builder::Score;
use super::expression::Expression;
use super::note::Bar;
use super::rendition::Rendition;
use super::tempo::{TempoMap, TempoMark};

/// Half a millisecond at 125 quarters a minute.
const TICKS_PER_QUARTER: u16 = 960;
/// Chords closer than this share a tempo: rolled chords and grace notes have none of their own.
const SHORTEST_GAP_QUARTERS: f64 = 0.125;
/// Slowest and fastest tempo that is written, in quarters per minute; 24 bits of microseconds end at 3.6.
const TEMPO_RANGE: (f64, f64) = (5.0, 1_000.0);
/// Notes so much before the first chord's time are put there; larger spoils beginnings, smaller makes empty bars.
const EARLIEST_SECS: f64 = 0.03;
const SUSTAIN_PEDAL: u8 = 64;
const RELEASE_VELOCITY: u8 = 64;
const TAIL_TICKS: u32 = 960;

/// A performance of a score as a Standard MIDI File whose bars are the score's: programs that engrave or edit show
/// each note at its written place, and play it at its performed time.
///
/// Onsets are right within a tick (at most a millisecond above 60 quarters a minute). Where the performance begins
/// clearly before the first chord's time, as with a rolled chord, an empty bar comes first; else notes before it are
/// put there. The written pedal is kept as controller 64.
#[must_use]
pub fn export(score: &Score, expression: &Expression) -> Vec<u8> {
    export_with(score, expression, None)
}

/// The same with what it follows from, in an event that other programs pass over ([`carried`](super::carried)).
#[must_use]
pub fn export_with(score: &Score, expression: &Expression, rendition: Option<&Rendition>) -> Vec<u8> {
    let event = rendition.and_then(Rendition::to_event);
    let rendered = expression.render(score);
    let earliest_secs = rendered.iter().map(|note| note.onset_secs).fold(f64::INFINITY, f64::min);
    let first = &score.chords()[0];
    let (bar, _) = score.place_in_bar(first.onset_quarters);
    let lead_quarters = if earliest_secs < -EARLIEST_SECS { bar.length_quarters() } else { 0.0 };
    let marks = tempo_marks(score, expression, lead_quarters);
    let map = TempoMap::new(&marks);
    // The first chord's time in the file.
    let start_secs = map.secs(first.onset_quarters + lead_quarters);
    let tick = |quarters: f64| (quarters.max(0.0) * f64::from(TICKS_PER_QUARTER)).round() as u32;
    let tick_at = |secs: f64| tick(map.quarters(secs + start_secs));

    let mut conductor = Track::default();
    conductor.push(0, 0, TrackEventKind::Meta(MetaMessage::TrackName(b"Tempo")));
    for (quarters, beats, unit_log2) in meters(score, lead_quarters) {
        let meter = MetaMessage::TimeSignature(beats, unit_log2, 24, 8);
        conductor.push(tick(quarters), 0, TrackEventKind::Meta(meter));
    }
    for mark in &marks {
        let micros = (60e6 / mark.quarters_per_minute).round() as u32;
        let tempo = MetaMessage::Tempo(u24::new(micros.clamp(1, u24::max_value().as_int())));
        conductor.push(tick(mark.onset_quarters), 1, TrackEventKind::Meta(tempo));
    }

    let mut piano = Track::default();
    piano.push(0, 0, TrackEventKind::Meta(MetaMessage::TrackName(b"Piano")));
    piano.push(0, 0, channel(MidiMessage::ProgramChange { program: u7::new(0) }));
    for pedal in score.pedals() {
        for (quarters, value) in [(pedal.start_quarters, 127), (pedal.end_quarters, 0)] {
            let message =
                MidiMessage::Controller { controller: u7::new(SUSTAIN_PEDAL), value: u7::new(value) };
            piano.push(tick(quarters + lead_quarters), 2, channel(message));
        }
    }
    // The keyboard's rules: a key that sounds is released before it is struck again.
    for note in expression.apply(score).notes() {
        let secs = |us: u64| us as f64 / 1e6 + earliest_secs;
        let (start, end) = (tick_at(secs(note.start_us)), tick_at(secs(note.end_us)));
        let (key, vel) = (u7::new(note.pitch.get()), u7::new(note.velocity.get()));
        piano.push(start, 3, channel(MidiMessage::NoteOn { key, vel }));
        let vel = u7::new(RELEASE_VELOCITY);
        piano.push(end.max(start + 1), 1, channel(MidiMessage::NoteOff { key, vel }));
    }
    if let Some(event) = &event {
        // After all notes: where it is damaged, or a file is cut off, the notes are there.
        let last = piano.events.iter().map(|event| event.0).max().unwrap_or(0);
        piano.push(last, 4, TrackEventKind::Meta(MetaMessage::SequencerSpecific(event)));
    }
    let timing = Timing::Metrical(u15::new(TICKS_PER_QUARTER));
    let mut bytes = Vec::new();
    let tracks = [conductor.finish(), piano.finish()];
    // A Vec takes every byte; a score's notes are bounded, so that a track has a length.
    match midly::write(&Header::new(Format::Parallel, timing), &tracks, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// The tempo between chords; before the first it is the first.
fn tempo_marks(score: &Score, expression: &Expression, lead_quarters: f64) -> Vec<TempoMark> {
    let secs = expression.chord_secs(score);
    let chords = score.chords();
    let mut marks = Vec::new();
    let mut from = 0;
    for to in 1..chords.len() {
        let quarters = chords[to].onset_quarters - chords[from].onset_quarters;
        if quarters < SHORTEST_GAP_QUARTERS && to + 1 < chords.len() {
            continue;
        }
        let quarters_per_minute = 60.0 * quarters / (secs[to] - secs[from]).max(1e-6);
        let onset = if from == 0 { 0.0 } else { chords[from].onset_quarters + lead_quarters };
        marks.push(TempoMark {
            onset_quarters: (onset * f64::from(TICKS_PER_QUARTER)).round() / f64::from(TICKS_PER_QUARTER),
            quarters_per_minute: whole_micros(quarters_per_minute.clamp(TEMPO_RANGE.0, TEMPO_RANGE.1)),
        });
        from = to;
    }
    if marks.is_empty() {
        let period = expression.log_period.first().copied().unwrap_or(-1.0).exp2();
        let quarters_per_minute = whole_micros((60.0 / period).clamp(TEMPO_RANGE.0, TEMPO_RANGE.1));
        marks.push(TempoMark { onset_quarters: 0.0, quarters_per_minute });
    }
    marks
}

/// As the file will have it, so that rounding does not add up.
fn whole_micros(quarters_per_minute: f64) -> f64 {
    60e6 / (60e6 / quarters_per_minute).round()
}

/// Time signatures where they change, each as long as its bar is: quarters, beats, log2 of the beat's unit.
fn meters(score: &Score, lead_quarters: f64) -> Vec<(f64, u8, u8)> {
    let unknown = [Bar { onset_quarters: 0.0, beats: 4, beat_unit: 4, skipped_quarters: 0.0 }];
    let bars = if score.bars().is_empty() { &unknown[..] } else { score.bars() };
    let mut meters: Vec<(f64, u8, u8)> = Vec::new();
    let full = |bar: &Bar| (bar.beats, unit_log2(bar.beat_unit));
    if lead_quarters > 0.0 {
        let (beats, unit) = full(&bars[0]);
        meters.push((0.0, beats, unit));
    }
    for (idx, bar) in bars.iter().enumerate() {
        let next = bars.get(idx + 1).map(|next| next.onset_quarters - bar.onset_quarters);
        let length = next.unwrap_or(bar.length_quarters() - bar.skipped_quarters);
        let units = |log2: u8| length * f64::from(1u32 << log2) / 4.0;
        let (_, unit) = full(bar);
        // In its own unit, or the smallest in which it is whole; else the bar is not marked.
        let is_whole = |log2: &u8| (units(*log2) - units(*log2).round()).abs() < 1e-3;
        let Some(unit) =
            (unit..=6).find(is_whole).filter(|log2| (1.0..256.0).contains(&units(*log2).round()))
        else {
            continue;
        };
        let beats = units(unit).round() as u8;
        if meters.last().is_none_or(|last| (last.1, last.2) != (beats, unit)) {
            meters.push((bar.onset_quarters + lead_quarters, beats, unit));
        }
    }
    meters
}

fn unit_log2(beat_unit: u8) -> u8 {
    // Lossless: of 8 bits.
    beat_unit.max(1).ilog2() as u8
}

fn channel(message: MidiMessage) -> TrackEventKind<'static> {
    TrackEventKind::Midi { channel: u4::new(0), message }
}

/// Events at ticks, and what comes first at one tick.
#[derive(Default)]
struct Track<'a> {
    events: Vec<(u32, u8, TrackEventKind<'a>)>,
}

impl<'a> Track<'a> {
    fn push(&mut self, tick: u32, rank: u8, kind: TrackEventKind<'a>) {
        self.events.push((tick, rank, kind));
    }

    fn finish(mut self) -> Vec<TrackEvent<'a>> {
        self.events.sort_by_key(|event| (event.0, event.1));
        let end = self.events.last().map_or(0, |event| event.0).saturating_add(TAIL_TICKS);
        self.events.push((end, 0, TrackEventKind::Meta(MetaMessage::EndOfTrack)));
        let mut last = 0;
        let timed = |(tick, _, kind): (u32, u8, TrackEventKind<'a>)| {
            // A delta holds 74 hours at this resolution; scores end before.
            let delta = u28::new((tick - last).min(u28::max_value().as_int()));
            last = tick;
            TrackEvent { delta, kind }
        };
        self.events.into_iter().map(timed).collect()
    }
}
