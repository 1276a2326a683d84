//! `generate`: a performance as a MIDI file.

use anyhow::{Context, Result, bail, ensure};
use performance::{Event, STEP_MICROS, Token, decode, encode, midi};
use rnn::{Controls, Generator, Model, Settings};

use crate::cli::GenerateArgs;
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
    let device = device::open(args.device)?;
    let bytes =
        std::fs::read(&args.weights).with_context(|| format!("{} cannot be read", args.weights.display()))?;
    let model = rnn::weights::load(&bytes, &device).with_context(|| args.weights.display().to_string())?;
    let controls = controls(args, &model)?;
    let settings = Settings { temperature: args.temperature, top_p: args.top_p }.check()?;
    let primer = match &args.primer {
        Some(file) => {
            let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            encode(&midi::read(&bytes).with_context(|| file.display().to_string())?.performance)
        }
        None => Vec::new(),
    };
    let mut generator = Generator::new(model, settings, args.seed);
    generator.set_controls(&controls)?;
    let tokens = block_on(play(&mut generator, &primer, args.seconds))?;
    let whole = if args.without_primer { tokens } else { [primer, tokens].concat() };
    let performance = decode(&whole).performance;
    write_atomically(&args.out, &midi::write(&performance))?;
    println!(
        "{} notes, {:.1} s, in {}",
        performance.notes().len(),
        performance.duration_us() as f64 / 1e6,
        args.out.display()
    );
    Ok(())
}

/// At least `seconds` of new music after the primer.
async fn play(generator: &mut Generator, primer: &[Token], seconds: f64) -> Result<Vec<Token>> {
    generator.prime(primer).await?;
    let wanted = (seconds * 1e6 / STEP_MICROS as f64).ceil() as u64;
    let bar = progress::bar(wanted * STEP_MICROS / 1_000_000, "seconds of music");
    let mut steps = 0;
    let mut tokens = Vec::new();
    while steps < wanted {
        for token in generator.next_chunk(CHUNK).await? {
            if steps >= wanted {
                break;
            }
            if let Event::TimeShift(shift) = Event::from(token) {
                steps += u64::from(shift.steps());
            }
            tokens.push(token);
        }
        bar.set_position(steps.min(wanted) * STEP_MICROS / 1_000_000);
    }
    bar.finish_and_clear();
    Ok(tokens)
}

fn controls(args: &GenerateArgs, model: &Model) -> Result<Controls> {
    let pitch_classes = match &args.pitch_classes {
        Some(weights) => match <[f32; 12]>::try_from(weights.as_slice()) {
            Ok(weights) => Some(weights),
            Err(_) => bail!("expected 12 pitch class weights, found {}", weights.len()),
        },
        None => None,
    };
    let composer = match &args.composer {
        Some(name) => {
            let known = &model.config.composers;
            let found = known.iter().position(|composer| composer.eq_ignore_ascii_case(name));
            ensure!(found.is_some(), "expected one of the composers {}, found {name}", known.join(", "));
            found
        }
        None => None,
    };
    Ok(Controls { density: args.density, pitch_classes, composer })
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
