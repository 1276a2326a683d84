//! Files that come in: what their names say, and which of several is taken.

/// What the importer of music reads, as a file input's `accept` has it.
pub const MUSIC: &str = ".mid,.midi,.kar,.rmi,.smf,audio/midi,audio/x-midi,audio/rmid";
/// What is read as a score besides.
pub const SCORES: &str =
    ".musicxml,.mxl,.xml,application/vnd.recordare.musicxml+xml,application/vnd.recordare.musicxml";
/// Of a visitor's own weights.
pub const MODEL: &str = ".safetensors";
/// Of a session.
pub const SESSION: &str = ".prnn";
/// Largest file of weights; a page that reads more stands still.
pub const MAX_MODEL_BYTES: f64 = 256e6;

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// MIDI, a score, a session, or something that only its bytes tell.
    Music,
    /// Weights.
    Model,
    /// A name that promises nothing of this.
    Unknown,
}

impl Door {
    /// For a file of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        let is_one_of = |endings: &str| {
            endings.split(',').any(|ending| ending.starts_with('.') && name.ends_with(ending))
        };
        if is_one_of(MODEL) {
            Self::Model
        } else if is_one_of(MUSIC) || is_one_of(SCORES) || is_one_of(SESSION) {
            Self::Music
        } else {
            Self::Unknown
        }
    }

    /// Which of the files that were dropped at once is taken: the first that is music, else the first model, else
    /// the first. None of none.
    ///
    /// ```
    /// use session::doors::Door;
    /// assert_eq!(Door::first(&["a.txt", "b.safetensors", "c.MID", "d.mid"]), Some((2, Door::Music)));
    /// assert_eq!(Door::first(&["a.txt", "b.safetensors"]), Some((1, Door::Model)));
    /// assert_eq!(Door::first(&["a.txt", "b.jpg"]), Some((0, Door::Unknown)));
    /// ```
    #[must_use]
    pub fn first<S: AsRef<str>>(names: &[S]) -> Option<(usize, Self)> {
        let doors: Vec<Self> = names.iter().map(|name| Self::of(name.as_ref())).collect();
        let place = |wanted| doors.iter().position(|&door| door == wanted);
        let idx = place(Self::Music).or_else(|| place(Self::Model)).or((!doors.is_empty()).then_some(0))?;
        Some((idx, doors[idx]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_that_is_read_can_be_chosen() {
        for ending in ["mid", "midi", "kar", "rmi", "smf", "MID", "Rmi"] {
            assert_eq!(Door::of(&format!("a.b.{ending}")), Door::Music, "{ending}");
        }
        assert_eq!(Door::of("best.safetensors"), Door::Model);
        assert_eq!(Door::of("evening.prnn"), Door::Music);
        assert_eq!(Door::of("Fugue.MXL"), Door::Music);
        assert_eq!(Door::of("mid"), Door::Unknown);
        assert_eq!(Door::first::<&str>(&[]), None);
    }
}
