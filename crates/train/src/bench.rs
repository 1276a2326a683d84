//! `bench`: events per second, generated one by one and trained in crops.

use std::path::Path;
use std::sync::Arc;
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
use crate::corpus::Corpus;
use crate::loader::{Batch, Cut, Loader, Position, Share};
use crate::optimizer::Adam;
use crate::training::loss;
use crate::{device, progress};

/// Each measurement runs at least this long after a warm-up.
const AT_LEAST: Duration = Duration::from_secs(6);

#[derive(Serialize)]
struct Figures {
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_events_per_s: Option<f64>,
    train_events_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_events_per_s: Option<f64>,
    device: String,
    batch: usize,
    time: usize,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let device = device::open(args.device)?;
    let bar = progress::bar(3, "measurements");
    let generate_events_per_s = if args.train_only { None } else { Some(generated(&device)?) };
    bar.inc(1);
    let train_events_per_s = trained(&device, args)?;
    bar.inc(1);
    let load_events_per_s = args.data.as_deref().map(|data| loaded(data, args)).transpose()?;
    bar.finish_and_clear();
    let figures = Figures {
        generate_events_per_s,
        train_events_per_s,
        load_events_per_s,
        device: format!("{:?}", args.device).to_lowercase(),
        batch: args.batch,
        time: args.time,
    };
    if args.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        if let Some(generated) = generate_events_per_s {
            println!("{}: {generated:.0} events/s generated", figures.device);
        }
        println!(
            "{}: {train_events_per_s:.0} events/s trained at {} × {}",
            figures.device, args.batch, args.time
        );
        if let Some(loaded) = load_events_per_s {
            println!("{loaded:.0} events/s of crops on one thread, other keys and paces included");
        }
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

fn trained(device: &Device, args: &BenchArgs) -> Result<f64> {
    let BenchArgs { batch, time, precision, .. } = *args;
    let config = ModelConfig::default();
    let training = Training { batch, time, precision, ..Training::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut model = config.init(&device.clone().autodiff(), &mut rng);
    model.compute = training.compute();
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
        let (next_model, _) = adam.step(model.clone(), grads, 1e-4);
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

/// Crops made by one thread, as training makes them.
fn loaded(data: &Path, args: &BenchArgs) -> Result<f64> {
    let corpus = Arc::new(Corpus::open(data)?);
    let (train, _) = corpus.split()?;
    let Training { walk, controlled, augment, seed, .. } = Training::default();
    let cut = Cut { batch: args.batch, time: args.time, walk, controlled, augment, share: Share::WHOLE };
    let mut loader = Loader::new(corpus, train, ModelConfig::default(), cut, seed, &Position::default())?;
    let (start, mut events) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        events += loader.next_batch()?.events();
    }
    Ok(events as f64 / start.elapsed().as_secs_f64())
}
