//! How fast the device reads memory: the limit for any engine that reads every weight for every event.

use cubecl::prelude::*;

use super::memory::Buffer;
use crate::Error;

/// A large buffer to be read through again and again.
pub struct Probe {
    client: Client,
    buffer: Buffer,
    sink: Buffer,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("words", &self.buffer.words()).finish_non_exhaustive()
    }
}

impl Probe {
    /// A buffer of `bytes`, or as much of that as the device gives in one piece. More than the device's
    /// caches hold measures its memory, less measures its caches.
    #[must_use]
    pub fn new(client: &Client, bytes: usize) -> Self {
        let most = usize::try_from(client.properties().memory.max_page_size).unwrap_or(usize::MAX);
        let words = bytes.min(most) / 16 * 4;
        Self { client: client.clone(), buffer: Buffer::zeros(client, words), sink: Buffer::zeros(client, 1) }
    }

    /// Reads the buffer `times` times and returns how many bytes that was, once it is done.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn read(&self, times: usize) -> Result<usize, Error> {
        let (vectors, cubes) = (self.buffer.words() / 4, 2048);
        for _ in 0..times {
            // SAFETY: no unit reads beyond the last vector.
            unsafe {
                read_through::launch_unchecked(
                    &self.client,
                    CubeCount::Static(cubes, 1, 1),
                    CubeDim::new_1d(256),
                    self.buffer.arg(4),
                    self.sink.arg(1),
                    vectors,
                    cubes as usize * 256,
                );
            }
        }
        let read = self.client.read_async(vec![self.sink.handle.clone()]).await;
        read.map_err(|e| Error::Device(e.to_string()))?;
        Ok(times * vectors * 16)
    }
}

/// Reads a buffer as fast as the device can: four words for each unit and round.
#[cube(launch_unchecked)]
fn read_through(buffer: &[Vector<u32, Const<4>>], sink: &mut [u32], vectors: usize, stride: usize) {
    let mut seen = Vector::<u32, Const<4>>::new(0u32);
    for i in range_stepped(ABSOLUTE_POS, vectors, stride) {
        seen |= buffer[i];
    }
    // The buffer is all zeros, but the compiler does not know.
    let mut any = 0u32;
    #[unroll]
    for i in 0..4usize {
        any |= seen.extract(i);
    }
    if any == 0xffff_fff3 {
        sink[0] = any;
    }
}
