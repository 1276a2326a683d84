//! The launches of an event's kernels.

use cubecl::prelude::*;

use super::graph::{RECORDED, Recording};
use super::layout::{CAPACITY, LOGIT_COLUMNS};
use super::memory::{self, Buffer};
use super::sampler::{self, SAMPLER_UNITS};
use super::state::DeviceState;
use super::{cell, linear};
use crate::Error;

impl DeviceState {
    /// Replays the recording and returns true, or sees to it that there will be one.
    pub(super) fn replay(&mut self) -> Result<bool, Error> {
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
        Recording::of(&client, || (0..RECORDED).for_each(|_| self.launch_event()))
    }

    /// Launches one event: draw and step.
    pub(super) fn launch_event(&mut self) {
        self.launch_sampler();
        self.launch_layers();
        self.launch_head();
    }

    pub(super) fn launch_layers(&mut self) {
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
                    // and padding streams have room.
                    unsafe {
                        cell::first_layer::launch_unchecked(
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
                        cell::layer::launch_unchecked(
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

    pub(super) fn launch_head(&self) {
        let Self { network, cut, .. } = self;
        let Some(top) = self.hidden.last() else { return };
        // SAFETY: the buffers have the shapes that the kernel names; cubes beyond the last group write
        // nothing.
        unsafe {
            linear::head::launch_unchecked(
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

    pub(super) fn launch_sampler(&self) {
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

    pub(super) fn launch_step(&self) {
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

    /// Starts the unconditional stream of each take: see [`memory::fork`].
    pub(super) fn launch_fork(&self, buffer: &Buffer, stride: usize, step: usize, numbers: usize) {
        let (takes, units) = (self.takes, self.takes * numbers);
        // SAFETY: the buffers have room for twice the takes.
        unsafe {
            memory::fork::launch_unchecked(
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
