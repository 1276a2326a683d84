//! `generate`: performances as MIDI files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use performance::{Event, Performance, STEP_MICROS, Token, decode, encode, midi};
use rayon::prelude::*;
use rnn::{Backend, Controls, Generate, MAX_TAKES, ModelConfig, Quantized, Settings, VelocityOffset};

use crate::cli::{DeviceKind, GenerateArgs};
use crate::files::write_atomically;
use crate::{device, progress};

/// Events between two looks at the clock.
const CHUNK: usize = 32;

pub(crate) fn run(args: &GenerateArgs) -> Result<()> {
    ensure!(
        args.seconds > 0.0 && args.seconds <= 86_400.0,
        "expected seconds above 0, up to 86400, found {}",
        args.seconds
    );
    let settings = Settings { temperature: args.temperature, top_p: args.top_p }.check()?;
    let bytes =
        std::fs::read(&args.weights).with_context(|| format!("{} cannot be read", args.weights.display()))?;
    let primer = match &args.primer {
        Some(file) => {
            let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            let all = encode(&midi::read(&bytes).with_context(|| file.display().to_string())?.performance);
            match args.primer_seconds {
                Some(secs) => {
                    ensure!(secs > 0.0, "expected seconds of the primer above 0, found {secs}");
                    opening(&all, secs).0
                }
                None => all,
            }
        }
        None => Vec::new(),
    };
    let seeds: Vec<u64> = (0..u64::from(args.takes)).map(|take| args.seed.wrapping_add(take)).collect();
    let wanted = (args.seconds * 1e6 / STEP_MICROS as f64).ceil() as u64;
    let (config, _) =
        rnn::weights::read_metadata(&bytes).with_context(|| args.weights.display().to_string())?;
    let controls = controls(args, &primer, &config)?;
    let bar = progress::bar(seconds(wanted * seeds.len() as u64), "seconds of music");
    let offset = if args.unconditioned || args.stray {
        VelocityOffset::default()
    } else {
        VelocityOffset::of(&primer)
    };
    let play = Play { settings, controls, offset, primer: &primer, wanted, bar };
    let takes = if args.device == DeviceKind::Flex {
        let network = Quantized::load(&bytes).with_context(|| args.weights.display().to_string())?;
        let shares = shares(&seeds);
        let takes: Result<Vec<_>> = shares.into_par_iter().map(|seeds| play.on(&network, seeds)).collect();
        takes?.concat()
    } else {
        play.on_gpu(args.device, &bytes, &seeds).with_context(|| args.weights.display().to_string())?
    };
    play.bar.finish_and_clear();
    for (take, tokens) in takes.into_iter().enumerate() {
        let file = if seeds.len() == 1 { args.out.clone() } else { numbered(&args.out, take + 1) };
        let whole = if args.without_primer { tokens } else { [primer.as_slice(), &tokens].concat() };
        let performance = decode(&whole).performance;
        write_atomically(&file, &midi::write(&performance))?;
        println!(
            "{} notes, {:.1} s, in {}",
            performance.notes().len(),
            performance.duration_us() as f64 / 1e6,
            file.display()
        );
    }
    Ok(())
}

/// Seeds for each thread of the processor.
pub(crate) fn shares(seeds: &[u64]) -> Vec<&[u64]> {
    seeds.chunks(seeds.len().div_ceil(rayon::current_num_threads()).clamp(1, MAX_TAKES)).collect()
}

/// `out` with the take's number before its extension.
fn numbered(out: &Path, number: usize) -> PathBuf {
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = out.extension() {
        name.push(".");
        name.push(extension);
    }
    out.with_file_name(name)
}

/// What a weight file plays on its own, on one thread.
pub(crate) fn sample(weights: &[u8], seconds: f64, seed: u64) -> Result<Performance> {
    let play = Play {
        settings: Settings::default(),
        controls: Controls::default(),
        offset: VelocityOffset::default(),
        primer: &[],
        wanted: (seconds * 1e6 / STEP_MICROS as f64).ceil() as u64,
        bar: ProgressBar::hidden(),
    };
    let takes = play.on(&Quantized::load(weights)?, &[seed])?;
    Ok(decode(&takes.concat()).performance)
}

/// What to play.
pub(crate) struct Play<'a> {
    pub(crate) settings: Settings,
    pub(crate) controls: Controls,
    pub(crate) offset: VelocityOffset,
    pub(crate) primer: &'a [Token],
    /// Length of the new music, in steps.
    pub(crate) wanted: u64,
    /// Counts seconds of music.
    pub(crate) bar: ProgressBar,
}

impl Play<'_> {
    /// A take of each seed, without the primer.
    pub(crate) fn on(&self, backend: &impl Backend, seeds: &[u64]) -> Result<Vec<Vec<Token>>> {
        block_on(self.play(backend.takes(self.settings, seeds)?, seeds.len()))
    }

    /// The same on a GPU.
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), expect(unused_variables, reason = "no GPU"))]
    fn on_gpu(&self, kind: DeviceKind, weights: &[u8], seeds: &[u64]) -> Result<Vec<Vec<Token>>> {
        let device = device::open(kind)?;
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        {
            use rnn::gpu::{Network, Tuning, client};

            let client = client(&device)?;
            self.on(&Network::load(weights, &client, Tuning::of(&client))?, seeds)
        }
        #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
        unreachable!("a device that this program was not built for does not open")
    }

    async fn play(&self, mut takes: impl Generate, n_takes: usize) -> Result<Vec<Vec<Token>>> {
        let primer: Vec<Token> = self.primer.iter().map(|&token| self.offset.apply(token)).collect();
        takes.prefill(&primer).await?;
        takes.set_controls(&self.controls)?;
        let mut parts = vec![Part::default(); n_takes];
        let mut shown = 0;
        while parts.iter().any(|part| part.steps < self.wanted) {
            for (part, tokens) in parts.iter_mut().zip(takes.next_chunk(CHUNK).await?) {
                part.add(tokens.into_iter().map(|token| self.offset.undo(token)), self.wanted);
            }
            let now = seconds(parts.iter().map(|part| part.steps.min(self.wanted)).sum());
            self.bar.inc(now - shown);
            shown = now;
        }
        Ok(parts.into_iter().map(|part| part.tokens).collect())
    }
}

/// The events of the first seconds, and how long they take in microseconds. What sounds then is not released.
pub(crate) fn opening(tokens: &[Token], secs: f64) -> (Vec<Token>, u64) {
    let mut us = 0;
    let fits = |token: &&Token| {
        if let Event::TimeShift(shift) = Event::from(**token) {
            let end_us = us + u64::from(shift.steps()) * STEP_MICROS;
            if end_us as f64 > secs * 1e6 {
                return false;
            }
            us = end_us;
        }
        true
    };
    let opening = tokens.iter().take_while(fits).copied().collect();
    (opening, us)
}

fn seconds(steps: u64) -> u64 {
    steps * STEP_MICROS / 1_000_000
}

/// A take so far.
#[derive(Clone, Debug, Default)]
struct Part {
    tokens: Vec<Token>,
    steps: u64,
}

impl Part {
    /// Takes tokens until there is music of `wanted` steps.
    fn add(&mut self, tokens: impl Iterator<Item = Token>, wanted: u64) {
        for token in tokens {
            if self.steps >= wanted {
                return;
            }
            if let Event::TimeShift(shift) = Event::from(token) {
                self.steps += u64::from(shift.steps());
            }
            self.tokens.push(token);
        }
    }
}

/// What is asked, and otherwise what the primer is like.
fn controls(args: &GenerateArgs, primer: &[Token], config: &ModelConfig) -> Result<Controls> {
    let like = if args.unconditioned || args.stray { Controls::default() } else { Controls::like(primer) };
    let pitch_classes = match &args.pitch_classes {
        Some(weights) => match <[f32; 12]>::try_from(weights.as_slice()) {
            Ok(weights) => Some(weights),
            Err(_) => bail!("expected 12 pitch class weights, found {}", weights.len()),
        },
        None => like.pitch_classes,
    };
    let composer = match &args.composer {
        Some(name) => {
            let known = &config.composers;
            let found = known.iter().position(|composer| composer.eq_ignore_ascii_case(name));
            ensure!(found.is_some(), "expected one of the composers {}, found {name}", known.join(", "));
            found
        }
        None => None,
    };
    Ok(Controls { density: args.density.or(like.density), pitch_classes, composer })
}

/// Waits for a future. Reads from the CPU are ready at once; while a GPU works, the thread sleeps, because a
/// software adapter wants the processor for itself.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = std::pin::pin!(future);
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use performance::Shift;

    use super::*;

    #[test]
    fn an_opening_is_what_fits() {
        let second: Token = Event::TimeShift(Shift::MAX).into();
        let (tokens, us) = opening(&[second; 40], 30.0);
        assert_eq!((tokens.len(), us), (30, 30_000_000));
        assert_eq!(opening(&[second; 3], 30.0), (vec![second; 3], 3_000_000));
    }
}
