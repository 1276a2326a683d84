//! What the keys do.

/// A key's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// Generate, or stop.
    Toggle,
    /// Silence.
    Stop,
    /// Pause, or play on.
    Pause,
    /// The play-head back, in seconds.
    Back(u32),
    /// The play-head forward, in seconds.
    Forward(u32),
    /// Go on another way.
    Branch,
    /// Go on in four ways.
    Versions,
    /// Go on with a version or an interpretation, by its index.
    Choose(usize),
    /// Open or close the drawer of a score's performance.
    Perform,
    /// Hear the flat score, or its performance again.
    Flat,
    /// Let taps give the tempo, or no more.
    Conduct,
    /// Play the marked span over and over, or no more.
    Loop,
    /// Open or close the drawer.
    Shape,
    /// Save as MIDI.
    Download,
    /// Copy a link.
    Share,
    /// Show less of the music, larger.
    ZoomIn,
    /// Show more of the music.
    ZoomOut,
    /// Take back the last change.
    Undo,
    /// Take back the last Undo.
    Redo,
    /// Show the keys.
    Help,
}

/// A line of the help: keys, and what they do.
pub const HELP: [(&str, &str); 18] = [
    ("Space", "Generate, or stop"),
    ("Esc", "Stop"),
    ("P", "Pause, or play on"),
    ("← →", "Back or forward 5 seconds"),
    (", .", "Back or forward 1 second"),
    ("B", "Branch: go on another way from here"),
    ("V", "Four versions from here"),
    ("1 2 3 4 5", "Switch between the versions, or the interpretations of a score"),
    ("E", "Perform: how a score is played"),
    ("F", "Compare a performance with the flat score"),
    ("C", "Conduct a score: Space is the beat"),
    ("L", "Loop the marked span"),
    ("H", "Shape: density, notes, dynamics"),
    ("+ -", "Zoom the roll"),
    ("D", "Download MIDI"),
    ("S", "Share: copy a link"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo"),
    ("?", "This help"),
];

/// A key and what was held down with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The browser's name of it: `KeyboardEvent.key`.
    pub key: &'a str,
    /// Ctrl, or Command.
    pub is_ctrl: bool,
    /// Shift.
    pub is_shift: bool,
    /// Alt.
    pub is_alt: bool,
}

impl Shortcut {
    /// What a key does.
    #[must_use]
    pub fn of(key: Key<'_>) -> Option<Self> {
        let letter = key.key.to_lowercase();
        if key.is_ctrl && !key.is_alt {
            return match (letter.as_str(), key.is_shift) {
                ("z", false) => Some(Self::Undo),
                ("z", true) | ("y", false) => Some(Self::Redo),
                _ => None,
            };
        }
        if key.is_ctrl || key.is_alt {
            return None;
        }
        Some(match letter.as_str() {
            " " => Self::Toggle,
            "escape" => Self::Stop,
            "p" => Self::Pause,
            "arrowleft" => Self::Back(5),
            "arrowright" => Self::Forward(5),
            "," => Self::Back(1),
            "." => Self::Forward(1),
            "b" => Self::Branch,
            "v" => Self::Versions,
            "1" => Self::Choose(0),
            "2" => Self::Choose(1),
            "3" => Self::Choose(2),
            "4" => Self::Choose(3),
            "5" => Self::Choose(4),
            "e" => Self::Perform,
            "f" => Self::Flat,
            "c" => Self::Conduct,
            "l" => Self::Loop,
            "h" => Self::Shape,
            "d" => Self::Download,
            "s" => Self::Share,
            "+" => Self::ZoomIn,
            "-" => Self::ZoomOut,
            "?" => Self::Help,
            _ => return None,
        })
    }

    /// Whether it is on a single character, which a visitor who dictates can switch off (WCAG 2.2, 2.1.4).
    #[must_use]
    pub fn is_character(self) -> bool {
        !matches!(
            self,
            Self::Toggle | Self::Stop | Self::Undo | Self::Redo | Self::Back(5..) | Self::Forward(5..)
        )
    }

    /// Whether it may be repeated by holding the key.
    #[must_use]
    pub fn repeats(self) -> bool {
        matches!(self, Self::Back(_) | Self::Forward(_) | Self::Undo | Self::Redo | Self::Stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_help_says() {
        let plain = |key| Shortcut::of(Key { key, is_ctrl: false, is_shift: false, is_alt: false });
        for (keys, what) in HELP {
            for key in keys.split([' ']).filter(|key| !key.starts_with("Ctrl")) {
                let name = match key {
                    "Space" => " ",
                    "Esc" => "Escape",
                    "←" => "ArrowLeft",
                    "→" => "ArrowRight",
                    key => key,
                };
                assert!(plain(name).is_some(), "{key}: {what}");
            }
        }
        let ctrl = |key, is_shift| Shortcut::of(Key { key, is_ctrl: true, is_shift, is_alt: false });
        assert_eq!(ctrl("z", false), Some(Shortcut::Undo));
        assert_eq!(ctrl("Z", true), Some(Shortcut::Redo));
        assert_eq!(ctrl("d", false), None, "the browser's own");
        assert_eq!(plain("B"), Some(Shortcut::Branch), "with caps lock");
        assert_eq!(plain("x"), None);
    }
}
