//! The model's sizes: stored with the weights, and the only place where they are numbers.

use performance::{N_PITCH_CLASSES, N_PITCHES};
use serde::{Deserialize, Serialize};

use crate::conditioning::N_DENSITY_BINS;
use crate::{Error, N_MEMORY_ROWS};

/// Sizes of the network. The default is the paper's: three layers of 512 units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of stacked LSTM layers.
    #[serde(default = "default_layers")]
    pub layers: usize,
    /// Units of each layer.
    #[serde(default = "default_hidden")]
    pub hidden: usize,
    /// Composers that the composer control knows, in the order of its one-hot input.
    #[serde(default)]
    pub composers: Vec<String>,
    /// Whether it remembers what was played before, as hints in its input.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub memory: bool,
}

fn default_layers() -> usize {
    3
}

fn default_hidden() -> usize {
    512
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self { layers: default_layers(), hidden: default_hidden(), composers: Vec::new(), memory: false }
    }
}

impl ModelConfig {
    /// Width of the controls input: three groups, each with an "unset" flag of its own.
    #[must_use]
    pub fn control_width(&self) -> usize {
        (N_DENSITY_BINS + 1) + (N_PITCH_CLASSES + 1) + (self.composers.len() + 1)
    }

    /// Number of rows of the first layer for sounding pitches and, where it remembers, what was played before.
    #[must_use]
    pub fn note_rows(&self) -> usize {
        N_PITCHES + if self.memory { N_MEMORY_ROWS } else { 0 }
    }

    /// # Errors
    /// If a size is zero or far beyond what a device could hold.
    pub fn check(&self) -> Result<(), Error> {
        let out_of_range = |name, expected: &str, found: usize| {
            Err(Error::Setting { name, expected: expected.to_owned(), found: found.to_string() })
        };
        match self {
            Self { layers, .. } if !(1..=16).contains(layers) => {
                out_of_range("layers", "of 1 to 16", *layers)
            }
            Self { hidden, .. } if !(1..=8192).contains(hidden) => {
                out_of_range("hidden units", "of 1 to 8192", *hidden)
            }
            Self { composers, .. } if composers.len() > 1000 => {
                out_of_range("composers", "up to 1000", composers.len())
            }
            _ => Ok(()),
        }
    }
}
