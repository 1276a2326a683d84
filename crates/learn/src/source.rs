//! Where training music comes from.

use performance::{Event, Token};

use crate::Error;

/// Pieces of music, by index.
pub trait Source: Send {
    /// What is known of each piece, in order.
    fn pieces(&self) -> &[Piece];

    /// The tokens of a piece.
    ///
    /// # Errors
    /// If they cannot be read.
    fn tokens(&self, index: usize) -> Result<Vec<Token>, Error>;
}

/// What is known of a piece before its tokens are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Number of tokens.
    pub len: usize,
    /// Lowest and highest pitch.
    pub pitch_range: (u8, u8),
    /// Name of its composer, where one is known.
    pub composer: Option<String>,
}

impl Piece {
    /// Of these tokens.
    #[must_use]
    pub fn of(tokens: &[Token]) -> Self {
        let pitches = || {
            tokens.iter().filter_map(|&token| match Event::from(token) {
                Event::NoteOn(pitch) => Some(pitch.get()),
                _ => None,
            })
        };
        let pitch_range = (pitches().min().unwrap_or(0), pitches().max().unwrap_or(127));
        Self { len: tokens.len(), pitch_range, composer: None }
    }
}

/// Pieces in memory.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    pieces: Vec<Piece>,
    tokens: Vec<Vec<Token>>,
}

impl InMemory {
    /// These pieces, in this order.
    #[must_use]
    pub fn new(tokens: Vec<Vec<Token>>) -> Self {
        Self { pieces: tokens.iter().map(|tokens| Piece::of(tokens)).collect(), tokens }
    }
}

impl Source for InMemory {
    fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn tokens(&self, index: usize) -> Result<Vec<Token>, Error> {
        Ok(self.tokens[index].clone())
    }
}
