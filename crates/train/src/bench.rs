//! `bench`: events per second, generated one by one and trained in crops.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use performance::N_PITCHES;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rnn::weights::{Precision, save};
use rnn::{ModelConfig, Network, Quantized, Settings, State, Takes};
use serde::Serialize;

use crate::cli::{BenchArgs, DeviceKind};
use crate::config::Training;
use crate::generate::{block_on, shares};
use crate::loader::{Batch, Position};
use crate::optimizer::Adam;
use crate::training::loss;
use crate::{device, progress};

/// Each measurement runs at least this long after a warm-up.
const AT_LEAST: Duration = Duration::from_secs(6);

/// Seeds of the takes in the second measurement.
const TAKES: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

#[derive(Serialize)]
struct Figures {
    /// As `generate` plays on this device.
    generate_events_per_s: f64,
    /// All of `takes` takes at once together.
    generate_takes_events_per_s: f64,
    takes: usize,
    /// The network in 32 bits, one take; on a GPU the same as the first.
    generate_f32_events_per_s: f64,
    train_events_per_s: f64,
    device: String,
    batch: usize,
    time: usize,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let device = device::open(args.device)?;
    let bar = progress::bar(4, "measurements");
    let model = ModelConfig::default().init(&device, &mut ChaCha8Rng::seed_from_u64(1));
    let generate_f32_events_per_s = generated(&model, &[1])?;
    bar.inc(1);
    let (generate_events_per_s, generate_takes_events_per_s) = if args.device == DeviceKind::Flex {
        let weights = save(&model, Precision::Half, &BTreeMap::new())?;
        let network = Quantized::load(&weights)?;
        let one = generated(&network, &[1])?;
        bar.inc(1);
        let shares: Result<Vec<f64>> =
            shares(&TAKES).into_par_iter().map(|seeds| generated(&network, seeds)).collect();
        (one, shares?.iter().sum())
    } else {
        (generate_f32_events_per_s, generated(&model, &TAKES)?)
    };
    bar.inc(1);
    let train_events_per_s = trained(&device, args.batch, args.time)?;
    bar.finish_and_clear();
    let figures = Figures {
        generate_events_per_s,
        generate_takes_events_per_s,
        takes: TAKES.len(),
        generate_f32_events_per_s,
        train_events_per_s,
        device: format!("{:?}", args.device).to_lowercase(),
        batch: args.batch,
        time: args.time,
    };
    if args.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        println!(
            "{}: {generate_events_per_s:.0} events/s generated ({generate_takes_events_per_s:.0} by {} takes at \
             once, {generate_f32_events_per_s:.0} in 32 bits), {train_events_per_s:.0} events/s trained at {} × {}",
            figures.device, figures.takes, args.batch, args.time
        );
    }
    Ok(())
}

/// Events per second of all takes together.
fn generated<N: Network + Clone>(network: &N, seeds: &[u64]) -> Result<f64> {
    let mut takes = Takes::new(network.clone(), Settings::default(), seeds)?;
    block_on(takes.next_chunk(4))?;
    let (start, mut events) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        block_on(takes.next_chunk(8))?;
        events += 8 * seeds.len();
    }
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

fn trained(device: &Device, batch: usize, time: usize) -> Result<f64> {
    let config = ModelConfig::default();
    let training = Training { batch, time, ..Training::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut model = config.init(&device.clone().autodiff(), &mut rng);
    model.compute = training.compute();
    let mut adam = Adam::new(&model, training.average);
    let mut state = State::zeros(&config, batch, device);
    let data = Batch {
        tokens: (0..time * batch).map(|_| rng.random_range(0..413)).collect(),
        targets: (0..time * batch).map(|_| rng.random_range(0..413)).collect(),
        sounding: (0..time * batch * N_PITCHES).map(|_| f32::from(rng.random_bool(0.05))).collect(),
        controls: vec![0.0; time * batch * config.control_width()],
        keep: vec![1.0; batch],
        position: Position::default(),
    };
    let mut step = || {
        let (loss, next) = loss(&model, &data, state.clone(), &training, device);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        let (next_model, _) = adam.step(model.clone(), grads, 1e-4, training.clip);
        (model, state) = (next_model, next);
        loss.inner().into_scalar::<f32>()
    };
    step();
    let (start, mut steps) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        step();
        steps += 1;
    }
    Ok((steps * batch * time) as f64 / start.elapsed().as_secs_f64())
}
