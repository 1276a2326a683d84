//! The same performance in another key and at another pace.

use performance::{Event, Note, Performance, Pitch, Token, decode, encode};

/// Lowest and highest key of a piano; transposition never leaves it.
const PIANO: (u8, u8) = (21, 108);

/// Paces of the paper (Oore et al., section 3.2), in percent of the original's duration.
pub(crate) const STRETCHES_PERCENT: [u64; 5] = [95, 100, 100, 100, 105];

/// Transpositions up to a tritone that keep a piece of this range on the keyboard, in semitones.
///
/// The paper goes up to a major third; a tritone reaches every key.
pub(crate) fn transpositions((lowest, highest): (u8, u8)) -> Vec<i8> {
    (-6..=6i8)
        .filter(|&by| {
            let fits =
                |pitch: u8| pitch.checked_add_signed(by).is_some_and(|p| (PIANO.0..=PIANO.1).contains(&p));
            by == 0 || (fits(lowest) && fits(highest))
        })
        .collect()
}

/// `tokens` shifted by `semitones`, exactly: only the pitches' numbers change.
pub(crate) fn transpose(tokens: &[Token], semitones: i8) -> Vec<Token> {
    let shifted = |pitch: Pitch| {
        pitch.get().checked_add_signed(semitones).and_then(|p| Pitch::new(p).ok()).unwrap_or(pitch)
    };
    tokens
        .iter()
        .map(|&token| match Event::from(token) {
            Event::NoteOn(pitch) => Event::NoteOn(shifted(pitch)).into(),
            Event::NoteOff(pitch) => Event::NoteOff(shifted(pitch)).into(),
            Event::TimeShift(_) | Event::Velocity(_) => token,
        })
        .collect()
}

/// `tokens` with all times scaled and encoded anew.
pub(crate) fn stretch(tokens: &[Token], percent: u64) -> Vec<Token> {
    if percent == 100 {
        return tokens.to_vec();
    }
    let original = decode(tokens).performance;
    let notes = original.notes().iter().map(|note| Note {
        start_us: note.start_us * percent / 100,
        end_us: note.end_us * percent / 100,
        ..*note
    });
    encode(&Performance::new(notes.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(numbers: &[u16]) -> Vec<Token> {
        numbers.iter().map(|&n| Token::new(n).unwrap()).collect()
    }

    #[test]
    fn transposition_stays_on_the_piano() {
        assert_eq!(transpositions((21, 108)), [0]);
        assert_eq!(transpositions((23, 105)), [-2, -1, 0, 1, 2, 3]);
        assert_eq!(transpositions((40, 80)).len(), 13);
    }

    #[test]
    fn transposing_equals_encoding_transposed_notes() {
        let original = tokens(&[396, 60, 64, 355, 128 + 60, 128 + 64]);
        let decoded = decode(&original).performance;
        let notes = decoded
            .notes()
            .iter()
            .map(|note| Note { pitch: Pitch::new(note.pitch.get() + 3).unwrap(), ..*note });
        let again = encode(&Performance::new(notes.collect()));
        assert_eq!(transpose(&original, 3), again);
    }

    #[test]
    fn stretching_scales_time() {
        let original = tokens(&[396, 60, 355, 128 + 60]);
        assert_eq!(stretch(&original, 105), tokens(&[396, 60, 360, 128 + 60]));
        assert_eq!(stretch(&original, 100), original);
    }
}
