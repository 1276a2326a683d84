//! Buffers on the device that know their length, and kernels that copy them.

use cubecl::bytes::Bytes;
use cubecl::prelude::*;
use cubecl::server::Handle;

/// Words of 32 bits on the device.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    pub(super) handle: Handle,
    words: usize,
}

impl Buffer {
    pub(super) fn new(client: &Client, words: Vec<u32>) -> Self {
        Self { words: words.len(), handle: client.create(Bytes::from_elems(words)) }
    }

    pub(super) fn of_floats(client: &Client, values: &[f32]) -> Self {
        Self::new(client, values.iter().map(|x| x.to_bits()).collect())
    }

    pub(super) fn zeros(client: &Client, words: usize) -> Self {
        Self::new(client, vec![0; words])
    }

    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Replaces the contents, in the queue's order. `words` must have the buffer's length.
    pub(super) fn write(&self, client: &Client, words: Vec<u32>) {
        debug_assert_eq!(words.len(), self.words);
        client.write(&self.handle, Bytes::from_elems(words));
    }

    /// As a kernel's argument, in vectors of `width` words.
    pub(super) fn arg(&self, width: usize) -> BufferArg {
        // SAFETY: the handle was made from exactly `words` words, so no vector of it lies outside.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.words / width) }
    }
}

/// Copies `from` to `into`, to take or restore a snapshot.
#[cube(launch_unchecked)]
pub(super) fn copy(from: &[u32], into: &mut [u32], len: usize) {
    if ABSOLUTE_POS < len {
        into[ABSOLUTE_POS] = from[ABSOLUTE_POS];
    }
}

/// The streams after the first `takes`, which are unconditional, become what those are.
///
/// # Shapes
/// `buffer`: numbers of a stream `step` apart, streams `stride` apart.
#[cube(launch_unchecked)]
pub(super) fn fork(buffer: &mut [u32], takes: usize, stride: usize, step: usize, numbers: usize) {
    if ABSOLUTE_POS < takes * numbers {
        let from = ABSOLUTE_POS / takes * step + ABSOLUTE_POS % takes * stride;
        buffer[from + takes * stride] = buffer[from];
    }
}

pub(super) fn launch_copy(client: &Client, from: &Buffer, into: &Buffer) {
    let words = from.words();
    // SAFETY: both have the same number of words.
    unsafe {
        copy::launch_unchecked(
            client,
            CubeCount::Static(words.div_ceil(256) as u32, 1, 1),
            CubeDim::new_1d(256),
            from.arg(1),
            into.arg(1),
            words,
        );
    }
}
