//! Scores from Standard MIDI Files: ticks, tempo and meter are kept.

use std::collections::VecDeque;

use midly::{Format, MetaMessage, MidiMessage, Smf, Timing, TrackEventKind};

use super::builder::{MAX_NOTES, MAX_QUARTERS, NewNote, Score};
use super::error::ScoreError;
use super::note::{Bar, Marks, Span};
use super::tempo::TempoMark;
use crate::{Pitch, Velocity};

const DRUM_CHANNEL: u8 = 9;
const SUSTAIN_PEDAL: u8 = 64;
/// Score programs end notes one tick before the next begins. An end one tick before a multiple of this part of a
/// quarter is meant to be there.
const END_GRID_PER_QUARTER: u64 = 24;

/// A note that is down: since when, how hard.
type Struck = (u64, Velocity);

#[derive(Default)]
struct Reader {
    notes: Vec<NewNote>,
    tempos: Vec<TempoMark>,
    /// Tick, beats, beat unit.
    meters: Vec<(u64, u8, u8)>,
    pedals: Vec<Span>,
    drum_notes: usize,
    unended_notes: usize,
    end_tick: u64,
}

/// Reads a score from MIDI.
pub(super) fn read(bytes: &[u8]) -> Result<Score, ScoreError> {
    let smf = Smf::parse(bytes).map_err(|error| ScoreError::Midi(error.to_string()))?;
    let Timing::Metrical(ticks) = smf.header.timing else { return Err(ScoreError::Timecode) };
    let per_quarter = u64::from(ticks.as_int());
    if per_quarter == 0 {
        return Err(ScoreError::Midi("its header counts 0 ticks per beat".to_owned()));
    }
    let mut reader = Reader::default();
    for (number, track) in smf.tracks.iter().enumerate() {
        let start_tick = if smf.header.format == Format::Sequential { reader.end_tick } else { 0 };
        reader.read_track(number, track, start_tick, per_quarter)?;
    }
    let end =
        reader.notes.iter().map(|note| note.onset_quarters + note.duration_quarters).fold(0.0, f64::max);
    let bars = bars(&mut reader.meters, end, per_quarter)?;
    let mut left_out = Vec::new();
    if reader.drum_notes > 0 {
        left_out.push(format!("drums are left out ({} notes)", reader.drum_notes));
    }
    if reader.unended_notes > 0 {
        left_out.push(format!(
            "notes that never end are cut at the end of their track ({})",
            reader.unended_notes
        ));
    }
    Score::builder()
        .notes(reader.notes)
        .bars(bars)
        .tempos(reader.tempos)
        .pedals(reader.pedals)
        .left_out(left_out)
        .may_be_played()
        .build()
}

impl Reader {
    fn read_track(
        &mut self,
        number: usize,
        track: &[midly::TrackEvent<'_>],
        start_tick: u64,
        per_quarter: u64,
    ) -> Result<(), ScoreError> {
        let quarters = |tick: u64| tick as f64 / per_quarter as f64;
        let mut down: Vec<VecDeque<Struck>> = vec![VecDeque::new(); 16 * 128];
        let mut pedal_down = None;
        let mut tick = start_tick;
        for event in track {
            tick += u64::from(event.delta.as_int());
            if tick / per_quarter > u64::from(MAX_QUARTERS) {
                return Err(ScoreError::TooLong);
            }
            match event.kind {
                TrackEventKind::Meta(MetaMessage::Tempo(micros)) if micros.as_int() > 0 => {
                    let quarters_per_minute = 60e6 / f64::from(micros.as_int());
                    self.tempos.push(TempoMark { onset_quarters: quarters(tick), quarters_per_minute });
                }
                TrackEventKind::Meta(MetaMessage::TimeSignature(beats @ 1.., unit_log2 @ 0..=6, ..)) => {
                    self.meters.push((tick, beats, 1 << unit_log2));
                }
                TrackEventKind::Midi { channel, message: MidiMessage::NoteOn { vel, .. } }
                    if channel.as_int() == DRUM_CHANNEL =>
                {
                    self.drum_notes += usize::from(vel.as_int() > 0);
                }
                TrackEventKind::Midi { channel, message } if channel.as_int() != DRUM_CHANNEL => {
                    let key = |key: u8| usize::from(channel.as_int()) * 128 + usize::from(key);
                    match message {
                        MidiMessage::NoteOn { key: pitch, vel } if vel.as_int() > 0 => {
                            if let Ok(velocity) = Velocity::new(vel.as_int()) {
                                down[key(pitch.as_int())].push_back((tick, velocity));
                            }
                        }
                        MidiMessage::NoteOn { key: pitch, .. } | MidiMessage::NoteOff { key: pitch, .. } => {
                            let struck = down[key(pitch.as_int())].pop_front();
                            self.finish(number, pitch.as_int(), struck, tick, per_quarter)?;
                        }
                        MidiMessage::Controller { controller, value } if controller == SUSTAIN_PEDAL => {
                            let is_down = value.as_int() >= 64;
                            if is_down && pedal_down.is_none() {
                                pedal_down = Some(quarters(tick));
                            } else if let (false, Some(start_quarters)) = (is_down, pedal_down) {
                                self.pedals.push(Span { start_quarters, end_quarters: quarters(tick) });
                                pedal_down = None;
                            }
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        for (key, struck) in down.into_iter().enumerate() {
            for struck in struck {
                self.unended_notes += 1;
                self.finish(number, (key % 128) as u8, Some(struck), tick, per_quarter)?;
            }
        }
        self.end_tick = self.end_tick.max(tick);
        Ok(())
    }

    fn finish(
        &mut self,
        track: usize,
        pitch: u8,
        struck: Option<Struck>,
        end_tick: u64,
        per_quarter: u64,
    ) -> Result<(), ScoreError> {
        let (Some((start_tick, velocity)), Ok(pitch)) = (struck, Pitch::new(pitch)) else { return Ok(()) };
        if self.notes.len() >= MAX_NOTES {
            return Err(ScoreError::TooManyNotes);
        }
        let grid = (per_quarter / END_GRID_PER_QUARTER).max(1);
        let meant_tick = if (end_tick + 1).is_multiple_of(grid) { end_tick + 1 } else { end_tick };
        let ticks = meant_tick.saturating_sub(start_tick).max(1);
        self.notes.push(NewNote {
            pitch,
            onset_quarters: start_tick as f64 / per_quarter as f64,
            duration_quarters: ticks as f64 / per_quarter as f64,
            velocity,
            voice: u8::try_from(track).ok(),
            marks: Marks::default(),
        });
        Ok(())
    }
}

/// Bars from time signatures: each begins one. A first bar that is shorter than those after it is an upbeat.
fn bars(meters: &mut [(u64, u8, u8)], end: f64, per_quarter: u64) -> Result<Vec<Bar>, ScoreError> {
    meters.sort_by_key(|meter| meter.0);
    let mut bars: Vec<Bar> = Vec::new();
    for (idx, &(tick, beats, beat_unit)) in meters.iter().enumerate() {
        let quarters = |tick: u64| tick as f64 / per_quarter as f64;
        let mut onset_quarters = quarters(tick);
        let end_quarters = meters.get(idx + 1).map_or(end, |next| quarters(next.0));
        while onset_quarters < end_quarters - 1e-3 {
            let bar = Bar { onset_quarters, beats, beat_unit, skipped_quarters: 0.0 };
            if bars.len() > MAX_NOTES {
                return Err(ScoreError::TooLong);
            }
            bars.push(bar);
            onset_quarters += bar.length_quarters();
        }
    }
    if let [first, second, ..] = bars.as_mut_slice() {
        let length = second.onset_quarters - first.onset_quarters;
        let skipped_quarters = second.length_quarters() - length;
        if skipped_quarters > 0.0 && meters.len() > 1 {
            *first = Bar { onset_quarters: first.onset_quarters, skipped_quarters, ..*second };
        }
    }
    Ok(bars)
}
