//! `bench`: events per second, generated one by one and trained in crops.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use indicatif::ProgressBar;
use learn::{Adam, Batch, Cut, Loader, Position, Share, Training, loss};
use performance::N_PITCHES;
use performance::Sampling;
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rnn::weights::{Precision, save};
use rnn::{Backend, Generate, ModelConfig, Quantized, State};
use serde::Serialize;

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use crate::bench_gpu::GpuFigures;
use crate::bench_midi;
use crate::cli::{BenchArgs, DeviceKind};
use crate::corpus::{Corpus, Pieces};
use crate::generate::shares;
use crate::say::say;
use crate::{device, progress};

/// Each measurement runs at least this long after a warm-up.
const AT_LEAST: Duration = Duration::from_secs(6);

/// Seeds of the takes in the second measurement.
const TAKES: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    generated: Option<Generated>,
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    fused: Option<GpuFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    train_events_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_events_per_s: Option<f64>,
    device: String,
    batch: usize,
    time: usize,
}

/// Events per second of music that is being made.
#[derive(Serialize)]
struct Generated {
    /// As `generate` plays on this device.
    generate_events_per_s: f64,
    /// All of `takes` takes at once together.
    generate_takes_events_per_s: f64,
    takes: usize,
    /// The network in 32 bits, one take; on a GPU the same as the first.
    generate_f32_events_per_s: f64,
}

impl Generated {
    fn measure(device: &Device, kind: DeviceKind, bar: &ProgressBar) -> Result<Self> {
        let model = ModelConfig::default().init(device, &mut ChaCha8Rng::seed_from_u64(1));
        let in_f32 = generated(&model, &[1])?;
        bar.inc(1);
        let (one, all) = if kind == DeviceKind::Flex {
            let network = Quantized::load(&save(&model, Precision::Half, &BTreeMap::new())?)?;
            let one = generated(&network, &[1])?;
            bar.inc(1);
            let shares: Result<Vec<f64>> =
                shares(&TAKES).into_par_iter().map(|seeds| generated(&network, seeds)).collect();
            (one, shares?.iter().sum())
        } else {
            (in_f32, generated(&model, &TAKES)?)
        };
        bar.inc(1);
        Ok(Self {
            generate_events_per_s: one,
            generate_takes_events_per_s: all,
            takes: TAKES.len(),
            generate_f32_events_per_s: in_f32,
        })
    }
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    if let Some(folder) = &args.midi {
        return bench_midi::run(folder, args.json);
    }
    let device = device::open(args.device)?;
    let bar = progress::bar(5, "measurements");
    let generated =
        if args.train_only { None } else { Some(Generated::measure(&device, args.device, &bar)?) };
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    let fused = match args.device {
        DeviceKind::Flex => None,
        _ if args.train_only => None,
        _ => Some(GpuFigures::measure(&device)?),
    };
    let train_events_per_s = if args.generate_only { None } else { Some(trained(&device, args)?) };
    bar.inc(1);
    let load_events_per_s = args.data.as_deref().map(|data| loaded(data, args)).transpose()?;
    bar.finish_and_clear();
    let figures = Figures {
        generated,
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        fused,
        train_events_per_s,
        load_events_per_s,
        device: format!("{:?}", args.device).to_lowercase(),
        batch: args.batch.into(),
        time: args.time.into(),
    };
    if args.json {
        say!("{}", serde_json::to_string(&figures)?)?;
    } else {
        if let Some(generated) = &figures.generated {
            say!(
                "{}: {:.0} events/s generated, {:.0} by {} takes at once, {:.0} in 32 bits",
                figures.device,
                generated.generate_events_per_s,
                generated.generate_takes_events_per_s,
                generated.takes,
                generated.generate_f32_events_per_s
            )?;
        }
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if let Some(fused) = &figures.fused {
            fused.print();
        }
        if let Some(trained) = train_events_per_s {
            say!("{}: {trained:.0} events/s trained at {} × {}", figures.device, args.batch, args.time)?;
        }
        if let Some(loaded) = load_events_per_s {
            say!("{loaded:.0} events/s of crops on one thread, other keys and paces included")?;
        }
    }
    Ok(())
}

/// Events per second of all takes together.
fn generated(backend: &impl Backend, seeds: &[u64]) -> Result<f64> {
    let mut takes = backend.takes(Sampling::default(), seeds)?;
    block_on(takes.next_chunk(4))?;
    let (start, mut events) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        block_on(takes.next_chunk(8))?;
        events += 8 * seeds.len();
    }
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

fn trained(device: &Device, args: &BenchArgs) -> Result<f64> {
    let BenchArgs { precision, recompute, .. } = *args;
    let (batch, time) = (usize::from(args.batch), usize::from(args.time));
    let config = ModelConfig::default();
    let training = Training { batch, time, precision, recompute, ..Training::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut model = config.init(&device.clone().autodiff(), &mut rng);
    model.compute = training.compute();
    model.recompute = training.recompute;
    let mut adam = Adam::new(&model, training.adam());
    let mut state = State::zeros(&config, batch, device);
    let data = Batch {
        tokens: (0..time * batch).map(|_| rng.random_range(0..413)).collect(),
        targets: (0..time * batch).map(|_| rng.random_range(0..413)).collect(),
        sounding: (0..time * batch * N_PITCHES).map(|_| f32::from(rng.random_bool(0.05))).collect(),
        controls: vec![0.0; time * batch * config.control_width()],
        mask: vec![1.0; time * batch],
        seconds: 0.0,
        keep: vec![1.0; batch],
        position: Position::default(),
    };
    let mut step = || {
        let (loss, next) = loss(&model, &data, state.clone(), &training, device);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        let (next_model, _) = block_on(adam.step(model.clone(), grads, 1e-4))?;
        (model, state) = (next_model, next);
        // Waits for the device.
        loss.inner().into_scalar::<f32>();
        Ok::<_, learn::Error>(())
    };
    step()?;
    let (start, mut steps) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        step()?;
        steps += 1;
    }
    Ok((steps * batch * time) as f64 / start.elapsed().as_secs_f64())
}

/// Crops made by one thread, as training makes them.
fn loaded(data: &Path, args: &BenchArgs) -> Result<f64> {
    let corpus = Arc::new(Corpus::open(data)?);
    let (train, _) = corpus.split()?;
    let Training { walk, controlled, augment, sounding, seed, remembering, .. } = Training::default();
    let cut = Cut {
        batch: args.batch.into(),
        time: args.time.into(),
        walk,
        controlled,
        augment,
        sounding,
        remembering,
        share: Share::WHOLE,
    };
    let mut loader = Loader::new(
        Box::new(Pieces::new(corpus, train)),
        ModelConfig::default(),
        cut,
        seed,
        &Position::default(),
    )?;
    let (start, mut events) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        events += loader.next_batch()?.events();
    }
    Ok(events as f64 / start.elapsed().as_secs_f64())
}
