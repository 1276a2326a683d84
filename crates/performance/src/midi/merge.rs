//! From tracks to one keyboard.

use std::collections::BTreeSet;

use super::chunks::{Chunk, Chunks, Header, TrackChunk};
use super::parts::DRUM_CHANNEL;
use super::report::{Dropped, Format, Report};
use super::sequence::Sequence;
use super::tempo::TempoMap;
use super::track::{self, ChannelEvent, TimedEvent, TrackEvent};
use super::{Import, MAX_HOURS};
use crate::lineage::from_seven_bits;
use crate::{Error, Lineage, Note, Performance};

/// A header can announce no more.
const MAX_TRACKS: usize = u16::MAX as usize;
const MAX_US: u64 = MAX_HOURS * 3_600 * 1_000_000;

/// Merges all tracks; refuses if there is nothing to play.
pub(super) fn merge(header: Header, mut chunks: Chunks<'_>) -> Result<Import, Error> {
    let mut merge = Merge { n_files: 1, ..Merge::default() };
    let mut current = header;
    for chunk in chunks.by_ref() {
        match chunk {
            // Several files in one: each at its own speed, after the one before.
            Chunk::Header(next) => {
                merge.play(current);
                merge.n_files += 1;
                current = next;
            }
            Chunk::Track(_) if merge.n_tracks == MAX_TRACKS => {
                merge.dropped.push(Dropped::TooManyTracks);
                break;
            }
            Chunk::Track(track) => {
                merge.read_track(&track);
                if current.format == Format::Sequential {
                    merge.play(current);
                }
            }
        }
    }
    merge.play(current);
    merge.finish(header, &chunks)
}

#[derive(Debug, Default)]
struct Merge {
    /// Events of the tracks that play together, and when the last of these tracks ends.
    events: Vec<TimedEvent>,
    end_tick: u64,
    /// Of these tracks, how many play on the drum channel alone, and how many of those are named a piano.
    drum_tracks: usize,
    drum_tracks_named_piano: usize,
    /// When they begin: the end of the sequence before.
    start_us: u64,
    notes: Vec<Note>,
    n_files: usize,
    n_tracks: usize,
    last_status: Option<u8>,
    programs: BTreeSet<u8>,
    tempo_changes: usize,
    zero_tempos: usize,
    sustain_presses: usize,
    sostenuto_presses: usize,
    soft_presses: usize,
    pedaled_notes: usize,
    doubled_strikes: usize,
    quick_strikes: usize,
    drum_notes: usize,
    unmatched_offs: usize,
    stuck_notes: usize,
    late_notes: usize,
    endless_notes: usize,
    /// What the first track that carries one follows from.
    lineage: Option<Lineage>,
    /// Position of the first bytes that could not be read.
    damaged_at: Option<usize>,
    dropped: Vec<Dropped>,
}

impl Merge {
    fn read_track(&mut self, chunk: &TrackChunk<'_>) {
        self.n_tracks += 1;
        let track = self.n_tracks;
        let n_before = self.events.len();
        let end = track::read(track, chunk.body, self.last_status, &mut self.events);
        self.last_status = end.last_status;
        self.end_tick = self.end_tick.max(end.tick);
        if plays_on_drum_channel_alone(&self.events[n_before..]) {
            self.drum_tracks += 1;
            self.drum_tracks_named_piano += usize::from(end.is_named_piano);
        }
        if let Some(bytes) = end.lineage.filter(|_| self.lineage.is_none()) {
            match Lineage::from_bytes(&from_seven_bits(bytes)) {
                Ok(lineage) => self.lineage = Some(lineage),
                Err(Error::NewerRecipe { found }) => self.dropped.push(Dropped::NewerRecipe { found }),
                Err(_) => self.dropped.push(Dropped::DamagedRecipe),
            }
        }
        let (faults, len) = (end.faults, chunk.body.len());
        let lost_at = faults.lost_at.unwrap_or(len);
        let is_cut_off = chunk.cut_off && end.marked_at.is_none();
        // What cannot be read at the very end of a file that is cut off is no other fault.
        let is_damaged = faults.lost_bytes > 0 && !(is_cut_off && lost_at + faults.lost_bytes == len);
        if faults.lost_bytes > 0 {
            self.damaged_at = self.damaged_at.or(Some(chunk.at + lost_at));
        }
        let n_after = end.marked_at.map_or(0, |at| len - at);
        let is_unmarked = end.marked_at.is_none() && !is_cut_off && !is_damaged;
        let found = [
            (faults.is_statusless, Dropped::NoStatus { track }),
            (faults.high_values > 0, Dropped::HighValues { track, events: faults.high_values }),
            (faults.illegal_events > 0, Dropped::IllegalEvents { track, events: faults.illegal_events }),
            (faults.bare_sysex > 0, Dropped::BareSysEx { track, events: faults.bare_sysex }),
            (is_damaged, Dropped::Unreadable { track, at: chunk.at + lost_at, bytes: faults.lost_bytes }),
            (is_cut_off, Dropped::CutOff { track, at: chunk.at + len }),
            (is_unmarked, Dropped::NoEndMark { track }),
            (n_after > 0, Dropped::BytesAfterEnd { track, bytes: n_after }),
        ];
        self.dropped.extend(found.into_iter().filter(|&(is_so, _)| is_so).map(|(_, dropped)| dropped));
    }

    /// Plays the events gathered so far, from tick 0 to the end; the next ones begin there.
    fn play(&mut self, header: Header) {
        let mut events = std::mem::take(&mut self.events);
        // Stable: what is of one rank stays in the order of the tracks and the file. In two steps, because tracks are
        // in order of time already.
        events.sort_by_key(|event| event.tick);
        for moment in events.chunk_by_mut(|a, b| a.tick == b.tick).filter(|moment| moment.len() > 1) {
            moment.sort_by_key(TimedEvent::rank);
        }
        let end_tick = std::mem::take(&mut self.end_tick);
        let drum_tracks = std::mem::take(&mut self.drum_tracks);
        let named_piano = std::mem::take(&mut self.drum_tracks_named_piano);
        let has_drum_channel = drum_tracks == 0 || named_piano < drum_tracks;

        let tempos = events.iter().filter_map(|event| match event.event {
            TrackEvent::Tempo { micros_per_quarter } => Some((event.tick, micros_per_quarter)),
            _ => None,
        });
        let (tempos, zero_tempos): (Vec<_>, Vec<_>) = tempos.partition(|&(_, micros)| micros > 0);
        self.zero_tempos += zero_tempos.len();
        self.tempo_changes += tempos.len();
        let tempo_map = TempoMap::new(header.division, tempos);

        let sequence = Sequence::new(events, has_drum_channel);
        self.programs.extend(&sequence.programs);
        self.soft_presses += sequence.soft_presses;
        let played = sequence.play(end_tick, |tick| tempo_map.micros(tick));
        self.sustain_presses += played.sustain_presses;
        self.sostenuto_presses += played.sostenuto_presses;
        self.unmatched_offs += played.unmatched_offs;
        self.drum_notes += played.drum_notes;
        self.pedaled_notes += played.keyboard.pedaled_notes;
        self.doubled_strikes += played.keyboard.doubled_strikes;
        self.quick_strikes += played.keyboard.quick_strikes;
        self.stuck_notes += played.keyboard.stuck_notes;

        for note in played.keyboard.notes {
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
            n_files: self.n_files,
            n_tracks: self.n_tracks,
            programs: self.programs.into_iter().collect(),
            tempo_changes: self.tempo_changes,
            sustain_presses: self.sustain_presses,
            sostenuto_presses: self.sostenuto_presses,
            soft_presses: self.soft_presses,
            pedaled_notes: self.pedaled_notes,
            doubled_strikes: self.doubled_strikes,
            quick_strikes: self.quick_strikes,
            drum_notes: self.drum_notes,
            dropped,
        };
        Ok(Import { performance: Performance::new(self.notes), report, lineage: self.lineage })
    }

    /// Why a file without notes has none.
    fn refusal(&self, chunks: &Chunks<'_>) -> Error {
        let is_cut_off = self.dropped.iter().any(|dropped| matches!(dropped, Dropped::CutOff { .. }));
        match self.damaged_at {
            _ if self.n_tracks == 0 => Error::NoTracks,
            _ if self.late_notes > 0 => Error::LateNotes,
            _ if is_cut_off => Error::CutOff { bytes: chunks.file_bytes() },
            Some(at) => Error::Damaged { at },
            None if self.drum_notes > 0 => Error::DrumsOnly,
            None => Error::NoNotes,
        }
    }
}

fn plays_on_drum_channel_alone(events: &[TimedEvent]) -> bool {
    let mut channels = events.iter().filter_map(|event| match event.event {
        TrackEvent::Channel { channel, event: ChannelEvent::NoteOn(..) } => Some(channel),
        _ => None,
    });
    channels.next() == Some(DRUM_CHANNEL) && channels.all(|channel| channel == DRUM_CHANNEL)
}
