//! Where takes are played: the buffers of a number of streams, and the launches of an event.

use cubecl::client::Graph;
use cubecl::prelude::*;

use super::kernels::{self, LOGIT_COLUMNS};
use super::memory::Buffer;
use super::network::{Cut, Network};
use super::sampler::{self, HEARD, SAMPLER_UNITS};
use crate::sampling::pace;
use performance::{Controls, Sampling};

use crate::Error;

/// Events that the device can be asked for at once; longer chunks are several, each with a read-back.
pub const CAPACITY: usize = 128;

/// Events of a recording; even, so that it ends where it began. More: fewer calls into the runtime.
const RECORDED: usize = 8;

/// The device's side of takes.
pub(super) struct DeviceState {
    /// First, so that it is gone before what it replays on.
    recording: Recording,
    pub(super) network: Network,
    takes: usize,
    /// Whether each take is two streams: what was asked for, and, `takes` further on, what would come unconditional.
    is_forked: bool,
    /// For the streams there are now.
    cut: Cut,
    /// Streams that the buffers have capacity for.
    capacity: usize,
    sampling: Sampling,
    /// What the listener asks for.
    asked: Controls,
    /// Temperature, top-p, and how much waits are helped.
    params: Buffer,
    /// Scales of the first layer's gates, and what controls add to them.
    controls: Buffer,
    /// The controls input when nothing is asked.
    unset: Vec<f32>,
    /// What to do next: for each take the events done, then numbers between 0 and 1, or events to step.
    orders: Buffer,
    /// The events drawn, `[CAPACITY, takes]`.
    tokens: Buffer,
    /// Hidden units of each layer, `[rows, streams]`: now and the step before, in turns.
    hidden: Vec<[Buffer; 2]>,
    /// Cells of each layer.
    cell: Vec<Buffer>,
    /// Of each stream the sounding pitches, since when they sound, and the last event.
    heard: Buffer,
    /// Logits of the next event of each stream.
    logits: Buffer,
    /// Which of the two `hidden` is now.
    now: usize,
}

/// What the next event depends on, to come back to.
#[derive(Clone, Debug)]
pub(super) struct DeviceSnapshot {
    activity: Vec<Buffer>,
    is_forked: bool,
}

/// A few events as the runtime recorded them: replaying costs less than launching kernel by kernel, which is
/// what limits a single take on a fast device.
enum Recording {
    /// No event was drawn yet: kernels must have run once before they can be recorded.
    None,
    /// Could be made now.
    Due,
    Ready(Graph),
    /// The runtime has no recordings.
    Refused,
}

impl DeviceState {
    /// `unset`: the network's controls input when nothing is asked.
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
    /// If the network cannot be asked for them.
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

    /// Hears up to [`CAPACITY`] events, a row for each take, all of one length.
    pub(super) fn step(&mut self, rows: Vec<Vec<u32>>) {
        self.sync();
        let n = rows.first().map_or(0, Vec::len);
        self.order(rows);
        for _ in 0..n {
            self.launch_step();
            self.launch_layers();
        }
    }

    /// Works out the logits of the event after those heard.
    pub(super) fn logit(&self) {
        self.launch_head();
    }

    /// Draws up to [`CAPACITY`] events with a row of numbers between 0 and 1 for each take, all of one length,
    /// and returns them event by event.
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

    /// Lets what would come unconditional begin or end, before anything is drawn or heard.
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

    /// Goes back to what was kept; whether it was kept of as many takes of such a network.
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

    /// Hands the device what to do next, one row for each take.
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

/// As [`sampler::sample`] wants it.
fn params(sampling: Sampling, asked: &Controls) -> [f32; 3] {
    [sampling.temperature, sampling.top_p, pace(asked)]
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

/// Launches.
impl DeviceState {
    /// Replays the recording and returns true, or sees to it that there will be one.
    fn replay(&mut self) -> Result<bool, Error> {
        let recorded = match &self.recording {
            Recording::Ready(graph) => {
                // SAFETY: the buffers live as long as the recording, which is dropped first, and only this
                // device, from the stream it recorded on, uses them.
                let replayed = unsafe { graph.replay() };
                replayed.map_err(|e| Error::Device(e.to_string()))?;
                return Ok(true);
            }
            Recording::None => Recording::Due,
            Recording::Due => self.record(),
            Recording::Refused => Recording::Refused,
        };
        self.recording = recorded;
        Ok(false)
    }

    /// Records [`RECORDED`] events without playing them.
    fn record(&mut self) -> Recording {
        let client = self.network.client.clone();
        if client.graph_prepare().is_err() {
            return Recording::Refused;
        }
        if client.start_capture().is_err() {
            // Nothing was recorded, but the queue has to be released.
            drop(client.stop_capture());
            return Recording::Refused;
        }
        for _ in 0..RECORDED {
            self.launch_event();
        }
        match client.stop_capture() {
            Ok(graph) => Recording::Ready(graph),
            Err(_) => Recording::Refused,
        }
    }

    /// One event, drawn and heard.
    fn launch_event(&mut self) {
        self.launch_sampler();
        self.launch_layers();
        self.launch_head();
    }

    fn launch_layers(&mut self) {
        let Self { network, cut, .. } = self;
        let (client, units, lanes) = (&network.client, network.quantized.padded(), cut.lanes);
        let one = network.quantized.one() as u32;
        let (last, now) = (self.now, 1 - self.now);
        for (index, layer) in network.layers.iter().enumerate() {
            let [last, hidden] = [last, now].map(|turn| self.hidden[index][turn].arg(lanes));
            let cell = self.cell[index].arg(lanes);
            let (cubes, cube, row) = (cut.cubes(units), cut.cube(), self.capacity / lanes);
            match index.checked_sub(1) {
                None => {
                    // SAFETY: rows of `heard` are events and pitches of the table, units come in whole cubes,
                    // and streams that nobody asked for have capacity.
                    unsafe {
                        kernels::first_layer::launch_unchecked(
                            client,
                            cubes,
                            cube,
                            lanes,
                            layer.weights.arg(4),
                            network.table.arg(4),
                            self.controls.arg(4),
                            self.heard.arg(1),
                            last,
                            hidden,
                            cell,
                            row,
                            self.takes,
                            one,
                            units,
                            cut.tiling,
                        );
                    }
                }
                Some(below) => {
                    let below = self.hidden[below][now].arg(lanes);
                    // SAFETY: as above.
                    unsafe {
                        kernels::layer::launch_unchecked(
                            client,
                            cubes,
                            cube,
                            lanes,
                            layer.weights.arg(4),
                            layer.bias.arg(4),
                            below,
                            last,
                            hidden,
                            cell,
                            row,
                            one,
                            units,
                            cut.tiling,
                        );
                    }
                }
            }
        }
        self.now = now;
    }

    fn launch_head(&self) {
        let Self { network, cut, .. } = self;
        let Some(top) = self.hidden.last() else { return };
        // SAFETY: the buffers have the shapes that the kernel names; cubes beyond the last group write nothing.
        unsafe {
            kernels::head::launch_unchecked(
                &network.client,
                cut.cubes(LOGIT_COLUMNS / 4),
                cut.cube(),
                cut.lanes,
                network.head.weights.arg(4),
                network.head.bias.arg(4),
                top[self.now].arg(cut.lanes),
                self.logits.arg(1),
                self.capacity / cut.lanes,
                network.quantized.padded(),
                cut.tiling,
            );
        }
    }

    fn launch_sampler(&self) {
        let takes = self.takes;
        // SAFETY: one cube per take, and no more than `CAPACITY` events since the last orders.
        unsafe {
            sampler::sample::launch_unchecked(
                &self.network.client,
                CubeCount::Static(takes as u32, 1, 1),
                CubeDim::new_1d(SAMPLER_UNITS as u32),
                self.logits.arg(1),
                self.params.arg(1),
                self.orders.arg(1),
                self.heard.arg(1),
                self.tokens.arg(1),
                takes,
                CAPACITY,
                self.is_forked,
            );
        }
    }

    fn launch_step(&self) {
        let takes = self.takes;
        // SAFETY: as above.
        unsafe {
            sampler::step::launch_unchecked(
                &self.network.client,
                CubeCount::Static(takes.div_ceil(64) as u32, 1, 1),
                CubeDim::new_1d(64),
                self.orders.arg(1),
                self.heard.arg(1),
                takes,
                CAPACITY,
                self.is_forked,
            );
        }
    }

    /// Begins what would come unconditional of each take: see [`kernels::fork`].
    fn launch_fork(&self, buffer: &Buffer, stride: usize, step: usize, numbers: usize) {
        let (takes, units) = (self.takes, self.takes * numbers);
        // SAFETY: the buffers have capacity for twice the takes.
        unsafe {
            kernels::fork::launch_unchecked(
                &self.network.client,
                CubeCount::Static(units.div_ceil(256) as u32, 1, 1),
                CubeDim::new_1d(256),
                buffer.arg(1),
                takes,
                stride,
                step,
                numbers,
            );
        }
    }
}

fn launch_copy(client: &Client, from: &Buffer, into: &Buffer) {
    let words = from.words();
    // SAFETY: both have as many words.
    unsafe {
        kernels::copy::launch_unchecked(
            client,
            CubeCount::Static(words.div_ceil(256) as u32, 1, 1),
            CubeDim::new_1d(256),
            from.arg(1),
            into.arg(1),
            words,
        );
    }
}
