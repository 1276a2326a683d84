//! Sets of pitch classes: scales and chords, whatever the octave.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::metrics::N_PITCH_CLASSES;
use crate::{Error, Pitch};

const NAMES: [&str; N_PITCH_CLASSES] = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/// Some of the twelve pitch classes, C first, and never none of them.
///
/// ```
/// use performance::{Pitch, PitchClasses};
/// let triad: PitchClasses = "C, E♭, G".parse()?;
/// assert!(triad.contains(Pitch::new(63)?) && !triad.contains(Pitch::new(64)?));
/// assert_eq!(triad.to_string(), "C,D♯,G");
/// # Ok::<(), performance::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PitchClasses(u16);

/// All of them.
impl Default for PitchClasses {
    fn default() -> Self {
        Self::ALL
    }
}

impl PitchClasses {
    /// All twelve.
    pub const ALL: Self = Self((1 << N_PITCH_CLASSES) - 1);

    /// From one bit for each, C the lowest. No bit stands for all of them.
    ///
    /// # Errors
    /// If there are more than twelve bits.
    pub fn from_bits(bits: u16) -> Result<Self, Error> {
        match bits {
            0 => Ok(Self::ALL),
            bits if bits <= Self::ALL.0 => Ok(Self(bits)),
            _ => Err(Error::setting("pitch classes", "of twelve bits", bits)),
        }
    }

    /// One bit for each, C the lowest.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Whether a pitch is in one of them.
    #[must_use]
    pub fn contains(self, pitch: Pitch) -> bool {
        self.0 >> (pitch.get() % N_PITCH_CLASSES as u8) & 1 == 1
    }
}

impl TryFrom<u16> for PitchClasses {
    type Error = Error;

    fn try_from(bits: u16) -> Result<Self, Error> {
        Self::from_bits(bits)
    }
}

impl From<PitchClasses> for u16 {
    fn from(classes: PitchClasses) -> Self {
        classes.0
    }
}

/// Names between commas, low to high.
impl fmt::Display for PitchClasses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.iter().enumerate().filter(|&(class, _)| self.0 >> class & 1 == 1);
        for (n, (_, name)) in names.enumerate() {
            write!(f, "{}{name}", if n > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// Names between commas, each with a sharp (`♯`, `#`) or a flat (`♭`, `b`) or without.
impl FromStr for PitchClasses {
    type Err = Error;

    fn from_str(names: &str) -> Result<Self, Error> {
        let unknown = |name: &str| Error::setting("a pitch class", "such as C, F# or Eb", name);
        let mut bits = 0;
        for name in names.split(',').map(str::trim) {
            let mut letters = name.chars();
            let natural = match letters.next().map(|letter| letter.to_ascii_uppercase()) {
                Some('C') => 0,
                Some('D') => 2,
                Some('E') => 4,
                Some('F') => 5,
                Some('G') => 7,
                Some('A') => 9,
                Some('B') => 11,
                _ => return Err(unknown(name)),
            };
            let above = match letters.as_str() {
                "" => 0,
                "♯" | "#" => 1,
                "♭" | "b" => N_PITCH_CLASSES - 1,
                _ => return Err(unknown(name)),
            };
            bits |= 1 << ((natural + above) % N_PITCH_CLASSES);
        }
        Self::from_bits(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_come_back() {
        for bits in 1..=PitchClasses::ALL.bits() {
            let classes = PitchClasses::from_bits(bits).unwrap();
            assert_eq!(classes.to_string().parse(), Ok(classes));
            let json = serde_json::to_string(&classes).unwrap();
            assert_eq!(serde_json::from_str::<PitchClasses>(&json).unwrap(), classes);
            for pitch in Pitch::all() {
                assert_eq!(classes.contains(pitch), bits & 1 << (pitch.get() % 12) != 0);
            }
        }
        assert_eq!(PitchClasses::from_bits(0), Ok(PitchClasses::ALL), "none is all");
    }

    #[test]
    fn nonsense_is_none() {
        let error = |text: &str| text.parse::<PitchClasses>().unwrap_err().to_string();
        for name in ["H", "", "C##", "♯"] {
            assert_eq!(error(name), format!("expected a pitch class such as C, F# or Eb, found {name}"));
        }
        assert_eq!(error("C,,E"), "expected a pitch class such as C, F# or Eb, found ");
        let error = serde_json::from_str::<PitchClasses>("4096").unwrap_err().to_string();
        assert_eq!(error, "expected pitch classes of twelve bits, found 4096");
    }
}
