//! The network in 32 bits, to play: what the 8-bit engines are compared with.

use rnn::{Model, weights};
use session::Notice;
use session::protocol::Placement;

use crate::worker::Device;

/// Burn on the CPU.
pub(super) struct Reference;

impl Device for Reference {
    type Backend = Model;

    const CHUNK_MS: f64 = 30.0;

    async fn open(_: &Placement) -> Result<Self, Notice> {
        Ok(Self)
    }

    fn load(&self, bytes: &[u8]) -> Result<Model, rnn::Error> {
        weights::load(bytes, &learn::cpu())
    }
}
