//! Numbers of some bits as numbers of other many bits.

use serde::{Deserialize, Serialize};

use crate::{Error, N_TOKENS, Token};

/// Bits of a token.
const TOKEN_BITS: u32 = 9;
const _: () = assert!(N_TOKENS <= 1 << TOKEN_BITS, "a token fits");

/// Tokens, packed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    n_tokens: u32,
    bytes: Vec<u8>,
}

impl Packed {
    /// Packs tokens.
    #[must_use]
    pub fn new(tokens: &[Token]) -> Self {
        let bytes = regroup(tokens.iter().map(|token| token.get()), TOKEN_BITS, 8).map(|byte| byte as u8);
        Self { n_tokens: tokens.len().try_into().unwrap_or(u32::MAX), bytes: bytes.collect() }
    }

    /// The tokens.
    ///
    /// # Errors
    /// If there are more or fewer bytes than tokens, or a number is none of the vocabulary.
    pub fn tokens(&self) -> Result<Vec<Token>, Error> {
        let n_bits = u64::from(self.n_tokens) * u64::from(TOKEN_BITS);
        if n_bits.div_ceil(8) != self.bytes.len() as u64 {
            return Err(Error::DamagedRecipe);
        }
        let numbers = regroup(self.bytes.iter().map(|&byte| byte.into()), 8, TOKEN_BITS);
        let tokens = numbers.take(self.n_tokens as usize).map(Token::new);
        tokens.collect::<Result<_, _>>().map_err(|_| Error::DamagedRecipe)
    }
}

/// Bytes below 128 for any bytes: data of which no part can be taken for MIDI events.
pub(crate) fn to_seven_bits(bytes: &[u8]) -> Vec<u8> {
    regroup(bytes.iter().map(|&byte| byte.into()), 8, 7).map(|byte| byte as u8).collect()
}

/// What [`to_seven_bits`] was given.
pub(crate) fn from_seven_bits(bytes: &[u8]) -> Vec<u8> {
    let n_bytes = bytes.len() * 7 / 8;
    regroup(bytes.iter().map(|&byte| (byte & 0x7F).into()), 7, 8)
        .take(n_bytes)
        .map(|byte| byte as u8)
        .collect()
}

/// Numbers of `from` bits as numbers of `to` bits, the lowest bits first; the last one is filled up with zeros.
fn regroup(numbers: impl Iterator<Item = u16>, from: u32, to: u32) -> impl Iterator<Item = u16> {
    let (mut numbers, mut waiting, mut n_waiting) = (numbers.fuse(), 0_u32, 0);
    std::iter::from_fn(move || {
        while n_waiting < to {
            match numbers.next() {
                Some(number) => {
                    waiting |= u32::from(number) << n_waiting;
                    n_waiting += from;
                }
                None if n_waiting == 0 => return None,
                None => n_waiting = to,
            }
        }
        let number = (waiting & ((1 << to) - 1)) as u16;
        waiting >>= to;
        n_waiting -= to;
        Some(number)
    })
}
