//! What the music is like at a place, in words.

use std::fmt;

use performance::playback::{Bar, Timeline};
use performance::{MusicalKey, N_PITCH_CLASSES};

/// Pace and loudness are of this long before and after the place. Larger is steadier; smaller follows changes.
const REACH_US: u64 = 4_000_000;
/// The same for the key, for which a few notes are too few.
const KEY_REACH_US: u64 = 8_000_000;
/// A key that fits worse than this is not named.
const MIN_FIT: f64 = 0.6;
/// Nor one of fewer notes.
const MIN_NOTES: usize = 8;
/// A note counts for a key no longer than this: it fades.
const MAX_WEIGHT_US: u64 = 2_000_000;

/// How fast, how loud and in which key the music is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Notes per second.
    pub pace: f64,
    /// None without notes.
    pub loudness: Option<Loudness>,
    /// None where no key is clear.
    pub key: Option<MusicalKey>,
}

/// Five degrees of loudness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Like *pp*.
    VerySoft,
    /// Like *p*.
    Soft,
    /// Like *mf*.
    Medium,
    /// Like *f*.
    Loud,
    /// Like *ff*.
    VeryLoud,
}

impl Loudness {
    /// Of the mean of velocity bins: the fifths into which recordings of pianists fall, roughly.
    #[must_use]
    pub fn of(mean_bin: f64) -> Self {
        match mean_bin {
            bin if bin < 10.0 => Self::VerySoft,
            bin if bin < 14.0 => Self::Soft,
            bin if bin < 18.0 => Self::Medium,
            bin if bin < 22.0 => Self::Loud,
            _ => Self::VeryLoud,
        }
    }
}

impl fmt::Display for Loudness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VerySoft => "very soft",
            Self::Soft => "soft",
            Self::Medium => "moderately loud",
            Self::Loud => "loud",
            Self::VeryLoud => "very loud",
        })
    }
}

impl Reading {
    /// Of the music around a time.
    #[must_use]
    pub fn around(timeline: &Timeline, at_us: u64) -> Self {
        let span = |reach_us: u64| {
            (at_us.saturating_sub(reach_us), (at_us + reach_us).min(timeline.end_us().max(at_us + 1)))
        };
        let (from_us, to_us) = span(REACH_US);
        let mut near = Sums::default();
        timeline.onsets(from_us, to_us).iter().for_each(|bar| near.add(bar));
        let (key_from_us, key_to_us) = span(KEY_REACH_US);
        let mut wide = Sums::default();
        timeline.onsets(key_from_us, key_to_us).iter().for_each(|bar| wide.add(bar));
        Self { key: wide.key(), ..near.reading(to_us - from_us) }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(loudness) = self.loudness else { return f.write_str("silence") };
        let (pace, is_one) = pace(self.pace);
        write!(f, "{pace} note{} per second, {loudness}, ", if is_one { "" } else { "s" })?;
        match self.key {
            Some(key) => write!(f, "{key}"),
            None => f.write_str("no clear key"),
        }
    }
}

/// To half a note where the music is slow, and whether that is one.
fn pace(pace: f64) -> (String, bool) {
    let halves = (2.0 * pace).round();
    let text = match pace {
        pace if pace >= 4.0 => format!("{pace:.0}"),
        _ if halves < 1.0 => "less than half a".into(),
        _ if halves % 2.0 == 0.0 => format!("{:.0}", halves / 2.0),
        _ => format!("{:.1}", halves / 2.0),
    };
    (text, halves <= 2.0 && halves != 1.0)
}

/// What notes add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    n: usize,
    bins: f64,
    classes_us: [f64; N_PITCH_CLASSES],
}

impl Sums {
    pub(super) fn add(&mut self, bar: &Bar) {
        self.n += 1;
        self.bins += f64::from(bar.bin.get());
        let held_us = bar.end_us.map_or(MAX_WEIGHT_US, |end_us| end_us - bar.start_us);
        self.classes_us[bar.pitch.index() % N_PITCH_CLASSES] += held_us.min(MAX_WEIGHT_US) as f64;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.bins += other.bins;
        self.classes_us.iter_mut().zip(other.classes_us).for_each(|(sum, class_us)| *sum += class_us);
    }

    pub(super) fn mean_bin(&self) -> Option<f64> {
        (self.n > 0).then(|| self.bins / self.n as f64)
    }

    pub(super) fn pace(&self, length_us: u64) -> f64 {
        self.n as f64 * 1e6 / length_us.max(1) as f64
    }

    pub(super) fn key(&self) -> Option<MusicalKey> {
        let (key, fit) = MusicalKey::estimate(&self.classes_us).filter(|_| self.n >= MIN_NOTES)?;
        (fit >= MIN_FIT).then_some(key)
    }

    pub(super) fn reading(&self, length_us: u64) -> Reading {
        Reading { pace: self.pace(length_us), loudness: self.mean_bin().map(Loudness::of), key: self.key() }
    }
}

#[cfg(test)]
mod tests {
    use performance::playback::Origin;
    use performance::{Event, Pitch, Shift, Token, VelocityBin};

    use super::*;

    /// Notes of these pitches over and over, for half a minute.
    fn music(pitches: &[u8], bin: u8, step_steps: u8) -> Timeline {
        let mut tokens: Vec<Token> = vec![Event::Velocity(VelocityBin::new(bin).unwrap()).into()];
        let n = 30_000 / (8 * usize::from(step_steps));
        for &pitch in pitches.iter().cycle().take(n) {
            let pitch = Pitch::new(pitch).unwrap();
            let shift = Event::TimeShift(Shift::new(step_steps).unwrap());
            tokens.extend([Event::NoteOn(pitch), shift, Event::NoteOff(pitch)].map(Token::from));
        }
        let mut timeline = Timeline::default();
        timeline.extend(&tokens, Origin::Network);
        timeline
    }

    #[test]
    fn music_is_put_into_words() {
        #[track_caller]
        fn check(timeline: &Timeline, at_us: u64, expected: &str) {
            assert_eq!(Reading::around(timeline, at_us).to_string(), expected);
        }
        let major = music(&[60, 64, 67, 65, 62, 67, 60, 71], 8, 25);
        check(&major, 0, "5 notes per second, very soft, C major");
        check(&major, 15_000_000, "5 notes per second, very soft, C major");
        check(&major, 29_900_000, "5 notes per second, very soft, C major");
        check(&major, 90_000_000, "silence");
        check(
            &music(&[57, 60, 64, 57, 65, 64, 68, 57], 19, 125),
            15_000_000,
            "1 note per second, loud, A minor",
        );
        let all: Vec<u8> = (60..72).collect();
        check(&music(&all, 16, 12), 15_000_000, "10 notes per second, moderately loud, no clear key");
        check(&Timeline::default(), 0, "silence");
    }

    #[test]
    fn paces_are_rounded_to_what_is_heard() {
        let texts = [0.1, 0.5, 1.0, 1.4, 3.8, 4.4, 17.6].map(|value| pace(value).0);
        assert_eq!(texts, ["less than half a", "0.5", "1", "1.5", "4", "4", "18"]);
    }
}
