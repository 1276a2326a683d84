//! `bench`: events per second, generated one by one and trained in crops.

use std::time::{Duration, Instant};

use anyhow::Result;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use performance::N_PITCHES;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::{Generator, ModelConfig, Settings, State};
use serde::Serialize;

use crate::cli::BenchArgs;
use crate::config::Training;
use crate::generate::block_on;
use crate::loader::{Batch, Position};
use crate::optimizer::Adam;
use crate::training::loss;
use crate::{device, progress};

/// Each measurement runs at least this long after a warm-up.
const AT_LEAST: Duration = Duration::from_secs(6);

#[derive(Serialize)]
struct Figures {
    generate_events_per_s: f64,
    /// None where training was not to be measured.
    train_events_per_s: Option<f64>,
    device: String,
    batch: usize,
    time: usize,
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    fused: Option<crate::bench_gpu::GpuFigures>,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let device = device::open(args.device)?;
    let bar = progress::bar(2, "measurements");
    let generate_events_per_s = generated(&device)?;
    bar.inc(1);
    let train_events_per_s = match args.without_training {
        true => None,
        false => Some(trained(&device, args.batch, args.time)?),
    };
    bar.finish_and_clear();
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    let fused = match args.device {
        crate::cli::DeviceKind::Flex => None,
        _ => Some(crate::bench_gpu::run(&device)?),
    };
    let figures = Figures {
        generate_events_per_s,
        train_events_per_s,
        device: format!("{:?}", args.device).to_lowercase(),
        batch: args.batch,
        time: args.time,
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        fused,
    };
    if args.json {
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    let device = &figures.device;
    match train_events_per_s {
        Some(trained) => println!(
            "{device}: {generate_events_per_s:.0} events/s generated, {trained:.0} events/s trained at {} × {}",
            args.batch, args.time
        ),
        None => println!("{device}: {generate_events_per_s:.0} events/s generated"),
    }
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    if let Some(fused) = &figures.fused {
        fused.print();
    }
    Ok(())
}

fn generated(device: &Device) -> Result<f64> {
    let model = ModelConfig::default().init(device, &mut ChaCha8Rng::seed_from_u64(1));
    let mut generator = Generator::new(model, Settings::default(), 1);
    block_on(generator.next_chunk(4))?;
    let (start, mut events) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        events += block_on(generator.next_chunk(8))?.len();
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
