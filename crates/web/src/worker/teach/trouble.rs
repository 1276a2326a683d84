//! Why learning ended early.

use std::fmt;

/// What went wrong; `Display` is the sentence for the visitor.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Said already.
    Sentence(String),
    /// The device is to blame: on another one it may go on.
    Device(String),
}

impl From<&str> for Trouble {
    fn from(sentence: &str) -> Self {
        Self::Sentence(sentence.to_owned())
    }
}

impl From<learn::Error> for Trouble {
    fn from(error: learn::Error) -> Self {
        if error.is_of_the_device() {
            Self::Device(error.to_string())
        } else {
            Self::Sentence(format!("Learning stopped: {error}."))
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sentence(sentence) => f.write_str(sentence),
            Self::Device(why) => write!(f, "Learning stopped: {why}."),
        }
    }
}
