//! `generate`: performances as MIDI files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use performance::midi::Pedal;
use performance::playback::Cursor;
use performance::{
    Controls, N_PITCH_CLASSES, Performance, Recipe, Sampling, Token, decode, encode, midi, primer,
};
use pollster::block_on;
use rayon::prelude::*;
use rnn::{Backend, Continuation, Generate, MAX_TAKES, ModelConfig, Quantized};

use crate::cli::{DeviceKind, GenerateArgs};
use crate::files::{keep_apart, read_midi, read_weights, write_atomically};
use crate::say::{count, remark, say};
use crate::{device, progress};

/// Events between two looks at the clock.
const CHUNK: usize = 32;
/// Events of the primer that are heard between two words on how far it is.
const PRIMER_CHUNK: usize = 1024;

pub(crate) fn run(args: &GenerateArgs) -> Result<()> {
    ensure!(
        args.seconds > 0.0 && args.seconds <= 86_400.0,
        "expected seconds above 0, up to 86400, found {}",
        args.seconds
    );
    let inputs = [("--weights", args.weights.as_path())].into_iter();
    let inputs: Vec<_> = inputs.chain(args.primer.as_deref().map(|primer| ("--primer", primer))).collect();
    let files: Vec<PathBuf> = match usize::from(args.takes) {
        1 => vec![args.out.clone()],
        n => (1..=n).map(|number| numbered(&args.out, number)).collect(),
    };
    for file in &files {
        keep_apart(file, &inputs)?;
    }
    let bytes = read_weights(&args.weights)?;
    let seeds: Vec<u64> = (0..u64::from(args.takes)).map(|take| args.seed.wrapping_add(take)).collect();
    let wanted_us = (args.seconds * 1e6).ceil() as u64;
    let (config, _) =
        rnn::weights::read_metadata(&bytes).with_context(|| args.weights.display().to_string())?;
    let recipe = recipe(args, &config)?;
    let bar = progress::bar(wanted_us / 1_000_000 * seeds.len() as u64, "seconds of music");
    let play = Play { recipe, wanted_us, bar };
    let takes = if args.device == DeviceKind::Flex {
        let network = Quantized::load(&bytes).with_context(|| args.weights.display().to_string())?;
        let shares = shares(&seeds);
        let takes: Result<Vec<_>> = shares.into_par_iter().map(|seeds| play.on(&network, seeds)).collect();
        takes?.concat()
    } else {
        play.on_gpu(args.device, &bytes, &seeds).with_context(|| args.weights.display().to_string())?
    };
    play.bar.finish_and_clear();
    let mut lines = Vec::new();
    for (file, tokens) in files.iter().zip(takes) {
        let whole =
            if args.without_primer { tokens } else { [play.recipe.primer.as_slice(), &tokens].concat() };
        let performance = decode(&whole).performance;
        let pedal = if args.write_pedal { Pedal::Written } else { Pedal::InNotes };
        write_atomically(file, &midi::write_with(&performance, pedal, None))?;
        lines.push(format!(
            "{}, {:.1} s, in {}",
            count(performance.notes().len(), "note"),
            performance.duration_us() as f64 / 1e6,
            file.display()
        ));
    }
    // After all files: whoever reads this may have gone, or the disk behind it may be full.
    say!("{}", lines.join("\n"))
}

/// Seeds for each thread of the CPU.
pub(crate) fn shares(seeds: &[u64]) -> Vec<&[u64]> {
    seeds.chunks(seeds.len().div_ceil(rayon::current_num_threads()).clamp(1, MAX_TAKES)).collect()
}

/// `out` with the take's number before its extension.
pub(crate) fn numbered(out: &Path, number: usize) -> PathBuf {
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
        recipe: Recipe::new(seed, Sampling::default()),
        wanted_us: (seconds * 1e6).ceil() as u64,
        bar: ProgressBar::hidden(),
    };
    let takes = play.on(&Quantized::load(weights)?, &[seed])?;
    Ok(decode(&takes.concat()).performance)
}

/// What to play.
pub(crate) struct Play {
    /// Each take has its own seed instead of the recipe's.
    pub(crate) recipe: Recipe,
    /// Length of the new music, in microseconds.
    pub(crate) wanted_us: u64,
    /// Counts seconds of music.
    pub(crate) bar: ProgressBar,
}

impl Play {
    /// A take of each seed, without the primer and as loud as the primer is.
    pub(crate) fn on(&self, backend: &impl Backend, seeds: &[u64]) -> Result<Vec<Vec<Token>>> {
        block_on(self.play(Continuation::side_by_side(backend, self.recipe.clone(), seeds)?, seeds.len()))
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

    async fn play(
        &self,
        mut continuation: Continuation<impl Generate>,
        n_takes: usize,
    ) -> Result<Vec<Vec<Token>>> {
        loop {
            let (n_heard, n_events) = continuation.prefill(PRIMER_CHUNK).await?;
            if n_heard == n_events {
                break;
            }
            self.bar.set_message(format!("· {} % of the primer heard", 100 * n_heard / n_events));
            self.bar.tick();
        }
        self.bar.set_message("");
        let offset = self.recipe.velocity_offset;
        let mut parts = vec![Part::default(); n_takes];
        let mut shown = 0;
        while parts.iter().any(|part| part.end.at_us() < self.wanted_us) {
            for (part, tokens) in parts.iter_mut().zip(continuation.advance(CHUNK).await?) {
                part.add(tokens.into_iter().map(|token| offset.undo(token)), self.wanted_us);
            }
            let now: u64 = parts.iter().map(|part| part.end.at_us().min(self.wanted_us) / 1_000_000).sum();
            self.bar.inc(now - shown);
            shown = now;
        }
        Ok(parts.into_iter().map(|part| part.tokens).collect())
    }
}

/// A take so far.
#[derive(Clone, Debug, Default)]
struct Part {
    tokens: Vec<Token>,
    end: Cursor,
}

impl Part {
    /// Takes tokens until there is enough music.
    fn add(&mut self, tokens: impl Iterator<Item = Token>, wanted_us: u64) {
        for token in tokens {
            if self.end.at_us() >= wanted_us {
                return;
            }
            self.end.step(token);
            self.tokens.push(token);
        }
    }
}

/// The recipe of the arguments: controls that are set, and otherwise those of the primer.
fn recipe(args: &GenerateArgs, config: &ModelConfig) -> Result<Recipe> {
    let sampling = Sampling { only: args.only, themes: args.themes, ..args.sampling.checked()? };
    let primer = match &args.primer {
        Some(file) => {
            let bytes = read_midi(file)?;
            let all = encode(&midi::read(&bytes).with_context(|| file.display().to_string())?.performance);
            match args.primer_seconds {
                Some(secs) => {
                    ensure!(secs > 0.0, "expected seconds of the primer above 0, found {secs}");
                    primer::beginning(&all, secs).to_vec()
                }
                None => all,
            }
        }
        None => Vec::new(),
    };
    if args.stray {
        remark!("performance-rnn: --stray is called --unconditioned now");
    }
    let begin = if args.unconditioned || args.stray { Recipe::unconditioned_after } else { Recipe::after };
    let recipe = begin(primer, args.seed, sampling);
    let like = recipe.log.controls_at(0);
    let pitch_classes = match &args.pitch_classes {
        Some(weights) => match <[f32; N_PITCH_CLASSES]>::try_from(weights.as_slice()) {
            Ok(weights) => Some(weights),
            Err(_) => bail!("expected {N_PITCH_CLASSES} pitch class weights, found {}", weights.len()),
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
    let controls = Controls { density: args.density.or(like.density), pitch_classes, composer };
    controls.check()?;
    Ok(if controls == like { recipe } else { recipe.with_controls(controls) })
}
