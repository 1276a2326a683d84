//! Where takes are played: the buffers of a number of streams, and what is done with them.

use performance::{Controls, Sampling};

use super::graph::{RECORDED, Recording};
use super::layout::{CAPACITY, HEARD, LOGIT_COLUMNS, N_TOKENS};
use super::memory::{Buffer, launch_copy};
use super::network::{Cut, Network};
use crate::Error;
use crate::sampling::pace;
use crate::takes::GUIDANCE;

/// The device's side of takes.
pub(super) struct DeviceState {
    /// The first field, so that it is dropped before the buffers that it uses.
    pub(super) recording: Recording,
    pub(super) network: Network,
    pub(super) takes: usize,
    /// Whether each take is two streams: the conditional one and, `takes` further on, the unconditional one.
    pub(super) is_forked: bool,
    /// For the present number of streams.
    pub(super) cut: Cut,
    /// Streams that the buffers have room for.
    pub(super) capacity: usize,
    pub(super) sampling: Sampling,
    /// The controls that are set.
    pub(super) asked: Controls,
    /// Temperature, top-p, the bias of TIME_SHIFTs, and a bit for each pitch class that may begin.
    pub(super) params: Buffer,
    /// Scales of the first layer's gates, and what controls add to them.
    pub(super) controls: Buffer,
    /// The controls input with all controls unset.
    unset: Vec<f32>,
    /// What to do next: for each take the number of events done, then random numbers between 0 and 1, or
    /// events to read.
    pub(super) orders: Buffer,
    /// The events drawn, `[CAPACITY, takes]`.
    pub(super) tokens: Buffer,
    /// Hidden units of each layer, `[rows, streams]`: now and one step before, alternating.
    pub(super) hidden: Vec<[Buffer; 2]>,
    /// Cells of each layer.
    pub(super) cell: Vec<Buffer>,
    /// For each stream: sounding pitches, since when they sound, and the last event.
    pub(super) heard: Buffer,
    /// Logits of the next event of each stream.
    pub(super) logits: Buffer,
    /// Which of the two `hidden` is now.
    pub(super) now: usize,
}

/// A snapshot: what the next event depends on.
#[derive(Clone, Debug)]
pub(super) struct DeviceSnapshot {
    activity: Vec<Buffer>,
    is_forked: bool,
}

impl DeviceState {
    /// `unset`: the network's controls input with all controls unset.
    pub(super) fn new(network: &Network, takes: usize, sampling: Sampling, unset: Vec<f32>) -> Self {
        let mut network = network.clone();
        let asked = Controls::default();
        let params = Buffer::of_floats(&network.client, &params(sampling, &asked));
        // SAFETY: from here on everything goes through one queue, whichever thread asks, and so in order with
        // the recording.
        unsafe { network.client.set_stream(params.handle.stream) };
        let client = &network.client;
        let capacity = network.cut(2 * takes).padded_streams();
        let n_layers = network.config().layers;
        let activity = |_| Buffer::zeros(client, network.quantized.padded() * capacity);
        Self {
            recording: Recording::None,
            takes,
            is_forked: false,
            cut: network.cut(takes),
            capacity,
            sampling,
            asked,
            params,
            controls: Buffer::of_floats(client, &network.project(&unset, &unset)),
            unset,
            orders: Buffer::zeros(client, takes * (1 + CAPACITY)),
            tokens: Buffer::zeros(client, takes * CAPACITY),
            hidden: (0..n_layers).map(|_| [0, 1].map(activity)).collect(),
            cell: (0..n_layers).map(activity).collect(),
            heard: Buffer::zeros(client, capacity * HEARD),
            logits: Buffer::zeros(client, capacity * LOGIT_COLUMNS),
            now: 0,
            network,
        }
    }

    pub(super) fn set_sampling(&mut self, sampling: Sampling) {
        self.sampling = sampling;
        self.write_manner();
    }

    /// # Errors
    /// If the network does not support them.
    pub(super) fn set_controls(&mut self, asked: &Controls) -> Result<(), Error> {
        let projected = self.network.project(&self.network.config().encode_guided(asked)?, &self.unset);
        self.controls.write(&self.network.client, projected.iter().map(|x| x.to_bits()).collect());
        self.asked = asked.clone();
        self.write_manner();
        Ok(())
    }

    fn write_manner(&self) {
        let words = params(self.sampling, &self.asked).map(f32::to_bits);
        self.params.write(&self.network.client, words.to_vec());
    }

    fn is_asked(&self) -> bool {
        self.asked != Controls::default()
    }

    /// Reads up to [`CAPACITY`] events, one row for each take, all of the same length.
    pub(super) fn step(&mut self, rows: Vec<Vec<u32>>) {
        self.sync();
        let n = rows.first().map_or(0, Vec::len);
        self.order(rows);
        for _ in 0..n {
            self.launch_step();
            self.launch_layers();
        }
    }

    /// Computes the logits of the next event.
    pub(super) fn logit(&self) {
        self.launch_head();
    }

    /// Draws up to [`CAPACITY`] events with one row of random numbers between 0 and 1 for each take, all of
    /// the same length. Returns them event by event.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn draw(&mut self, rows: Vec<Vec<u32>>) -> Result<Vec<u32>, Error> {
        self.sync();
        let n = rows.first().map_or(0, Vec::len);
        self.order(rows);
        let mut left = n;
        while left > 0 {
            if left >= RECORDED && self.now == 0 && self.replay()? {
                left -= RECORDED;
            } else {
                self.launch_event();
                left -= 1;
            }
        }
        self.read(&self.tokens, n * self.takes).await
    }

    /// Logits of the next event, `[takes, LOGIT_COLUMNS]`, as the network has them.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn logits(&self) -> Result<Vec<f32>, Error> {
        let words = self.read(&self.logits, self.takes * LOGIT_COLUMNS).await?;
        Ok(words.into_iter().map(f32::from_bits).collect())
    }

    /// The same with guidance, and 413 for each take.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn guided_logits(&mut self) -> Result<Vec<Vec<f32>>, Error> {
        self.sync();
        let streams = if self.is_forked { 2 * self.takes } else { self.takes };
        let words = self.read(&self.logits, streams * LOGIT_COLUMNS).await?;
        let row = |stream: usize| {
            let row = words.iter().skip(stream * LOGIT_COLUMNS).take(N_TOKENS);
            row.map(|&word| f32::from_bits(word))
        };
        let guided = |take| match self.is_forked {
            true => {
                row(take).zip(row(self.takes + take)).map(|(logit, u)| u + GUIDANCE * (logit - u)).collect()
            }
            false => row(take).collect(),
        };
        Ok((0..self.takes).map(guided).collect())
    }

    /// Starts or ends the unconditional streams, before anything is drawn or read.
    fn sync(&mut self) {
        if self.is_asked() && !self.is_forked {
            let units = self.network.quantized.padded();
            let rows = self.hidden.iter().map(|turns| &turns[self.now]).chain(&self.cell);
            rows.for_each(|buffer| self.launch_fork(buffer, 1, self.capacity, units));
            self.launch_fork(&self.heard, HEARD, 1, HEARD);
            self.launch_fork(&self.logits, LOGIT_COLUMNS, 1, LOGIT_COLUMNS);
        }
        self.set_forked(self.is_asked());
    }

    fn set_forked(&mut self, is_forked: bool) {
        if is_forked == self.is_forked {
            return;
        }
        self.is_forked = is_forked;
        self.cut = self.network.cut(if is_forked { 2 * self.takes } else { self.takes });
        // Other kernels than those recorded.
        if !matches!(self.recording, Recording::Refused) {
            self.recording = Recording::None;
        }
    }

    /// A copy of everything that the next event depends on.
    pub(super) fn snapshot(&self) -> DeviceSnapshot {
        let client = &self.network.client;
        let kept = |buffer: &Buffer| {
            let copy = Buffer::zeros(client, buffer.words());
            launch_copy(client, buffer, &copy);
            copy
        };
        DeviceSnapshot { activity: self.activity().map(kept).collect(), is_forked: self.is_forked }
    }

    /// Restores a snapshot. Returns whether it fits the number of takes and the network.
    #[must_use]
    pub(super) fn restore(&mut self, kept: &DeviceSnapshot) -> bool {
        if !kept.activity.iter().map(Buffer::words).eq(self.activity().map(Buffer::words)) {
            return false;
        }
        for (from, into) in kept.activity.iter().zip(self.activity()) {
            launch_copy(&self.network.client, from, into);
        }
        self.set_forked(kept.is_forked);
        true
    }

    /// What the next event depends on.
    fn activity(&self) -> impl Iterator<Item = &Buffer> {
        let hidden = self.hidden.iter().map(|turns| &turns[self.now]);
        hidden.chain(&self.cell).chain([&self.heard, &self.logits])
    }

    /// Writes what the device is to do next, one row for each take.
    fn order(&self, rows: Vec<Vec<u32>>) {
        let mut orders = vec![0; self.orders.words()];
        for (order, row) in orders.chunks_exact_mut(1 + CAPACITY).zip(rows) {
            order[1..=row.len()].copy_from_slice(&row);
        }
        self.orders.write(&self.network.client, orders);
    }

    /// The first `words` words of a buffer.
    async fn read(&self, buffer: &Buffer, words: usize) -> Result<Vec<u32>, Error> {
        let rest = 4 * (buffer.words() - words) as u64;
        let handle = buffer.handle.clone().offset_end(rest);
        let read = self.network.client.read_async(vec![handle]).await;
        let bytes = read.map_err(|e| Error::Device(e.to_string()))?;
        let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        Ok(bytes.iter().flat_map(|bytes| bytes.chunks_exact(4)).map(word).collect())
    }
}

/// As [`super::sampler::sample`] wants it.
fn params(sampling: Sampling, asked: &Controls) -> [f32; 4] {
    [sampling.temperature, sampling.top_p, pace(sampling, asked), sampling.only.bits().into()]
}

impl std::fmt::Debug for DeviceState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { network, cut, takes, .. } = self;
        f.debug_struct("DeviceState")
            .field("network", network)
            .field("cut", cut)
            .field("takes", takes)
            .finish_non_exhaustive()
    }
}
