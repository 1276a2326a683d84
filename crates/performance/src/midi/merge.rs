//! From tracks to one keyboard.

use std::collections::BTreeSet;

use super::chunks::{Chunks, Header, TrackChunk};
use super::pedal::Keys;
use super::report::{Dropped, Format, Report};
use super::tempo::TempoMap;
use super::track::{self, ChannelEvent, EndKind, TimedEvent, TrackEvent};
use super::{Import, MAX_HOURS};
use crate::{Error, Note, Performance};

/// General MIDI's drum kit, "channel 10" to people, who count from 1.
const DRUM_CHANNEL: u8 = 9;
/// A header can announce no more.
const MAX_TRACKS: usize = u16::MAX as usize;
const MAX_US: u64 = MAX_HOURS * 3_600 * 1_000_000;

/// Merges all tracks; refuses if there is nothing to play.
pub(super) fn merge(header: Header, mut tracks: Chunks<'_>) -> Result<Import, Error> {
    let mut merge = Merge::default();
    for chunk in tracks.by_ref().take(MAX_TRACKS) {
        merge.read_track(&chunk);
        if header.format == Format::Sequential {
            merge.play(header);
        }
    }
    if tracks.next().is_some() {
        merge.dropped.push(Dropped::TooManyTracks);
    }
    merge.play(header);
    merge.finish(header, &tracks)
}

#[derive(Debug, Default)]
struct Merge {
    /// Events of the tracks that play together, and when the last of these tracks ends.
    events: Vec<TimedEvent>,
    end_tick: u64,
    /// When they begin: the end of the sequence before.
    start_us: u64,
    notes: Vec<Note>,
    n_tracks: usize,
    programs: BTreeSet<u8>,
    tempo_changes: usize,
    zero_tempos: usize,
    pedal_presses: usize,
    drum_notes: usize,
    unmatched_offs: usize,
    stuck_notes: usize,
    late_notes: usize,
    endless_notes: usize,
    dropped: Vec<Dropped>,
}

impl Merge {
    fn read_track(&mut self, chunk: &TrackChunk<'_>) {
        self.n_tracks += 1;
        let track = self.n_tracks;
        let end = track::read(chunk.body, &mut self.events);
        self.end_tick = self.end_tick.max(end.tick);
        if end.n_illegal > 0 {
            self.dropped.push(Dropped::IllegalEvents { track, events: end.n_illegal });
        }
        let len = chunk.body.len();
        let dropped = match end.kind {
            EndKind::Marked { at } if at == len => return,
            EndKind::Marked { at } => Dropped::BytesAfterEnd { track, bytes: len - at },
            _ if chunk.cut_off => Dropped::CutOff { track, at: chunk.at + len },
            EndKind::Unmarked => Dropped::NoEndMark { track },
            EndKind::Unreadable { at } => Dropped::Unreadable { track, at: chunk.at + at, bytes: len - at },
        };
        self.dropped.push(dropped);
    }

    /// Plays the events gathered so far, from tick 0 to the end; the next ones begin there.
    fn play(&mut self, header: Header) {
        let mut events = std::mem::take(&mut self.events);
        // Pedals move first: a key that goes up in the instant in which the pedal goes down is caught
        // by it. (Recordings are full of such ticks; with the order of the file, which is by controller
        // or chance, notes break off.) Stable: all else stays in the order of the tracks and the file.
        events.sort_by_key(|event| (event.tick, !event.is_pedal()));
        let mut tempos = Vec::new();
        let mut keys = Keys::default();
        for TimedEvent { tick, event } in events {
            match event {
                TrackEvent::Tempo { micros_per_quarter: 0 } => self.zero_tempos += 1,
                TrackEvent::Tempo { micros_per_quarter } => tempos.push((tick, micros_per_quarter)),
                TrackEvent::Channel { channel: DRUM_CHANNEL, event } => {
                    self.drum_notes += usize::from(matches!(event, ChannelEvent::NoteOn(..)));
                }
                TrackEvent::Channel { channel, event } => {
                    self.programs.extend(match event {
                        ChannelEvent::Program(program) => Some(program),
                        _ => None,
                    });
                    keys.apply(tick, channel, event);
                }
            }
        }
        self.tempo_changes += tempos.len();
        self.pedal_presses += keys.pedal_presses;
        self.unmatched_offs += keys.unmatched_offs;
        let end_tick = std::mem::take(&mut self.end_tick);
        let (notes, n_stuck) = keys.finish(end_tick);
        self.stuck_notes += n_stuck;

        let tempo_map = TempoMap::new(header.division, tempos);
        for note in notes {
            let us = |tick| self.start_us.saturating_add(tempo_map.micros(tick));
            let (start_us, end_us) = (us(note.start_tick), us(note.end_tick));
            if start_us > MAX_US {
                self.late_notes += 1;
                continue;
            }
            self.endless_notes += usize::from(end_us > MAX_US);
            let (pitch, velocity) = (note.pitch, note.velocity);
            self.notes.push(Note { pitch, velocity, start_us, end_us: end_us.min(MAX_US) });
        }
        self.start_us = self.start_us.saturating_add(tempo_map.micros(end_tick));
    }

    fn finish(mut self, header: Header, chunks: &Chunks<'_>) -> Result<Import, Error> {
        if self.notes.is_empty() {
            return Err(self.refusal(chunks));
        }
        let counted = [
            (self.zero_tempos, Dropped::ZeroTempos { events: self.zero_tempos }),
            (self.unmatched_offs, Dropped::UnmatchedNoteOffs { events: self.unmatched_offs }),
            (self.stuck_notes, Dropped::StuckNotes { notes: self.stuck_notes }),
            (self.late_notes, Dropped::LateNotes { notes: self.late_notes }),
            (self.endless_notes, Dropped::EndlessNotes { notes: self.endless_notes }),
        ];
        let mut dropped = chunks.dropped().to_vec();
        dropped.append(&mut self.dropped);
        dropped.extend(counted.into_iter().filter(|&(n, _)| n > 0).map(|(_, dropped)| dropped));
        let report = Report {
            format: header.format,
            n_tracks: self.n_tracks,
            programs: self.programs.into_iter().collect(),
            tempo_changes: self.tempo_changes,
            pedal_presses: self.pedal_presses,
            drum_notes: self.drum_notes,
            dropped,
        };
        Ok(Import { performance: Performance::new(self.notes), report })
    }

    /// Why a file without notes has none.
    fn refusal(&self, chunks: &Chunks<'_>) -> Error {
        let damaged_at = self.dropped.iter().find_map(|dropped| match *dropped {
            Dropped::Unreadable { at, .. } => Some(at),
            _ => None,
        });
        let is_cut_off = self.dropped.iter().any(|dropped| matches!(dropped, Dropped::CutOff { .. }));
        match damaged_at {
            _ if self.n_tracks == 0 => Error::NoTracks,
            _ if self.late_notes > 0 => Error::LateNotes,
            _ if is_cut_off => Error::CutOff { bytes: chunks.file_bytes() },
            Some(at) => Error::Damaged { at },
            None if self.drum_notes > 0 => Error::DrumsOnly,
            None => Error::NoNotes,
        }
    }
}
