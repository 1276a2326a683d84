//! What a player may rely on: seeds, legality, coming back to a moment.

use burn::tensor::Device;
use performance::{Event, Sounding, Token};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rnn::{Controls, Generator, ModelConfig, Settings};

fn generator(seed: u64) -> Generator {
    let config = ModelConfig { layers: 2, hidden: 24, composers: vec!["Chopin".into()] };
    let model = config.init(&Device::flex(), &mut ChaCha8Rng::seed_from_u64(7));
    Generator::new(model, Settings::default(), seed)
}

/// Natively every read is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a native read was not ready"),
    }
}

fn next(generator: &mut Generator, n: usize) -> Vec<Token> {
    now(generator.next_chunk(n)).expect("the network plays")
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

#[test]
fn a_restored_moment_plays_the_same_again() {
    let mut player = generator(3);
    next(&mut player, 10);
    let moment = player.snapshot();
    let first = next(&mut player, 30);
    player.restore(moment);
    assert_eq!(first, next(&mut player, 30));
}

#[test]
fn a_primer_is_heard_as_if_played_event_by_event() {
    let primer = next(&mut generator(9), 700);
    let (mut primed, mut forced) = (generator(2), generator(2));
    now(primed.prime(&primer)).unwrap();
    for &token in &primer {
        now(forced.force(token)).unwrap();
    }
    assert_eq!(primed.sounding(), forced.sounding());
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
