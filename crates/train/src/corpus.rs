//! Prepared data: the tokens of many pieces in one memory-mapped file, and an index beside it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use memmap2::Mmap;
use performance::{N_PITCHES, Token};
use serde::{Deserialize, Serialize};

use crate::files::read_bytes;
use crate::prepare::Folder;
use crate::provenance;

/// File of all tokens, 16 bits each, little-endian.
pub(crate) const TOKENS_FILE: &str = "tokens.u16";
/// File that says which piece lies where.
pub(crate) const INDEX_FILE: &str = "index.json";

/// What `prepare` wrote, or would write, ready to be read at any place.
pub(crate) struct Corpus {
    /// The pieces, in the order of their paths.
    pub(crate) pieces: Vec<Piece>,
    tokens: Tokens,
}

/// 16 bits each, little-endian.
enum Tokens {
    Mapped(Mmap),
    Read(Vec<u8>),
}

impl Tokens {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

/// One performance of the corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// Path below the folder given to `prepare`.
    pub(crate) path: String,
    /// Last name of the composer, where a manifest gave one.
    pub(crate) composer: Option<String>,
    /// SHA-256 of the MIDI file.
    pub(crate) sha256: String,
    /// First token in the file.
    pub(crate) start: usize,
    /// Number of tokens.
    pub(crate) len: usize,
    /// Duration in seconds.
    pub(crate) seconds: f64,
    /// Number of notes.
    pub(crate) notes: usize,
    /// Lowest and highest pitch.
    pub(crate) pitch_range: (u8, u8),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) version: u32,
    pub(crate) pieces: Vec<Piece>,
}

/// Rises when the codec or this layout changes.
pub(crate) const INDEX_VERSION: u32 = 1;

impl Corpus {
    /// Opens what `prepare` wrote, or reads the MIDI files below a folder as it would.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        if !dir.join(INDEX_FILE).exists() {
            let folder = Folder::read(dir).with_context(|| {
                format!(
                    "expected MIDI files or what `performance-rnn prepare` wrote in {}, found neither",
                    dir.display()
                )
            })?;
            return Ok(Self { pieces: folder.pieces, tokens: Tokens::Read(folder.tokens) });
        }
        let index = read_bytes(&dir.join(INDEX_FILE)).with_context(|| {
            format!("{} holds no prepared data; run `performance-rnn prepare` first", dir.display())
        })?;
        let index: Index = serde_json::from_slice(&index).with_context(|| {
            format!("{} cannot be read; prepare the data again", dir.join(INDEX_FILE).display())
        })?;
        ensure!(
            index.version == INDEX_VERSION,
            "expected prepared data of version {INDEX_VERSION}, found {}; prepare it again",
            index.version
        );
        let file = fs::File::open(dir.join(TOKENS_FILE)).with_context(|| {
            format!("{} is missing; prepare the data again", dir.join(TOKENS_FILE).display())
        })?;
        // SAFETY: `prepare` replaces this file as a whole and never writes into it.
        let tokens = unsafe { Mmap::map(&file) }?;
        check(&index.pieces, tokens.len() / 2).with_context(|| {
            format!("{} is damaged; prepare the data again", dir.join(INDEX_FILE).display())
        })?;
        Ok(Self { pieces: index.pieces, tokens: Tokens::Mapped(tokens) })
    }

    /// A hash of which pieces these are, in which order.
    pub(crate) fn fingerprint(&self) -> String {
        let facts = self.pieces.iter().map(|Piece { path, sha256, len, composer, .. }| {
            format!("{path}\n{sha256}\n{len}\n{}\n", composer.as_deref().unwrap_or_default())
        });
        provenance::sha256(facts.collect::<String>().as_bytes())
    }

    /// The tokens of a piece.
    pub(crate) fn tokens(&self, piece: &Piece) -> Result<Vec<Token>> {
        self.tokens.bytes()[2 * piece.start..2 * (piece.start + piece.len)]
            .chunks_exact(2)
            .map(|bytes| Ok(Token::new(u16::from_le_bytes([bytes[0], bytes[1]]))?))
            .collect::<Result<_>>()
            .with_context(|| format!("the tokens of {} are damaged; prepare the data again", piece.path))
    }

    /// The pieces whose path begins with `prefix`.
    pub(crate) fn below(&self, prefix: &str) -> Vec<Piece> {
        self.pieces.iter().filter(|piece| piece.path.starts_with(prefix)).cloned().collect()
    }

    /// Pieces to train on and pieces to validate on: the folders `train` and `validation` where they exist,
    /// else every twentieth piece (by the hash of its content) is kept for validation.
    pub(crate) fn split(&self) -> Result<(Vec<Piece>, Vec<Piece>)> {
        let (mut train, mut validation) = (self.below("train/"), self.below("validation/"));
        if train.is_empty() && validation.is_empty() {
            let is_held_out = |piece: &&Piece| {
                piece
                    .sha256
                    .get(..2)
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                    .unwrap_or(0)
                    .is_multiple_of(20)
            };
            validation = self.pieces.iter().filter(is_held_out).cloned().collect();
            if validation.is_empty() {
                validation.extend(self.pieces.last().cloned());
            }
            train = self.pieces.iter().filter(|piece| !validation.contains(piece)).cloned().collect();
        }
        if train.is_empty() || validation.is_empty() {
            bail!(
                "expected at least one piece to train on and one to validate on, found {} and {}",
                train.len(),
                validation.len()
            );
        }
        Ok((train, validation))
    }
}

/// Every piece lies within `n_tokens` and says nothing impossible.
fn check(pieces: &[Piece], n_tokens: usize) -> Result<()> {
    let mut sum = 0usize;
    for Piece { path, start, len, pitch_range: (lowest, highest), seconds, .. } in pieces {
        let end = start.checked_add(*len);
        ensure!(
            end.is_some_and(|end| end <= n_tokens),
            "expected {path} within {n_tokens} tokens, found {len} from {start} on"
        );
        ensure!(
            lowest <= highest && usize::from(*highest) < N_PITCHES,
            "expected pitches of 0 to 127 in {path}, found {lowest} to {highest}"
        );
        ensure!(seconds.is_finite() && *seconds >= 0.0, "expected a length of {path}, found {seconds} s");
        sum = sum.saturating_add(*len);
    }
    ensure!(sum == n_tokens, "expected pieces of {n_tokens} tokens in all, found {sum}");
    Ok(())
}

/// Some pieces of a corpus, to train on.
pub(crate) struct Pieces {
    corpus: Arc<Corpus>,
    chosen: Vec<Piece>,
    known: Vec<learn::Piece>,
}

impl Pieces {
    pub(crate) fn new(corpus: Arc<Corpus>, chosen: Vec<Piece>) -> Self {
        let known = chosen.iter().map(|piece| learn::Piece {
            len: piece.len,
            pitch_range: piece.pitch_range,
            composer: piece.composer.clone(),
        });
        let known = known.collect();
        Self { corpus, chosen, known }
    }
}

impl learn::Source for Pieces {
    fn pieces(&self) -> &[learn::Piece] {
        &self.known
    }

    fn tokens(&self, index: usize) -> Result<Vec<Token>, learn::Error> {
        let tokens = self.corpus.tokens(&self.chosen[index]);
        tokens.map_err(|error| learn::Error::Source(format!("{error:#}")))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Pieces of 9, 40 and 100 events: keys that go down and up, a step of 8 ms each time.
    pub(crate) fn corpus() -> (tempfile::TempDir, Arc<Corpus>) {
        let dir = tempfile::tempdir().unwrap();
        let (mut bytes, mut pieces) = (Vec::new(), Vec::new());
        for len in [9usize, 40, 100] {
            pieces.push(Piece {
                path: format!("{len}.mid"),
                composer: None,
                sha256: "00".to_owned(),
                start: bytes.len() / 2,
                len,
                seconds: 1.0,
                notes: len / 3,
                pitch_range: (60, 72),
            });
            for i in 0..len {
                let number = [60 + i as u16 / 4 % 12, 256, 128 + 60 + i as u16 / 4 % 12, 256][i % 4];
                bytes.extend(number.to_le_bytes());
            }
        }
        std::fs::write(dir.path().join(TOKENS_FILE), bytes).unwrap();
        let index = serde_json::to_vec(&Index { version: INDEX_VERSION, pieces }).unwrap();
        std::fs::write(dir.path().join(INDEX_FILE), index).unwrap();
        let corpus = Arc::new(Corpus::open(dir.path()).unwrap());
        (dir, corpus)
    }

    #[test]
    fn an_index_that_does_not_fit_its_tokens_is_damaged() {
        let (dir, corpus) = corpus();
        let [first, ..] = corpus.pieces.as_slice() else { unreachable!() };
        let outside = [
            Piece { start: 1_000, ..first.clone() },
            Piece { start: usize::MAX, ..first.clone() },
            Piece { len: usize::MAX / 2, ..first.clone() },
            Piece { len: 8, ..first.clone() },
            Piece { pitch_range: (70, 60), ..first.clone() },
            Piece { pitch_range: (0, 200), ..first.clone() },
            Piece { seconds: f64::INFINITY, ..first.clone() },
        ];
        for piece in outside {
            let mut pieces = corpus.pieces.clone();
            pieces[0] = piece;
            let error = check(&pieces, 149).unwrap_err().to_string();
            assert!(error.starts_with("expected"), "{error}");
            let index = serde_json::to_vec(&Index { version: INDEX_VERSION, pieces }).unwrap();
            std::fs::write(dir.path().join(INDEX_FILE), index).unwrap();
            assert!(Corpus::open(dir.path()).is_err());
        }
        let odd = vec![
            Piece { sha256: "é".to_owned(), ..first.clone() },
            Piece { sha256: "01".to_owned(), ..first.clone() },
        ];
        Corpus { pieces: odd, tokens: Tokens::Read(Vec::new()) }.split().unwrap();
    }
}
