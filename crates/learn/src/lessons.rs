//! Somebody's own music: what is learned of it, and what is set aside to measure on.

use performance::{Note, Performance, Token, decode, encode};

use crate::Error;

/// Share of the music that is set aside. Larger measures better and learns less.
const SET_ASIDE: f64 = 0.12;
/// With at least this many pieces, whole pieces are set aside; with fewer, the end of each.
const WHOLE_PIECES: usize = 6;
/// At most this many events are measured on: measuring must not take longer than learning.
const MEASURED_EVENTS: usize = 6_000;
/// Fewer events than this teach nothing: about a minute of music.
pub const MIN_EVENTS: usize = 2_000;

/// Music to learn from, and music to measure on that is never learned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lessons {
    /// To learn from.
    pub learned: Vec<Vec<Token>>,
    /// Set aside.
    pub set_aside: Vec<Vec<Token>>,
}

impl Lessons {
    /// Divides pieces: the same pieces in the same order are always divided alike.
    ///
    /// # Errors
    /// If there are fewer than [`MIN_EVENTS`] events.
    pub fn of(pieces: Vec<Vec<Token>>) -> Result<Self, Error> {
        let events = pieces.iter().map(Vec::len).sum();
        if events < MIN_EVENTS {
            return Err(Error::TooLittleMusic { expected: MIN_EVENTS, found: events });
        }
        let (learned, set_aside) =
            if pieces.len() < WHOLE_PIECES { ends_aside(pieces) } else { pieces_aside(pieces) };
        let share = MEASURED_EVENTS / set_aside.len().max(1);
        let set_aside = set_aside.into_iter().map(|mut tokens| {
            tokens.truncate(share.max(64));
            tokens
        });
        Ok(Self { learned, set_aside: set_aside.collect() })
    }

    /// Events to learn from.
    #[must_use]
    pub fn events(&self) -> usize {
        self.learned.iter().map(Vec::len).sum()
    }
}

type Halves = (Vec<Vec<Token>>, Vec<Vec<Token>>);

/// Every eighth piece, or so.
fn pieces_aside(pieces: Vec<Vec<Token>>) -> Halves {
    let every = (1.0 / SET_ASIDE).round() as usize;
    let first = pieces.len().min(every) / 2;
    let (aside, learned): (Vec<_>, Vec<_>) =
        pieces.into_iter().enumerate().partition(|(i, _)| i % every == first);
    let tokens = |pieces: Vec<(usize, Vec<Token>)>| pieces.into_iter().map(|(_, tokens)| tokens).collect();
    (tokens(learned), tokens(aside))
}

/// The notes of each piece that begin in its last eighth, or so.
fn ends_aside(pieces: Vec<Vec<Token>>) -> Halves {
    let halves = pieces.into_iter().map(|tokens| {
        let performance = decode(&tokens).performance;
        let cut_us = (performance.duration_us() as f64 * (1.0 - SET_ASIDE)) as u64;
        let (before, after): (Vec<Note>, Vec<Note>) =
            performance.notes().iter().partition(|note| note.start_us < cut_us);
        let shifted = after.into_iter().map(|note| Note {
            start_us: note.start_us - cut_us,
            end_us: note.end_us - cut_us,
            ..note
        });
        (encode(&Performance::new(before)), encode(&Performance::new(shifted.collect())))
    });
    let (learned, aside): Halves = halves.unzip();
    let is_music = |tokens: &Vec<Token>| tokens.len() > 1;
    (learned.into_iter().filter(is_music).collect(), aside.into_iter().filter(is_music).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scale of this many notes, two a second.
    fn scale(n: usize, from: u8) -> Vec<Token> {
        let notes = (0..n as u64).map(|i| Note {
            pitch: performance::Pitch::new(from + (i % 12) as u8).unwrap(),
            velocity: performance::Velocity::new(64).unwrap(),
            start_us: i * 500_000,
            end_us: i * 500_000 + 400_000,
        });
        encode(&Performance::new(notes.collect()))
    }

    #[test]
    fn nothing_is_both_learned_and_set_aside() {
        let pieces: Vec<_> = (0..20).map(|i| scale(60, 30 + i)).collect();
        let Lessons { learned, set_aside } = Lessons::of(pieces.clone()).unwrap();
        assert_eq!((learned.len(), set_aside.len()), (18, 2));
        assert!(set_aside.iter().all(|piece| !learned.contains(piece)));
        assert_eq!(Lessons::of(pieces.clone()).unwrap(), Lessons { learned, set_aside });
    }

    #[test]
    fn few_pieces_are_cut() {
        let Lessons { learned, set_aside } = Lessons::of(vec![scale(1000, 40)]).unwrap();
        let notes = |pieces: &[Vec<Token>]| decode(&pieces[0]).performance.notes().len();
        assert_eq!((notes(&learned), notes(&set_aside)), (880, 120));
    }

    #[test]
    fn too_little_is_refused() {
        let error = Lessons::of(vec![scale(10, 40)]).unwrap_err().to_string();
        assert!(error.starts_with("expected at least 2000 events"), "{error}");
    }
}
