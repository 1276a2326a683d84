//! Recipes give what they always gave, or `rnn::REVISION` has risen.

use std::fmt::Write;

use performance::{Controls, Event, Input, Recipe, Sampling, Shift, Token};
use pollster::block_on as now;
use rnn::{Continuation, ModelConfig, Quantized, REVISION};

/// Weights from a formula, so that nothing but the sampler can change what is played.
fn network() -> Quantized {
    let config = ModelConfig {
        layers: 2,
        hidden: 32,
        composers: vec!["Chopin".into(), "Liszt".into()],
        ..ModelConfig::default()
    };
    let mut state = 1u32;
    let values = |_: &str, shape: &[usize]| {
        let n: usize = shape.iter().product();
        let mut next = || {
            // Numerical Recipes' linear congruential generator.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        Ok((0..n).map(|_| 0.6 * next()).collect())
    };
    Quantized::new(&config, values).expect("the shapes are the configuration's")
}

fn tokens(recipe: Recipe, n: usize) -> Vec<Token> {
    let mut take = Continuation::new(&network(), recipe).expect("the recipe can be played");
    now(take.advance(n)).expect("the network plays").swap_remove(0)
}

/// FNV-1a, 64 bits.
fn digest(tokens: &[Token]) -> u64 {
    tokens.iter().fold(0xcbf2_9ce4_8422_2325, |hash, token| {
        (hash ^ u64::from(token.get())).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn recipes_give_what_they_always_gave() {
    let plain = || Recipe::new(1, Sampling::default());
    let primer = |n| tokens(Recipe::new(2, Sampling::default()), n);
    let with = |mut recipe: Recipe, at, input| {
        recipe.log.push(at, input).expect("in order");
        recipe
    };
    let controls = |density, pitch_class: Option<usize>, composer| {
        let pitch_classes = pitch_class.map(|class| {
            let mut weights = [0.0; 12];
            weights[class] = 1.0;
            weights
        });
        Input::Controls(Controls { density, pitch_classes, composer })
    };
    let recipes = [
        ("plain", plain()),
        ("cold", Recipe::new(1, Sampling { temperature: 0.7, top_p: 1.0, ..Sampling::default() })),
        ("top-p", Recipe::new(1, Sampling { temperature: 1.1, top_p: 0.9, ..Sampling::default() })),
        ("dense", with(plain(), 0, controls(Some(20.0), None, None))),
        ("in C", with(plain(), 100, controls(None, Some(0), None))),
        ("composer", with(plain(), 50, controls(Some(3.0), None, Some(1)))),
        ("after a primer", Recipe::after(primer(300), 1, Sampling::default())),
        ("after a long primer", Recipe::after(primer(3000), 1, Sampling::default())),
        ("unconditioned", Recipe::unconditioned_after(primer(300), 1, Sampling::default())),
        ("cut", with(plain(), 200, Input::Events(vec![Event::TimeShift(Shift::MAX).into(); 3]))),
    ];
    let mut found = format!("revision {REVISION}\n");
    for (name, recipe) in recipes {
        writeln!(found, "{name}: {:016x}", digest(&tokens(recipe, 500))).expect("strings have room");
    }
    let golden = include_str!("recipes.txt");
    let is_new = golden.lines().next() != found.lines().next();
    assert!(
        found == golden || is_new,
        "Recipes give other tokens than revision {REVISION} did: raise `rnn::REVISION`, then renew \
         tests/recipes.txt with UPDATE_EXPECT=1.\nexpected\n{golden}\nfound\n{found}"
    );
    expect_test::expect_file!["recipes.txt"].assert_eq(&found);
}
