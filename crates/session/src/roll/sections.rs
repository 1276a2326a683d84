//! Where the music changes.

use performance::playback::Timeline;

use super::reading::{Reading, Sums};
use crate::format;

/// The music is looked at in blocks of this length. Larger misses short passages; smaller finds changes
/// where there are none.
const BLOCK_US: u64 = 8_000_000;
/// A pace is another one from this ratio on ...
const PACE_RATIO: f64 = 1.7;
/// ... above this many notes a second, which are added to both.
const PACE_FLOOR: f64 = 0.7;
/// Loudness is another one from this difference of velocity bins on.
const LOUDNESS_BINS: f64 = 3.5;

/// A part of the performance, or something that happened in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Where it begins, in microseconds since the primer's end; the primer begins there, too.
    pub at_us: u64,
    /// What begins there.
    pub title: String,
}

/// Something that is listed beside the music's own sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landmark {
    /// Microseconds since the primer's end.
    pub at_us: u64,
    /// "Branched from No. 3", "Density 8".
    pub title: String,
}

/// Number of blocks of which all is known. [`sections`] changes only when this does.
#[must_use]
pub fn n_blocks(timeline: &Timeline, primer_us: u64) -> u64 {
    timeline.end_us().saturating_sub(primer_us) / BLOCK_US
}

/// The primer, the passages that differ markedly in pace, loudness or key, and the landmarks, by time.
#[must_use]
pub fn sections(timeline: &Timeline, primer_us: u64, landmarks: &[Landmark]) -> Vec<Section> {
    let mut sections = Vec::new();
    if primer_us > 0 {
        let mut primer = Sums::default();
        timeline.onsets(0, primer_us).iter().for_each(|bar| primer.add(bar));
        let (length, reading) = (format::clock(primer_us / 1_000_000), primer.reading(primer_us));
        sections.push(Section { at_us: 0, title: format!("Primer, {length} before: {reading}") });
    }
    let blocks: Vec<Sums> = (0..n_blocks(timeline, primer_us).max(1))
        .map(|block| {
            let from_us = primer_us + block * BLOCK_US;
            let mut sums = Sums::default();
            timeline.onsets(from_us, from_us + BLOCK_US).iter().for_each(|bar| sums.add(bar));
            sums
        })
        .collect();
    let has_music = timeline.end_us() > primer_us;
    let mut passages = if has_music { passages(&blocks) } else { Vec::new() }.into_iter();
    let mut landmarks = landmarks.iter().peekable();
    let mut next = passages.next();
    loop {
        // At the same time, what was done comes before what came of it.
        let at_us = next.as_ref().map_or(u64::MAX, |(block, _)| *block as u64 * BLOCK_US);
        if let Some(landmark) = landmarks.next_if(|landmark| landmark.at_us <= at_us) {
            sections.push(Section { at_us: landmark.at_us, title: landmark.title.clone() });
        } else if let Some((_, reading)) = next {
            sections.push(Section { at_us, title: sentence(&reading) });
            next = passages.next();
        } else {
            return sections;
        }
    }
}

/// First block and reading of each passage.
fn passages(blocks: &[Sums]) -> Vec<(usize, Reading)> {
    let mut passages = Vec::new();
    let (mut start, mut so_far) = (0, Sums::default());
    for (index, block) in blocks.iter().enumerate() {
        // Two blocks in a row: a single chord or rest is no passage.
        if let Some(after) = blocks.get(index + 1)
            && index > start + 1
        {
            let length_us = (index - start) as u64 * BLOCK_US;
            if [block, after].iter().all(|next| differ((&so_far, length_us), (next, BLOCK_US))) {
                passages.push((start, so_far.reading(length_us)));
                (start, so_far) = (index, Sums::default());
            }
        }
        so_far.merge(block);
    }
    passages.push((start, so_far.reading((blocks.len() - start) as u64 * BLOCK_US)));
    passages
}

fn differ((a, a_us): (&Sums, u64), (b, b_us): (&Sums, u64)) -> bool {
    let ratio = (a.pace(a_us) + PACE_FLOOR) / (b.pace(b_us) + PACE_FLOOR);
    let is_other_pace = !(1.0 / PACE_RATIO..=PACE_RATIO).contains(&ratio);
    let is_other_loudness = match (a.mean_bin(), b.mean_bin()) {
        (Some(a), Some(b)) => (a - b).abs() >= LOUDNESS_BINS,
        _ => false,
    };
    let is_other_key = matches!((a.key(), b.key()), (Some(a), Some(b)) if a != b);
    is_other_pace || is_other_loudness || is_other_key
}

fn sentence(reading: &Reading) -> String {
    let text = reading.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use performance::playback::Origin;
    use performance::{Event, Pitch, Shift, Token, VelocityBin};

    use super::*;

    /// So many seconds of these pitches over and over.
    fn passage(secs: usize, pitches: &[u8], bin: u8, step_steps: u8) -> Vec<Token> {
        let mut tokens: Vec<Token> = vec![Event::Velocity(VelocityBin::new(bin).unwrap()).into()];
        for &pitch in pitches.iter().cycle().take(secs * 1000 / (8 * usize::from(step_steps))) {
            let pitch = Pitch::new(pitch).unwrap();
            let shift = Event::TimeShift(Shift::new(step_steps).unwrap());
            tokens.extend([Event::NoteOn(pitch), shift, Event::NoteOff(pitch)].map(Token::from));
        }
        tokens
    }

    const C_MAJOR: [u8; 8] = [60, 64, 67, 65, 62, 67, 60, 71];
    const A_MINOR: [u8; 8] = [57, 60, 64, 57, 65, 64, 68, 57];

    fn listed(timeline: &Timeline, primer_us: u64, landmarks: &[Landmark]) -> Vec<String> {
        let sections = sections(timeline, primer_us, landmarks);
        sections.iter().map(|section| format!("{} {}", section.at_us / 1_000_000, section.title)).collect()
    }

    #[test]
    fn a_section_begins_where_pace_loudness_or_key_change() {
        let mut timeline = Timeline::default();
        timeline.extend(&passage(16, &A_MINOR, 12, 25), Origin::Primer);
        let primer_us = timeline.end_us();
        for tokens in [
            passage(40, &C_MAJOR, 12, 25),
            passage(40, &C_MAJOR, 12, 10),
            passage(40, &C_MAJOR, 24, 10),
            passage(48, &A_MINOR, 24, 10),
        ] {
            timeline.extend(&tokens, Origin::Network);
        }
        let landmark = |at_us, title: &str| Landmark { at_us, title: title.into() };
        let landmarks = [landmark(0, "Branched from No. 1"), landmark(80_000_000, "Louder")];
        assert_eq!(
            listed(&timeline, primer_us, &landmarks),
            [
                "0 Primer, 0:16 before: 5 notes per second, soft, A minor",
                "0 Branched from No. 1",
                "0 5 notes per second, soft, C major",
                "40 12 notes per second, soft, C major",
                "80 Louder",
                "80 12 notes per second, very loud, C major",
                "120 12 notes per second, very loud, A minor",
            ]
        );
    }

    #[test]
    fn one_odd_bar_is_no_section() {
        let mut timeline = Timeline::default();
        for (secs, step_steps) in [(40, 25), (6, 10), (40, 25)] {
            timeline.extend(&passage(secs, &C_MAJOR, 12, step_steps), Origin::Network);
        }
        assert_eq!(listed(&timeline, 0, &[]), ["0 6 notes per second, soft, C major"]);
        assert!(listed(&Timeline::default(), 0, &[]).is_empty());
    }
}
