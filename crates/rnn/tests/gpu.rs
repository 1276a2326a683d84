//! The kernels against the same network on the CPU, on whatever GPU there is; a software adapter will do (on
//! Debian: `apt-get install mesa-vulkan-drivers`).

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use cubecl::device::WgpuDeviceKind;
use cubecl::prelude::Client;
use performance::{
    Controls, Event, N_PITCHES, N_TOKENS, NoteTracker, Pitch, PitchClasses, Recipe, ReturnRate, STEP_MICROS,
    Sampling, Shift, Sounding, Token,
};
use pollster::block_on as now;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::gpu::{Network, Takes, Tuning};
use rnn::weights::{self, NamedTensor, Precision};
use rnn::{
    Backend, Continuation, Error, Generate, Hints, ModelConfig, Network as _, Quantized, QuantizedState,
    StepInput,
};

/// Largest difference of two logits: a device may round a gate otherwise, and so once in a while a hidden
/// unit.
const TOLERANCE: f32 = 2e-5;
/// A draw this close to the border between two events may fall to either side.
const TIE: f64 = 2e-6;

/// The adapter, opened once; none, with a printed reason, where there is none.
fn adapter() -> Option<&'static Client> {
    static ADAPTER: OnceLock<Option<Client>> = OnceLock::new();
    let open = || match cubecl::Device::wgpu(WgpuDeviceKind::DefaultDevice) {
        Ok(device) => Some(device.client()),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    };
    ADAPTER.get_or_init(open).as_ref()
}

/// One take on the CPU, event by event.
struct Reference {
    network: Quantized,
    state: QuantizedState,
    controls: Arc<[f32]>,
    held: NoteTracker,
    logits: Vec<f32>,
}

impl Reference {
    fn new(file: &[u8], controls: &Controls) -> Self {
        let network = Quantized::load(file).expect("a weight file");
        let controls = network.controls(&network.config().encode(controls).expect("usable controls"));
        Self { state: network.state(1), network, controls, held: NoteTracker::default(), logits: Vec::new() }
    }

    fn step(&mut self, token: Token) {
        self.held.apply(Event::from(token));
        let heard = StepInput { token, sounding: self.held.sounding(), hints: Hints::default() };
        self.network.step(&mut self.state, &self.controls, &[heard]).expect("a processor does not fail");
        self.logits = now(self.network.logits(&self.state)).expect("a processor does not fail");
    }
}

/// Random tensors, about as large as a network's.
fn tensors(config: &ModelConfig) -> Vec<NamedTensor> {
    let (hidden, gates) = (config.hidden, 4 * config.hidden);
    let mut shapes = vec![
        ("token".to_owned(), vec![N_TOKENS, gates]),
        ("sounding".to_owned(), vec![N_PITCHES, gates]),
        ("controls".to_owned(), vec![config.control_width(), gates]),
        ("head".to_owned(), vec![hidden, N_TOKENS]),
        ("head_bias".to_owned(), vec![N_TOKENS]),
    ];
    for layer in 0..config.layers {
        if layer > 0 {
            shapes.push((format!("layers.{layer}.input"), vec![hidden, gates]));
        }
        shapes.push((format!("layers.{layer}.recurrent"), vec![hidden, gates]));
        shapes.push((format!("layers.{layer}.bias"), vec![gates]));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(hidden as u64);
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let rows = if shape == [hidden, gates] || name == "head" { hidden as f32 } else { 3.0 };
        let bound = (3.0 / rows).sqrt();
        let values = (0..shape.iter().product()).map(|_| rng.random_range(-bound..bound)).collect();
        NamedTensor { name, shape, values }
    };
    shapes.into_iter().map(tensor).collect()
}

/// A weight file with random weights.
fn file(layers: usize, hidden: usize, precision: Precision) -> Vec<u8> {
    let config = ModelConfig { layers, hidden, composers: vec!["Chopin".into()], ..ModelConfig::default() };
    weights::save_tensors(&config, &tensors(&config), precision, &BTreeMap::new()).expect("a weight file")
}

fn takes(file: &[u8], tuning: Tuning, seeds: &[u64]) -> Option<Takes> {
    let network = Network::load(file, adapter()?, tuning).expect("a weight file");
    Some(network.takes(Sampling::default(), seeds).expect("seeds"))
}

fn next(takes: &mut Takes, n: usize) -> Vec<Vec<Token>> {
    now(takes.next_chunk(n)).expect("the network plays")
}

fn legal(rng: &mut impl Rng, n: usize) -> Vec<Token> {
    let mut sounding = Sounding::default();
    let mut draw = || loop {
        let token = Token::new(rng.random_range(0..N_TOKENS as u16)).expect("one of the vocabulary");
        if sounding.allows(Event::from(token)) {
            sounding.apply(Event::from(token));
            return token;
        }
    };
    (0..n).map(|_| draw()).collect()
}

#[test]
fn scores_are_the_processor_s() {
    let controls = Controls { density: Some(9.0), composer: Some(0), ..Controls::default() };
    let sizes = [(1, 16), (2, 25), (3, 64), (2, 200)];
    for (layers, hidden) in sizes {
        for precision in [Precision::Half, Precision::Full] {
            let file = file(layers, hidden, precision);
            for (tuning, n) in [Tuning::Gpu, Tuning::Software].into_iter().zip([1, 2]).chain([
                (Tuning::Gpu, 3),
                (Tuning::Software, 6),
                (Tuning::Gpu, 11),
            ]) {
                let Some(mut takes) = takes(&file, tuning, &vec![1; n]) else { return };
                takes.set_controls(&controls).unwrap();
                let mut reference = Reference::new(&file, &controls);
                for token in legal(&mut ChaCha8Rng::seed_from_u64(3), 12) {
                    now(takes.prefill(&[token])).unwrap();
                    reference.step(token);
                    let considered = now(takes.strike_probabilities(0)).unwrap();
                    assert!((considered.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                    for logits in now(takes.logits()).unwrap() {
                        let worst = logits.iter().zip(&reference.logits).map(|(a, b)| (a - b).abs());
                        let worst = worst.fold(0.0, f32::max);
                        assert!(
                            worst < TOLERANCE,
                            "{layers}×{hidden} {precision:?} {tuning:?} {n}: off by {worst}"
                        );
                    }
                }
            }
        }
    }
}

/// How far a draw is from the border of the event that it fell to, in probability.
fn margin(logits: &[f32], held: &NoteTracker, sampling: Sampling, chance: f64) -> f64 {
    let beyond = |steps: u64, secs: f64| (steps as f64 * STEP_MICROS as f64 / 1e6 - secs).max(0.0);
    let crowd = 0.08 * held.sounding().len().saturating_sub(12) as f64;
    let begin = 2.0 * beyond(held.rest(), 3.0) - 0.05 * held.strike_excess().saturating_sub(96) as f64;
    let help = |event: Event| match event {
        Event::NoteOff(pitch) => beyond(held.steps(pitch), 2.0) + crowd,
        Event::NoteOn(pitch) => begin - 0.1 * held.strike_excess_on(pitch).saturating_sub(16) as f64,
        Event::Velocity(_) => begin,
        Event::TimeShift(_) => 0.0,
    };
    let weight = |token: Token| {
        let event = Event::from(token);
        let logit = (f64::from(logits[token.index()]) + help(event)) / f64::from(sampling.temperature);
        if held.sounding().allows(event) && sampling.allows(event) { logit.exp() } else { 0.0 }
    };
    let mut weights: Vec<f64> = Token::all().map(weight).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
    let all: f64 = weights.iter().sum();
    let (mut reached, mut closest) = (0.0, f64::INFINITY);
    for i in order {
        if sampling.top_p < 1.0 {
            closest = closest.min((reached / all - f64::from(sampling.top_p)).abs());
            if reached / all >= f64::from(sampling.top_p) {
                weights[i] = 0.0;
                continue;
            }
        }
        reached += weights[i];
    }
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    for weight in weights {
        sum += weight / total;
        closest = closest.min((sum - chance).abs());
    }
    closest
}

/// Plays a seed on the CPU's sampler and on the device; both must draw the same events until, if ever, a draw
/// falls on the border of two. Returns how many were the same.
fn equal_events(file: &[u8], sampling: Sampling, seed: u64, n: usize) -> Option<usize> {
    let mut takes = takes(file, Tuning::of(adapter()?), &[seed])?;
    takes.set_sampling(sampling);
    let drawn = next(&mut takes, n).remove(0);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let opening: u16 = rng.random_range(12..=20);
    assert_eq!(drawn[0].get(), 380 + opening, "the same opening");
    Some(1 + equal_draws(file, sampling, &drawn[..1], &drawn[1..], rng))
}

/// How many events from the first on are those that the CPU draws with `rng` after `primer`.
fn equal_draws(
    file: &[u8],
    sampling: Sampling,
    primer: &[Token],
    drawn: &[Token],
    mut rng: ChaCha8Rng,
) -> usize {
    let mut reference = Reference::new(file, &Controls::default());
    primer.iter().for_each(|&token| reference.step(token));
    for (i, &token) in drawn.iter().enumerate() {
        let chance: f64 = rng.clone().random();
        let expected =
            rnn::sample(&reference.logits, &reference.held, sampling, &Controls::default(), &mut rng);
        let expected = expected.expect("finite logits");
        if token != expected {
            let margin = margin(&reference.logits, &reference.held, sampling, chance);
            eprintln!("event {i}: {token:?} for {expected:?}, {margin:e} from the border");
            assert!(margin < TIE, "event {i}: {token:?} for {expected:?}, {margin:e} from the border");
            return i;
        }
        reference.step(token);
    }
    drawn.len()
}

#[test]
fn a_seed_plays_what_it_plays_on_the_cpu() {
    let file = file(3, 64, Precision::Half);
    let mut whole = 0;
    for seed in 1..=4 {
        let Some(equal) = equal_events(&file, Sampling::default(), seed, 500) else { return };
        whole += usize::from(equal == 500);
    }
    assert!(whole >= 3, "ties are rare: {whole} of 4 seeds equal");
}

#[test]
fn each_goes_on_where_the_other_was_lost() {
    let file = file(2, 40, Precision::Half);
    let network = Quantized::load(&file).unwrap();
    let Some(mut whole) = takes(&file, Tuning::Software, &[6]) else { return };
    let whole = next(&mut whole, 120).remove(0);
    let mut cpu = network.takes(Sampling::default(), &[6]).unwrap();
    now(cpu.replay(&whole[..40])).unwrap();
    assert_eq!(now(cpu.next_chunk(40)).unwrap()[0], whole[40..80]);
    let Some(mut again) = takes(&file, Tuning::Gpu, &[6]) else { return };
    now(again.replay(&whole[..80])).unwrap();
    assert_eq!(next(&mut again, 40)[0], whole[80..]);
}

/// With changes on the way, and going back to before them.
#[test]
fn a_rewound_take_is_the_cpu_s() {
    let file = file(2, 40, Precision::Half);
    let Some(client) = adapter() else { return };
    let cpu = Quantized::load(&file).unwrap();
    let primer = next_on(&cpu, 9, 200);
    let recipe = Recipe::after(primer, 6, Sampling::default());
    let dense = Controls { density: Some(20.0), ..Controls::default() };
    async fn history<T: Generate>(mut take: Continuation<T>, dense: &Controls) -> (Recipe, Vec<Token>) {
        take.advance(150).await.unwrap();
        take.rewind(70).await.unwrap();
        take.set_controls(dense.clone()).unwrap();
        take.advance(60).await.unwrap();
        take.force(&[Event::TimeShift(Shift::MAX).into()]).await.unwrap();
        take.set_controls(Controls::default()).unwrap();
        take.advance(40).await.unwrap();
        take.rewind(100).await.unwrap();
        take.advance(80).await.unwrap();
        take.rewind(20).await.unwrap();
        take.advance(130).await.unwrap();
        (take.recipe().clone(), take.tokens().to_vec())
    }
    let expected = now(history(Continuation::new(&cpu, recipe.clone()).unwrap(), &dense));
    for tuning in [Tuning::Software, Tuning::Gpu] {
        let gpu = Network::load(&file, client, tuning).unwrap();
        let found = now(history(Continuation::new(&gpu, recipe.clone()).unwrap(), &dense));
        assert_eq!(found, expected, "{tuning:?}");
    }
}

/// With what was played before, which is remembered on the host.
#[test]
fn themes_come_back_as_on_the_cpu() {
    let file = file(1, 16, Precision::Half);
    let Some(client) = adapter() else { return };
    let themes = ReturnRate::of_percent(400).unwrap();
    let sampling = Sampling { themes, ..Sampling::default() };
    async fn history<T: Generate>(mut take: Continuation<T>, sampling: Sampling) -> Vec<Token> {
        take.advance(100).await.unwrap();
        take.set_sampling(sampling).unwrap();
        take.advance(700).await.unwrap();
        take.rewind(500).await.unwrap();
        take.set_controls(Controls { density: Some(9.0), ..Controls::default() }).unwrap();
        take.advance(200).await.unwrap();
        take.tokens().to_vec()
    }
    let cpu = Quantized::load(&file).unwrap();
    let gpu = Network::load(&file, client, Tuning::of(client)).unwrap();
    let recipe = Recipe::new(3, Sampling::default());
    let expected = now(history(Continuation::new(&cpu, recipe.clone()).unwrap(), sampling));
    let found = now(history(Continuation::new(&gpu, recipe.clone()).unwrap(), sampling));
    assert_eq!(found, expected);
    let plain = now(history(Continuation::new(&cpu, recipe).unwrap(), Sampling::default()));
    assert_ne!(plain, expected);
}

fn next_on(network: &Quantized, seed: u64, n: usize) -> Vec<Token> {
    let recipe = Recipe::new(seed, Sampling::default());
    let mut take = Continuation::new(network, recipe).expect("a recipe of this network");
    now(take.advance(n)).expect("a CPU does not fail").remove(0)
}

#[test]
fn temperature_and_top_p_are_the_cpu_s() {
    let file = file(2, 48, Precision::Full);
    for (temperature, top_p) in [(0.3, 1.0), (2.5, 1.0), (1.0, 0.9), (0.8, 0.35), (1.0, 1e-4)] {
        let sampling = Sampling { temperature, top_p, ..Sampling::default() };
        let Some(equal) = equal_events(&file, sampling, 11, 150) else { return };
        assert!(equal > 20, "{sampling:?}: a tie after {equal} events");
    }
}

#[test]
fn what_is_left_out_is_the_cpu_s() {
    let file = file(2, 48, Precision::Full);
    for (only, top_p) in [("C,D,E,F,G,A,B", 1.0), ("F#,A#", 0.9), ("C", 1.0)] {
        let only: PitchClasses = only.parse().unwrap();
        let sampling = Sampling { only, top_p, temperature: 1.2, ..Sampling::default() };
        let Some(mut takes) = takes(&file, Tuning::of(adapter().unwrap()), &[11, 12]) else { return };
        takes.set_sampling(sampling);
        for token in next(&mut takes, 300).into_iter().flatten() {
            assert!(sampling.allows(token.into()), "{:?} for {only}", Event::from(token));
        }
        let Some(equal) = equal_events(&file, sampling, 11, 150) else { return };
        assert!(equal > 20, "{only}: a tie after {equal} events");
    }
}

/// A network that lets a second pass, and another, and now and then draws an event, with odds of e to the
/// `logit`.
fn patient(event: Token, logit: f32) -> Vec<u8> {
    let config = ModelConfig { layers: 1, hidden: 8, ..ModelConfig::default() };
    let mut tensors = tensors(&config);
    for tensor in &mut tensors {
        match tensor.name.as_str() {
            "head" => tensor.values.fill(0.0),
            "head_bias" => {
                tensor.values.fill(-60.0);
                tensor.values[second().index()] = 0.0;
                tensor.values[event.index()] = logit;
            }
            _ => {}
        }
    }
    weights::save_tensors(&config, &tensors, Precision::Half, &BTreeMap::new()).expect("a weight file")
}

fn middle_c(event: impl Fn(Pitch) -> Event) -> Token {
    event(Pitch::new(60).expect("a pitch")).into()
}

fn second() -> Token {
    Event::TimeShift(Shift::new(125).expect("a shift")).into()
}

#[test]
fn a_note_that_sounds_long_is_released_as_on_the_cpu() {
    let (on, off) = (middle_c(Event::NoteOn), middle_c(Event::NoteOff));
    let file = patient(off, -5.0);
    let seeds: Vec<u64> = (1..=24).collect();
    let mut released_first = Vec::new();
    // Just struck; held for seven seconds, which makes the odds even; struck anew after them.
    for primer in [
        vec![on],
        [[on].as_slice(), &[second(); 7]].concat(),
        [[on].as_slice(), &[second(); 7], &[off, on]].concat(),
    ] {
        let Some(mut takes) = takes(&file, Tuning::Software, &seeds) else { return };
        now(takes.prefill(&primer)).unwrap();
        let drawn = next(&mut takes, 30);
        for (&seed, drawn) in seeds.iter().zip(&drawn) {
            let rng = ChaCha8Rng::seed_from_u64(seed);
            assert_eq!(equal_draws(&file, Sampling::default(), &primer, drawn, rng), 30, "seed {seed}");
            assert!(drawn.contains(&off), "seed {seed} still holds it after half a minute");
        }
        released_first.push(drawn.iter().filter(|drawn| drawn[0] == off).count());
    }
    assert!(matches!(released_first[..], [0..=2, 6..=18, 0..=2]), "{released_first:?} of 24");
}

#[test]
fn crowds_thin_out_and_rests_end_as_on_the_cpu() {
    let (on, off) = (middle_c(Event::NoteOn), middle_c(Event::NoteOff));
    let seeds: Vec<u64> = (1..=24).collect();
    // 54 notes make the odds of e⁻³ even, eight seconds of rest those of e⁻¹⁰: of a note, and of a loudness.
    let crowd = Token::all().skip(31).take(54).collect::<Vec<_>>();
    let loudness = Token::all().nth(390).expect("a VELOCITY");
    let rest = vec![second(); 8];
    for (event, logit, primer) in [(off, -3.0, crowd), (on, -10.0, rest.clone()), (loudness, -10.0, rest)] {
        let file = patient(event, logit);
        let Some(mut takes) = takes(&file, Tuning::Software, &seeds) else { return };
        now(takes.prefill(&primer)).unwrap();
        let drawn = next(&mut takes, 4);
        for (&seed, drawn) in seeds.iter().zip(&drawn) {
            let rng = ChaCha8Rng::seed_from_u64(seed);
            assert_eq!(equal_draws(&file, Sampling::default(), &primer, drawn, rng), 4, "seed {seed}");
        }
        let n = drawn.iter().filter(|drawn| drawn[0] == event).count();
        assert!((6..=18).contains(&n), "{event:?} came first {n} times of 24");
    }
}

#[test]
fn hasty_strikes_are_held_back_as_on_the_cpu() {
    let strike = |pitch: u8, steps: u8| -> [Token; 3] {
        let pitch = Pitch::new(pitch).expect("a pitch");
        let shift = Event::TimeShift(Shift::new(steps).expect("a shift"));
        [Event::NoteOn(pitch), shift, Event::NoteOff(pitch)].map(Token::from)
    };
    let seeds: Vec<u64> = (1..=24).collect();
    let (on, loudness) = (middle_c(Event::NoteOn), Token::all().nth(390).expect("a VELOCITY"));
    // 98 strikes two steps apart are 196 steps ahead of four each: 5 nats from any note or loudness.
    let run: Vec<Token> = (0..98).flat_map(|i| strike(30 + i % 20, 2)).collect();
    // Six strikes of a key ten steps apart are 36 ahead of sixteen each: 2 nats from that key alone.
    let drum: Vec<Token> = (0..6).flat_map(|_| strike(60, 10)).collect();
    for (event, logit, primer) in
        [(on, 5.0, &run), (loudness, 5.0, &run), (on, 2.0, &drum), (loudness, 0.0, &drum)]
    {
        let file = patient(event, logit);
        let Some(mut takes) = takes(&file, Tuning::Software, &seeds) else { return };
        now(takes.prefill(primer)).unwrap();
        let drawn = next(&mut takes, 4);
        for (&seed, drawn) in seeds.iter().zip(&drawn) {
            let rng = ChaCha8Rng::seed_from_u64(seed);
            assert_eq!(equal_draws(&file, Sampling::default(), primer, drawn, rng), 4, "seed {seed}");
        }
        let n = drawn.iter().filter(|drawn| drawn[0] == event).count();
        assert!((6..=18).contains(&n), "{event:?} came first {n} times of 24");
    }
}

#[test]
fn a_restored_moment_knows_how_long_notes_have_sounded() {
    let file = patient(middle_c(Event::NoteOff), -5.0);
    let seeds: Vec<u64> = (1..=24).collect();
    let Some(mut takes) = takes(&file, Tuning::Gpu, &seeds) else { return };
    now(takes.prefill(&[[middle_c(Event::NoteOn)].as_slice(), &[second(); 3]].concat())).unwrap();
    let snapshot = takes.snapshot();
    let first = next(&mut takes, 20);
    now(takes.prefill(&[second(); 50])).unwrap();
    takes.restore(&snapshot).unwrap();
    assert_eq!(first, next(&mut takes, 20));
}

/// The released network, where the checkout has it.
#[test]
fn released_weights_play_the_same() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../www/weights");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let Some(released) =
        files.map(|entry| entry.path()).find(|p| p.extension().is_some_and(|e| e == "safetensors"))
    else {
        eprintln!("skipped: no weights in {folder}");
        return;
    };
    let file = std::fs::read(released).unwrap();
    let Some(equal) = equal_events(&file, Sampling::default(), 42, 500) else { return };
    eprintln!("{equal} of 500 events of the released weights equal");
}

#[test]
fn only_legal_events_are_drawn() {
    let file = file(1, 16, Precision::Half);
    let Some(mut takes) = takes(&file, Tuning::Software, &[1, 2]) else { return };
    takes.set_sampling(Sampling { temperature: 5.0, top_p: 1.0, ..Sampling::default() });
    for (take, tokens) in next(&mut takes, 600).into_iter().enumerate() {
        let mut sounding = Sounding::default();
        for token in tokens {
            assert!(sounding.allows(Event::from(token)), "{:?}", Event::from(token));
            sounding.apply(Event::from(token));
        }
        assert_eq!(takes.sounding(take), sounding);
    }
}

#[test]
fn a_take_is_the_same_whatever_is_played_beside_it() {
    let file = file(2, 40, Precision::Half);
    for (tuning, n) in [(Tuning::Software, 2), (Tuning::Gpu, 3), (Tuning::Gpu, 8), (Tuning::Software, 19)] {
        let seeds: Vec<u64> = (1..=n).collect();
        let Some(mut together) = takes(&file, tuning, &seeds) else { return };
        let together = next(&mut together, 60);
        for (&seed, beside) in seeds.iter().zip(&together).step_by(3) {
            let Some(mut alone) = takes(&file, tuning, &[seed]) else { return };
            assert_eq!(&next(&mut alone, 60)[0], beside, "seed {seed} of {n}");
        }
    }
}

#[test]
fn the_same_seed_plays_the_same_whatever_the_chunks() {
    let file = file(2, 24, Precision::Half);
    let Some(mut whole) = takes(&file, Tuning::Gpu, &[5, 6]) else { return };
    let Some(mut pieces) = takes(&file, Tuning::Gpu, &[5, 6]) else { return };
    let mut chunked = vec![Vec::new(); 2];
    for n in [1, 7, 0, 20, 132] {
        for (all, chunk) in chunked.iter_mut().zip(next(&mut pieces, n)) {
            all.extend(chunk);
        }
    }
    assert_eq!(next(&mut whole, 160), chunked);
    assert_ne!(chunked[0], chunked[1]);
}

#[test]
fn a_restored_moment_plays_the_same_again() {
    let file = file(2, 24, Precision::Half);
    let Some(mut takes) = takes(&file, Tuning::Gpu, &[3, 4]) else { return };
    next(&mut takes, 9);
    let snapshot = takes.snapshot();
    let sounding = takes.sounding(1);
    let first = next(&mut takes, 31);
    takes.restore(&snapshot).unwrap();
    assert_eq!(takes.sounding(1), sounding);
    assert_eq!(first, next(&mut takes, 31));
    takes.restore(&snapshot).unwrap();
    assert_eq!(first, next(&mut takes, 31), "a snapshot can be gone back to again");
    let Some(mut other) = self::takes(&file, Tuning::Gpu, &[3]) else { return };
    assert!(other.restore(&snapshot).is_err());
}

/// Controls set, then unset, then back at the snapshot before.
#[test]
fn what_is_asked_is_followed_as_far_as_on_the_cpu() {
    async fn play(takes: &mut impl Generate) -> Vec<Vec<Token>> {
        let asked = Controls { density: Some(12.0), ..Controls::default() };
        let other = Controls { composer: Some(0), ..asked.clone() };
        let mut chunks = takes.next_chunk(20).await.unwrap();
        takes.set_controls(&asked).unwrap();
        chunks.extend(takes.next_chunk(50).await.unwrap());
        takes.set_controls(&other).unwrap();
        chunks.extend(takes.next_chunk(20).await.unwrap());
        let snapshot = takes.snapshot();
        takes.set_controls(&Controls::default()).unwrap();
        chunks.extend(takes.next_chunk(30).await.unwrap());
        takes.restore(&snapshot).unwrap();
        chunks.extend(takes.next_chunk(10).await.unwrap());
        takes.set_controls(&other).unwrap();
        chunks.extend(takes.next_chunk(30).await.unwrap());
        chunks
    }
    let file = file(2, 40, Precision::Half);
    let network = Quantized::load(&file).unwrap();
    for (tuning, seeds) in [(Tuning::Software, &[1][..]), (Tuning::Gpu, &[2, 3, 4]), (Tuning::Gpu, &[5, 6])] {
        let Some(mut on_gpu) = takes(&file, tuning, seeds) else { return };
        let mut on_cpu = network.takes(Sampling::default(), seeds).unwrap();
        assert_eq!(now(play(&mut on_gpu)), now(play(&mut on_cpu)), "{tuning:?} {seeds:?}");
    }
}

#[test]
fn a_primer_is_heard_as_if_played_event_by_event() {
    let file = file(2, 24, Precision::Half);
    let primer = legal(&mut ChaCha8Rng::seed_from_u64(9), 200);
    let Some(mut primed) = takes(&file, Tuning::Software, &[2]) else { return };
    let Some(mut forced) = takes(&file, Tuning::Software, &[2]) else { return };
    now(primed.prefill(&primer)).unwrap();
    for &token in &primer {
        now(forced.prefill(&[token])).unwrap();
    }
    assert_eq!(primed.sounding(0), forced.sounding(0));
    assert_eq!(next(&mut primed, 40), next(&mut forced, 40));
}

#[test]
fn broken_weights_are_an_error() {
    let config = ModelConfig { layers: 1, hidden: 8, ..ModelConfig::default() };
    let mut tensors = tensors(&config);
    tensors.iter_mut().find(|tensor| tensor.name == "head_bias").unwrap().values[7] = f32::NAN;
    let broken = weights::save_tensors(&config, &tensors, Precision::Full, &BTreeMap::new()).unwrap();
    let Some(adapter) = adapter() else { return };
    assert!(matches!(Network::load(&broken, adapter, Tuning::Gpu), Err(Error::Weight { .. })));
}

#[test]
fn an_unknown_composer_is_an_error() {
    let file = file(1, 8, Precision::Half);
    let Some(mut takes) = takes(&file, Tuning::Gpu, &[1]) else { return };
    assert!(takes.set_controls(&Controls { composer: Some(1), ..Controls::default() }).is_err());
}
