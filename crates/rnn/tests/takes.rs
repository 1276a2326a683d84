//! What a player may rely on: seeds, legality, coming back to a snapshot, takes that do not step each other.

use performance::{Controls, Event, N_PITCHES, NoteTracker, Pitch, PitchClasses, Sampling, Sounding, Token};
use pollster::block_on as now;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnn::{
    Backend, Error, Generate, Hints, MAX_TAKES, ModelConfig, Network, Quantized, StepInput, Takes, sample,
};

/// A network with random weights.
fn network() -> Quantized {
    let config =
        ModelConfig { layers: 2, hidden: 24, composers: vec!["Chopin".into()], ..ModelConfig::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let values = |_: &str, shape: &[usize]| {
        let n: usize = shape.iter().product();
        Ok((0..n).map(|_| rng.random_range(-0.5..0.5)).collect())
    };
    Quantized::new(&config, values).expect("the shapes are the configuration's")
}

fn generator(seed: u64) -> Takes<Quantized> {
    takes(&[seed])
}

fn takes(seeds: &[u64]) -> Takes<Quantized> {
    network().takes(Sampling::default(), seeds).expect("as many takes as there may be")
}

fn next(takes: &mut Takes<Quantized>, n: usize) -> Vec<Token> {
    now(takes.next_chunk(n)).expect("the network plays").swap_remove(0)
}

#[test]
fn the_same_seed_plays_the_same_whatever_the_chunks() {
    let whole = next(&mut generator(5), 60);
    let mut pieces = generator(5);
    let chunked: Vec<Token> = [1, 7, 20, 32].iter().flat_map(|&n| next(&mut pieces, n)).collect();
    assert_eq!(whole, chunked);
    assert_ne!(whole, next(&mut generator(6), 60));
}

#[test]
fn only_legal_events_are_played() {
    let mut sounding = Sounding::default();
    let tokens = next(&mut generator(1), 400);
    for &token in &tokens {
        assert!(sounding.allows(Event::from(token)), "{:?}", Event::from(token));
        sounding.apply(Event::from(token));
    }
    assert!(matches!(Event::from(tokens[0]), Event::Velocity(_)), "a performance opens with its loudness");
}

/// Asking what is considered changes nothing, and it is what [`sample`] draws strikes from.
#[test]
fn what_is_considered_is_what_may_be_struck() {
    let whole = next(&mut generator(5), 120);
    let only = PitchClasses::from_bits(1 | 1 << 4 | 1 << 7).unwrap();
    let (mut plain, mut masked) = (generator(5), generator(5));
    masked.set_sampling(Sampling { only, ..Sampling::default() });
    assert_eq!(now(plain.strike_probabilities(0)).unwrap(), [0.0; N_PITCHES], "before the first event");
    assert_eq!(now(plain.strike_probabilities(1)).unwrap(), [0.0; N_PITCHES], "no such take");
    for &token in &whole {
        assert_eq!(next(&mut plain, 1), [token]);
        let probabilities = now(plain.strike_probabilities(0)).unwrap();
        let sounding = plain.sounding(0);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        for (pitch, probability) in Pitch::all().zip(&probabilities) {
            assert_eq!(*probability > 0.0, sounding.allows(Event::NoteOn(pitch)), "{pitch:?}");
        }
        now(masked.replay(&[token])).unwrap();
        let masked = now(masked.strike_probabilities(0)).unwrap();
        assert!((masked.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        for (pitch, probability) in Pitch::all().zip(&masked) {
            assert!(*probability == 0.0 || only.contains(pitch), "{pitch:?}");
        }
    }
    // Struck as often as considered, at one moment: draws that are no strikes do not count.
    let considered = now(plain.strike_probabilities(0)).unwrap();
    let (favorite, &probability) =
        Pitch::all().zip(&considered).max_by(|a, b| a.1.total_cmp(b.1)).expect("pitches");
    let snapshot = plain.snapshot();
    let struck: Vec<Pitch> = (0..4000)
        .filter_map(|seed| {
            plain.restore(&snapshot).unwrap();
            plain.set_seed(seed);
            match Event::from(next(&mut plain, 1)[0]) {
                Event::NoteOn(pitch) => Some(pitch),
                _ => None,
            }
        })
        .collect();
    let n = struck.len() as f32;
    let share = struck.iter().filter(|&&pitch| pitch == favorite).count() as f32 / n;
    let error = (probability * (1.0 - probability) / n).sqrt();
    assert!(
        n > 400.0 && (share - probability).abs() < 4.0 * error,
        "{share} of {n}, considered {probability}"
    );
}

#[test]
fn a_restored_snapshot_plays_the_same_again() {
    let mut player = generator(3);
    next(&mut player, 10);
    let snapshot = player.snapshot();
    let first = next(&mut player, 30);
    player.restore(&snapshot).unwrap();
    assert_eq!(first, next(&mut player, 30));
}

#[test]
fn what_was_played_elsewhere_is_gone_on_with() {
    let whole = next(&mut generator(5), 60);
    for n in [0, 1, 40] {
        let mut other = generator(5);
        now(other.replay(&whole[..n])).unwrap();
        assert_eq!(next(&mut other, 60 - n), whole[n..], "after {n}");
    }
    let primer = next(&mut generator(9), 30);
    let mut primed = generator(5);
    now(primed.prefill(&primer)).unwrap();
    let whole = next(&mut primed, 60);
    let mut other = generator(5);
    for (tokens, is_own) in [(&primer[..], false), (&whole[..7], true), (&whole[7..40], true)] {
        now(async { if is_own { other.replay(tokens).await } else { other.prefill(tokens).await } }).unwrap();
    }
    assert_eq!(next(&mut other, 20), whole[40..], "in pieces, after a primer");
}

#[test]
fn a_primer_is_heard_as_if_played_event_by_event() {
    let primer = next(&mut generator(9), 700);
    let (mut primed, mut forced) = (generator(2), generator(2));
    now(primed.prefill(&primer)).unwrap();
    for &token in &primer {
        now(forced.prefill(&[token])).unwrap();
    }
    assert_eq!(primed.sounding(0), forced.sounding(0));
    assert_eq!(next(&mut primed, 40), next(&mut forced, 40));
}

#[test]
fn controls_change_the_music_and_wrong_ones_are_refused() {
    let plain = next(&mut generator(4), 60);
    let mut controlled = generator(4);
    controlled
        .set_controls(&Controls { density: Some(30.0), composer: Some(0), ..Controls::default() })
        .unwrap();
    assert_ne!(plain, next(&mut controlled, 60));
    assert!(controlled.set_controls(&Controls { composer: Some(1), ..Controls::default() }).is_err());
}

#[test]
fn what_is_asked_is_taken_twice_as_far() {
    // Many seeds, because two ways of mixing seldom differ in a single draw.
    for seed in 1..=20 {
        what_is_asked_is_taken_twice_as_far_with(seed);
    }
}

fn what_is_asked_is_taken_twice_as_far_with(seed: u64) {
    let asked = Controls { density: Some(2.0), ..Controls::default() };
    let primer = next(&mut generator(9), 30);
    let mut player = generator(seed);
    now(player.prefill(&primer)).expect("the primer is heard");
    player.set_controls(&asked).expect("a density can be asked for");
    let found = next(&mut player, 40);
    player.set_controls(&Controls::default()).expect("controls can be unset");
    let found_after = next(&mut player, 40);

    // The same by hand: two states, which differ after the primer.
    let network = network();
    let encode = |controls: &Controls| {
        network.controls(&network.config().encode_guided(controls).expect("the controls are usable"))
    };
    let (unset, set) = (encode(&Controls::default()), encode(&asked));
    let mut held = NoteTracker::default();
    let mut heard = |token: Token| {
        held.apply(token.into());
        (StepInput { token, sounding: held.sounding(), hints: Hints::default() }, held.clone())
    };
    let mut plain = network.state(1);
    let mut now_held = NoteTracker::default();
    for &token in &primer {
        let (heard, held) = heard(token);
        network.step(&mut plain, &unset, &[heard]).expect("the network hears");
        now_held = held;
    }
    let mut guided = plain.clone();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for (n, &token) in [found, found_after].concat().iter().enumerate() {
        let logits = now(network.logits(&guided)).expect("the network says what comes");
        let unconditional = now(network.logits(&plain)).expect("the network says what would come");
        // The controls count for the 40 events that are drawn while they are set. They are read with them,
        // too: the first of the 40 is drawn from a state that has not read them yet.
        let is_asked = n < 40;
        let mixed =
            logits.iter().zip(unconditional).map(|(s, u)| if is_asked { u + 2.0 * (s - u) } else { *s });
        let mixed: Vec<f32> = mixed.collect();
        let now_asked = if is_asked { &asked } else { &Controls::default() };
        let expected = sample(&mixed, &now_held, Sampling::default(), now_asked, &mut rng)
            .expect("the logits are numbers");
        assert_eq!(expected, token, "seed {seed}, event {n}");
        let (heard, held) = heard(token);
        network.step(&mut plain, &unset, &[heard]).expect("the network hears");
        network.step(&mut guided, if is_asked { &set } else { &unset }, &[heard]).expect("the network hears");
        now_held = held;
    }
}

#[test]
fn each_take_is_what_its_seed_gives_alone() {
    let primer = next(&mut generator(9), 50);
    let controls = Controls { density: Some(8.0), ..Controls::default() };
    let seeds: Vec<u64> = (1..=MAX_TAKES as u64).collect();
    let alone: Vec<Vec<Token>> = seeds
        .iter()
        .map(|&seed| {
            let mut generator = generator(seed);
            generator.set_controls(&controls).unwrap();
            now(generator.prefill(&primer)).unwrap();
            next(&mut generator, 80)
        })
        .collect();
    // Every number of takes is another way through the kernels.
    for n in 1..=MAX_TAKES {
        let mut takes = takes(&seeds[..n]);
        takes.set_controls(&controls).unwrap();
        now(takes.prefill(&primer)).unwrap();
        assert_eq!(now(takes.next_chunk(80)).unwrap(), alone[..n], "{n} takes");
    }
}

#[test]
fn takes_come_back_to_a_snapshot_and_their_number_is_limited() {
    let mut takes = takes(&[1, 1, 2]);
    let chunks = now(takes.next_chunk(20)).unwrap();
    assert_eq!(chunks[0], chunks[1]);
    let snapshot = takes.snapshot();
    let first = now(takes.next_chunk(20)).unwrap();
    takes.restore(&snapshot).unwrap();
    assert_eq!(now(takes.next_chunk(20)).unwrap(), first);
    for n in [0, MAX_TAKES + 1] {
        let refused = network().takes(Sampling::default(), &vec![1; n]).unwrap_err();
        assert_eq!(refused.to_string(), format!("expected takes of 1 to 16, found {n}"));
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let config = ModelConfig { layers: 1, hidden: 3, ..ModelConfig::default() };
    let network = |broken: f32| {
        Quantized::new(&config, |name, shape| {
            let mut values = vec![0.0; shape.iter().product()];
            values[0] = if name == "head" { broken } else { 0.0 };
            Ok(values)
        })
    };
    assert!(network(-65504.0).is_ok());
    for broken in [f32::NAN, f32::INFINITY, 1e6] {
        let error = network(broken).unwrap_err();
        assert!(matches!(&error, Error::Weight { name, .. } if name == "head"), "{error}");
    }
    let short = Quantized::new(&config, |_, _| Ok(vec![0.0])).unwrap_err();
    assert_eq!(short.to_string(), "expected `token` of shape [413, 12], found [1]");
}
