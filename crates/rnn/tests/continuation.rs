//! A take is a pure function of its recipe: however it came about, replaying the final log gives the same
//! tokens.

use performance::{
    Controls, Event, Input, Pitch, PitchClasses, Recipe, ReturnRate, Sampling, Shift, Token, primer,
};
use pollster::block_on as now;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::{Backend, Continuation, ModelConfig, N_MEMORY_ROWS, Quantized};

type Take = Continuation<<Quantized as Backend>::Takes>;

fn network_config() -> ModelConfig {
    ModelConfig { layers: 2, hidden: 16, composers: vec!["Chopin".into()], ..ModelConfig::default() }
}

/// A small network with random weights, loud enough to be sure of something.
fn network() -> Quantized {
    let config = network_config();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let values = |_: &str, shape: &[usize]| {
        let n: usize = shape.iter().product();
        Ok((0..n).map(|_| rng.random_range(-0.7..0.7)).collect())
    };
    Quantized::new(&config, values).expect("the shapes are the configuration's")
}

/// The same, and it remembers what was played before.
fn remembering() -> Quantized {
    let config = ModelConfig { memory: true, ..network_config() };
    let (mut rng, mut hints) = (ChaCha8Rng::seed_from_u64(7), ChaCha8Rng::seed_from_u64(8));
    let values = |name: &str, shape: &[usize]| {
        let n: usize = shape.iter().product();
        let n_hints = if name == "sounding" { N_MEMORY_ROWS * shape[1] } else { 0 };
        let mut values: Vec<f32> = (n_hints..n).map(|_| rng.random_range(-0.7..0.7)).collect();
        values.extend((0..n_hints).map(|_| hints.random_range(-2.0..2.0)));
        Ok(values)
    };
    Quantized::new(&config, values).expect("the shapes are the configuration's")
}

/// Themes come back, so that memory is rewound, too.
fn returning() -> Sampling {
    let themes = ReturnRate::of_percent(400).expect("400 is the most");
    Sampling { themes, ..Sampling::default() }
}

fn start(recipe: Recipe) -> Take {
    start_on(&network(), recipe)
}

fn start_on<B: Backend>(backend: &B, recipe: Recipe) -> Continuation<B::Takes> {
    Continuation::new(backend, recipe).expect("the recipe can be played")
}

/// The tokens that a recipe gives from the beginning.
fn replayed(recipe: &Recipe, n: usize) -> Vec<Token> {
    now(start(recipe.clone()).advance(n)).expect("the network plays").swap_remove(0)
}

fn primer_of(n: usize) -> Vec<Token> {
    now(start(Recipe::new(9, Sampling::default())).advance(n)).expect("the network plays").swap_remove(0)
}

fn warm(temperature: f32) -> Sampling {
    Sampling { temperature, top_p: 0.95, ..Sampling::default() }
}

/// On a few keys, notes of chance are often those of before.
fn few_keys() -> Sampling {
    Sampling { only: PitchClasses::from_bits(1).expect("twelve bits"), ..Sampling::default() }
}

fn dense(density: f32) -> Controls {
    Controls { density: Some(density), ..Controls::default() }
}

/// What can be done to a take.
#[derive(Clone, Debug)]
enum Act {
    Advance(usize),
    /// To this share of the tokens, in percent.
    Rewind(usize),
    SetControls(Option<f32>),
    /// Temperature, pitch classes and returns.
    SetSampling(f32, u16, u16),
    SetSeed(u64),
    Force(Vec<Token>),
    /// The device is lost, and another one takes over.
    Lose,
}

fn act() -> impl Strategy<Value = Act> {
    let played = prop_oneof![
        (60..64u8).prop_map(|pitch| Event::NoteOn(Pitch::new(pitch).expect("a pitch")).into()),
        (60..64u8).prop_map(|pitch| Event::NoteOff(Pitch::new(pitch).expect("a pitch")).into()),
        (1..=125u8).prop_map(|steps| Event::TimeShift(Shift::new(steps).expect("a shift")).into()),
    ];
    prop_oneof![
        4 => (1..90usize).prop_map(Act::Advance),
        2 => (0..=100usize).prop_map(Act::Rewind),
        2 => prop::option::of(0.5..30f32).prop_map(Act::SetControls),
        2 => (0.5..1.5f32, prop_oneof![Just(0), 0..4096u16], prop_oneof![Just(0), Just(400)]).prop_map(|(t, only, themes)| Act::SetSampling(t, only, themes)),
        1 => (0..1000u64).prop_map(Act::SetSeed),
        2 => prop::collection::vec(played, 1..6).prop_map(Act::Force),
        1 => Just(Act::Lose),
    ]
}

fn apply<B: Backend>(backend: &B, take: &mut Continuation<B::Takes>, act: &Act) {
    let done = match act {
        Act::Advance(n) => now(take.advance(*n)).map(|_| ()),
        Act::Rewind(percent) => now(take.rewind(take.len() * percent / 100)),
        Act::SetControls(density) => take.set_controls(density.map(dense).unwrap_or_default()),
        Act::SetSampling(temperature, only, themes) => {
            let only = PitchClasses::from_bits(*only).expect("twelve bits");
            let themes = ReturnRate::of_percent(*themes).expect("up to 400");
            take.set_sampling(Sampling { only, themes, ..warm(*temperature) })
        }
        Act::SetSeed(seed) => take.push_at(take.len(), Input::Seed(*seed)),
        Act::Force(tokens) => now(take.force(tokens)),
        Act::Lose => {
            let (recipe, tokens) = (take.recipe().clone(), take.tokens().to_vec());
            *take = start_on(backend, recipe);
            now(take.replay(&tokens))
        }
    };
    done.expect("everything can be done at any time");
}

/// A take with this history is what its final log gives from the beginning.
fn check_history(backend: &impl Backend, recipe: Recipe, acts: &[Act]) -> Result<(), TestCaseError> {
    let mut take = start_on(backend, recipe);
    for act in acts {
        apply(backend, &mut take, act);
    }
    now(take.advance(40)).expect("the network plays");
    let replayed = now(start_on(backend, take.recipe().clone()).advance(take.len()));
    prop_assert_eq!(take.tokens(), &replayed.expect("the network plays")[0]);
    let n_entries = take.recipe().log.entries().len();
    prop_assert!(take.recipe().log.entries().iter().all(|entry| entry.at < take.len()), "{}", n_entries);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_equals_the_replay_of_its_log(
        seed in 0..1000u64,
        n_primer in prop_oneof![Just(0usize), 1..80usize],
        acts in prop::collection::vec(act(), 1..14),
    ) {
        let recipe = Recipe::after(primer_of(n_primer), seed, Sampling::default());
        check_history(&network(), recipe, &acts)?;
        let recipe = Recipe::after(primer_of(n_primer), seed, returning());
        check_history(&network(), recipe, &acts)?;
        let recipe = Recipe::after(primer_of(n_primer), seed, few_keys());
        check_history(&remembering(), recipe, &acts)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn notes_that_are_left_out_do_not_begin(
        seeds in prop::collection::vec(any::<u64>(), 1..4),
        only in 1..4096u16,
        temperature in 0.05..5f32,
        top_p in 0.01..=1f32,
        density in prop::option::of(0.5..30f32),
        from in 0..60usize,
        themes in prop_oneof![Just(0), 0..=400u16],
    ) {
        let only = PitchClasses::from_bits(only).expect("twelve bits");
        let themes = ReturnRate::of_percent(themes).expect("up to 400");
        let sampling = Sampling { temperature, top_p, only, themes };
        let recipe = Recipe::after(primer_of(50), 0, Sampling::default());
        let mut takes = Continuation::side_by_side(&network(), recipe, &seeds).expect("seeds");
        now(takes.advance(from)).expect("the network plays");
        takes.set_controls(density.map(dense).unwrap_or_default()).expect("usable controls");
        takes.set_sampling(sampling).expect("usable sampling");
        let forced = [60, 61].map(|pitch| Token::from(Event::NoteOn(Pitch::new(pitch).expect("a pitch"))));
        now(takes.force(&forced)).expect("the network plays");
        for take in now(takes.advance(150)).expect("the network plays") {
            prop_assert!(take.iter().all(|&token| sampling.allows(token.into())), "{:?}", take);
            prop_assert!(top_p < 0.9 || take.iter().any(|&token| matches!(token.into(), Event::NoteOff(_))));
        }
        let played = takes.into_tokens();
        prop_assert!(played.iter().all(|take| take[from..from + 2] == forced), "notes by hand stay");
    }
}

#[test]
fn a_rewound_take_goes_on_as_it_did() {
    let mut take = start(Recipe::new(5, Sampling::default()));
    let whole = now(take.advance(300)).unwrap().swap_remove(0);
    for to in [299, 250, 33, 32, 1, 0] {
        now(take.rewind(to)).unwrap();
        assert_eq!(take.tokens(), &whole[..to]);
        now(take.advance(300 - to)).unwrap();
        assert_eq!(take.tokens(), whole, "from {to}");
    }
    let error = now(take.rewind(301)).unwrap_err().to_string();
    assert_eq!(error, "expected a token to go back to of 0 to 300, found 301");
}

#[test]
fn a_rewound_take_in_which_themes_come_back_goes_on_as_it_did() {
    check_rewinds(&network(), returning());
}

#[test]
fn a_rewound_take_of_a_network_that_remembers_goes_on_as_it_did() {
    check_rewinds(&remembering(), few_keys());
}

/// Of what plays something else than [`network`] does without returns, because it knows what was played before.
#[track_caller]
fn check_rewinds(network: &impl Backend, sampling: Sampling) {
    let mut take = start_on(network, Recipe::new(5, sampling));
    let whole = now(take.advance(2500)).expect("the network plays").swap_remove(0);
    let plain = Recipe::new(5, Sampling { themes: ReturnRate::NEVER, ..sampling });
    assert_ne!(whole, replayed(&plain, 2500), "what was played before changes what is played");
    for to in [2499, 2001, 1234, 32, 1] {
        now(take.rewind(to)).expect("the network plays");
        now(take.advance(2500 - to)).expect("the network plays");
        assert_eq!(take.tokens(), whole, "from {to}");
    }
}

#[test]
fn what_is_set_holds_from_there_on_and_is_forgotten_before() {
    let mut take = start(Recipe::new(5, Sampling::default()));
    let plain = now(take.advance(200)).unwrap().swap_remove(0);
    now(take.rewind(100)).unwrap();
    take.set_controls(dense(30.0)).unwrap();
    now(take.advance(100)).unwrap();
    assert_eq!(take.tokens()[..100], plain[..100]);
    assert_ne!(take.tokens()[100..], plain[100..]);
    let dense_tokens = take.tokens().to_vec();
    now(take.rewind(150)).unwrap();
    now(take.advance(50)).unwrap();
    assert_eq!(take.tokens(), dense_tokens, "the controls are still in force");
    now(take.rewind(100)).unwrap();
    now(take.advance(100)).unwrap();
    assert_eq!(take.tokens(), plain, "and are gone before they were set");
}

#[test]
fn an_input_can_be_set_ahead() {
    let mut ahead = start(Recipe::new(5, Sampling::default()));
    ahead.push_at(70, Input::Sampling(warm(0.6))).unwrap();
    ahead.push_at(90, Input::Events(vec![Event::TimeShift(Shift::MAX).into()])).unwrap();
    let ahead = now(ahead.advance(150)).unwrap().swap_remove(0);
    let mut by_hand = start(Recipe::new(5, Sampling::default()));
    now(by_hand.advance(70)).unwrap();
    by_hand.set_sampling(warm(0.6)).unwrap();
    now(by_hand.advance(20)).unwrap();
    now(by_hand.force(&[Event::TimeShift(Shift::MAX).into()])).unwrap();
    now(by_hand.advance(59)).unwrap();
    assert_eq!(by_hand.tokens(), ahead);
    let error = by_hand.push_at(3, Input::Sampling(warm(1.0))).unwrap_err().to_string();
    assert_eq!(error, "expected an input at token 150 or later, found 3");
}

#[test]
fn takes_side_by_side_are_rewound_together() {
    let recipe = Recipe::after(primer_of(50), 0, Sampling::default());
    let alone = |seed| replayed(&Recipe { seed, ..recipe.clone() }, 120);
    let mut takes = Continuation::side_by_side(&network(), recipe.clone(), &[4, 5, 6]).unwrap();
    now(takes.advance(80)).unwrap();
    now(takes.rewind(37)).unwrap();
    now(takes.advance(83)).unwrap();
    assert_eq!(takes.into_tokens(), [4, 5, 6].map(alone));
}

/// The rule for long primers, here and in the page: the end counts, and keys that sound where it begins.
#[test]
fn of_a_long_primer_the_context_is_read() {
    let long = primer_of(5000);
    let context = primer::context(&long);
    assert!((1024..=1024 + 2 * 128 + 1).contains(&context.len()), "{}", context.len());
    let mut take = start(Recipe::after(long.clone(), 3, Sampling::default()));
    assert_eq!(now(take.prefill(100)).unwrap(), (100, context.len()));
    let played = now(take.advance(60)).unwrap().swap_remove(0);
    let short = Recipe { primer: context, ..Recipe::after(long, 3, Sampling::default()) };
    assert_eq!(replayed(&short, 60), played);
}

#[test]
fn memory_is_bounded_for_hours() {
    let mut take = start(Recipe::new(1, Sampling::default()));
    // Half an hour of music.
    for _ in 0..66 {
        now(take.advance(1000)).unwrap();
        assert!(take.n_checkpoints() <= 513, "{}", take.n_checkpoints());
    }
    let whole = take.tokens().to_vec();
    for to in [65_900, 40_000, 12_345, 3] {
        now(take.rewind(to)).unwrap();
        now(take.advance(20)).unwrap();
        assert_eq!(take.tokens(), &whole[..to + 20]);
    }
}
