//! The network in 32 bits, to play: what the 8-bit engines are compared with.

use rnn::{Model, weights};
use session::Notice;
use session::protocol::Placement;

use super::Place;
use crate::worker::Device;

/// Burn, wherever this program has it.
pub(super) struct Reference<P> {
    device: learn::Device,
    place: std::marker::PhantomData<P>,
}

impl<P: Place> Device for Reference<P> {
    type Backend = Model;

    const CHUNK_MS: f64 = if P::CAN_BE_LOST { 100.0 } else { 30.0 };

    async fn open(_: &Placement) -> Result<Self, Notice> {
        match P::open().await {
            Ok(device) => Ok(Self { device, place: std::marker::PhantomData }),
            Err(error) => Err(Notice::GpuFailed { why: error.to_string() }),
        }
    }

    fn load(&self, bytes: &[u8]) -> Result<Model, rnn::Error> {
        weights::load(bytes, &self.device)
    }
}
