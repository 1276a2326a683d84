//! `bench` on a GPU: events per second of the fused kernels, beside the limit that memory sets.

use std::time::{Duration, Instant};

use crate::say::say;
use anyhow::Result;
use burn::tensor::Device;
use performance::Sampling;
use pollster::block_on;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rnn::gpu::{self, Network, Probe, Tuning};
use rnn::weights::{self, Precision};
use rnn::{Backend, Generate, ModelConfig};
use serde::Serialize;

/// Each measurement runs at least this long after a warm-up.
const AT_LEAST: Duration = Duration::from_secs(4);
/// Takes side by side.
const TAKES: [usize; 4] = [1, 2, 8, 256];
/// Events of each take between two read-backs.
const CHUNK: usize = 32;

/// What was measured, in the order in which it is printed.
#[derive(Serialize)]
pub(crate) struct GpuFigures {
    /// Events per second of all takes together, by the number of takes.
    events_per_s: Vec<(usize, f64)>,
    bytes_of_weights: usize,
    bandwidth_bytes_per_s: f64,
    /// Bandwidth divided by bytes of weights: the limit for a single take, which reads every weight for every
    /// event.
    limit_events_per_s: f64,
    tuning: String,
}

impl GpuFigures {
    /// Measures the paper's network with random weights in half precision, as released ones are.
    pub(crate) fn measure(device: &Device) -> Result<Self> {
        let client = gpu::client(device)?;
        let tuning = Tuning::of(&client);
        let model = ModelConfig::default().init(&Device::flex(), &mut ChaCha8Rng::seed_from_u64(1));
        let file = weights::save(&model, Precision::Half, &Default::default())?;
        let network = Network::load(&file, &client, tuning)?;
        let events_per_s =
            TAKES.into_iter().map(|takes| Ok((takes, played(&network, takes)?))).collect::<Result<_>>()?;
        let bandwidth_bytes_per_s = bandwidth(&Probe::new(
            &client,
            match tuning {
                Tuning::Gpu => 1 << 30,
                Tuning::Software => 1 << 26,
            },
        ))?;
        let bytes_of_weights = network.bytes_per_event();
        Ok(Self {
            events_per_s,
            bytes_of_weights,
            bandwidth_bytes_per_s,
            limit_events_per_s: bandwidth_bytes_per_s / bytes_of_weights as f64,
            tuning: format!("{tuning:?}").to_lowercase(),
        })
    }

    /// One line for each figure.
    pub(crate) fn print(&self) {
        for &(takes, events_per_s) in &self.events_per_s {
            say!(
                "fused kernels ({}), {takes} takes: {events_per_s:.0} events/s, {:.1} % of the limit of one",
                self.tuning,
                100.0 * events_per_s / self.limit_events_per_s
            )?;
        }
        say!(
            "limit: {:.1} GB/s measured / {:.1} MB of weights = {:.0} events/s",
            self.bandwidth_bytes_per_s / 1e9,
            self.bytes_of_weights as f64 / 1e6,
            self.limit_events_per_s
        )?;
    }
}

fn played(network: &Network, takes: usize) -> Result<f64> {
    let seeds: Vec<u64> = (0..takes as u64).collect();
    let mut takes = network.takes(Sampling::default(), &seeds)?;
    block_on(takes.next_chunk(4))?;
    let (start, mut events) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        events += block_on(takes.next_chunk(CHUNK))?.iter().map(Vec::len).sum::<usize>();
    }
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

/// Bytes per second.
fn bandwidth(probe: &Probe) -> Result<f64> {
    block_on(probe.read(1))?;
    let (start, mut bytes) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST / 2 {
        bytes += block_on(probe.read(4))?;
    }
    Ok(bytes as f64 / start.elapsed().as_secs_f64())
}
