use performance::statistics::{Excerpt, Lag, Line, recurrence};
use performance::{Pitch, Sampling, Shift, decode};
use pollster::block_on as now;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{Backend, Generate, Quantized};

const TUNE: [u8; 8] = [60, 64, 62, 67, 65, 72, 71, 69];

fn on(pitch: u8) -> Event {
    Event::NoteOn(Pitch::new(pitch).unwrap())
}

fn wait(steps: u8) -> Event {
    Event::TimeShift(Shift::new(steps).unwrap())
}

/// What is added after a tune with waits of 20 steps, and the first notes of it in another key and the
/// same wait.
fn added(n_notes: usize, key: u8) -> (Copier, Vec<f32>) {
    let mut copier = Copier::default();
    let second = TUNE[..n_notes].iter().map(|pitch| pitch + key);
    for pitch in TUNE.into_iter().chain([40, 41, 43, 40]).chain(second) {
        copier.apply(wait(20));
        copier.apply(on(pitch));
        copier.apply(Event::NoteOff(Pitch::new(pitch).unwrap()));
    }
    let mut logits = vec![0.0; N_TOKENS];
    copier.add_to(&mut logits);
    (copier, logits)
}

fn index(event: Event) -> usize {
    Token::from(event).index()
}

#[test]
fn the_note_that_followed_becomes_likelier() {
    let (mut copier, _) = added(6, 0);
    copier.apply(wait(20));
    let mut logits = vec![0.0; N_TOKENS];
    copier.add_to(&mut logits);
    let next = logits[index(on(71))];
    assert!(next > 1.0, "{next}");
    for other in (0..128).filter(|&pitch| pitch != 71) {
        assert!(logits[index(on(other))] < next - 1.0, "{other}");
    }
    // In another key it is found by its intervals.
    let (_, logits) = added(7, 5);
    assert!(logits[index(on(74))] > logits[index(on(73))] + 0.5);
}

#[test]
fn the_wait_that_followed_becomes_likelier() {
    let (_, logits) = added(6, 0);
    let likeliest = (1..=125).max_by(|&a, &b| logits[index(wait(a))].total_cmp(&logits[index(wait(b))]));
    assert!(likeliest.is_some_and(|steps| (19..=21).contains(&steps)), "{likeliest:?}");
}

#[test]
fn nothing_is_added_to_what_is_new() {
    let (copier, _) = added(0, 0);
    let mut n = 0;
    copier.terms(|_, _| n += 1);
    assert_eq!(n, 0);
    let mut logits = vec![1.5; N_TOKENS];
    copier.add_to(&mut logits);
    assert_eq!(logits, [1.5; N_TOKENS]);
}

#[test]
fn every_constant_has_a_number_of_its_own() {
    // Wherever a match leads, numbers stay below their count, and each kind of event has kinds of its own.
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut copier = Copier::default();
    let mut is_used = [false; N_CONSTANTS];
    for _ in 0..30_000 {
        let event = match rng.random_range(0..4) {
            0 => Event::from(Token::new(rng.random_range(381..413)).unwrap()),
            1 => wait(rng.random_range(1..=125)),
            _ => on(60 + rng.random_range(0..3)),
        };
        copier.apply(event);
        copier.terms(|token, number| {
            let kind = match Event::from(token) {
                Event::NoteOn(_) => number < WAIT || (TYPE..SAME).contains(&number),
                Event::NoteOff(_) => false,
                Event::TimeShift(_) => (WAIT..LOUDNESS).contains(&number) || (TYPE..SAME).contains(&number),
                Event::Velocity(_) => number >= LOUDNESS,
            };
            assert!(kind && number < N_CONSTANTS, "{token:?} {number}");
            is_used[number] = true;
        });
    }
    // A long match has no misses, so not all are met.
    assert!(is_used.iter().filter(|&&is_used| is_used).count() > N_CONSTANTS / 4);
}

fn returning(percent: u16) -> Sampling {
    Sampling { themes: ReturnRate::of_percent(percent).unwrap(), ..Sampling::default() }
}

fn quantized() -> Quantized {
    let config = ModelConfig { layers: 1, hidden: 16, ..ModelConfig::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let values = |_: &str, shape: &[usize]| {
        let n: usize = shape.iter().product();
        Ok((0..n).map(|_| rng.random_range(-0.5..0.5)).collect())
    };
    Quantized::new(&config, values).unwrap()
}

#[test]
fn snapshots_and_neighbors_change_nothing() {
    let mut alone = quantized().takes(returning(100), &[5]).unwrap();
    now(alone.prefill(&TUNE.map(|pitch| Token::from(on(pitch))))).unwrap();
    let before = now(alone.next_chunk(200)).unwrap().swap_remove(0);
    let snapshot = alone.snapshot();
    let after = now(alone.next_chunk(100)).unwrap().swap_remove(0);
    alone.restore(&snapshot).unwrap();
    assert_eq!(now(alone.next_chunk(100)).unwrap()[0], after);
    let mut both = quantized().takes(returning(100), &[4, 5]).unwrap();
    now(both.prefill(&TUNE.map(|pitch| Token::from(on(pitch))))).unwrap();
    assert_eq!(now(both.next_chunk(300)).unwrap()[1], [before, after].concat());
}

#[test]
fn another_device_can_go_on() {
    let mut here = quantized().takes(returning(100), &[5]).unwrap();
    let [before, after] = [200, 100].map(|n| now(here.next_chunk(n)).unwrap());
    let mut there = quantized().takes(returning(100), &[5]).unwrap();
    now(there.replay(&before[0])).unwrap();
    assert_eq!(now(there.next_chunk(100)).unwrap(), after);
}

/// How much of what a network plays at random was played before. By itself it repeats nothing.
fn repeated(often: u16, asked: &Controls) -> f64 {
    let mut takes = quantized().takes(returning(often), &[1, 2, 3, 4, 5, 6]).unwrap();
    takes.set_controls(asked).unwrap();
    let shares = now(takes.next_chunk(6_000)).unwrap().into_iter().filter_map(|tokens| {
        let line = Line::strikes(&Excerpt::whole(&decode(&tokens).performance));
        recurrence(&line, &line, Lag::of_secs(1..=120))?.share()
    });
    let shares: Vec<f64> = shares.collect();
    shares.iter().sum::<f64>() / shares.len() as f64
}

#[test]
fn themes_come_back_as_often_as_is_asked() {
    let [never, seldom, often] = [0, 50, 400].map(|often| repeated(often, &Controls::default()));
    assert!(never < 0.005 && seldom > 0.01 && often > 2.0 * seldom, "{never}, {seldom}, {often}");
}

#[test]
fn what_comes_back_is_what_is_asked_for() {
    // It plays all pitch classes, and far more than a note in ten seconds.
    let mut only_c = [0.0; 12];
    only_c[0] = 1.0;
    let sparse = Controls { density: Some(0.1), ..Controls::default() };
    let in_c = Controls { pitch_classes: Some(only_c), ..Controls::default() };
    for asked in [sparse, in_c] {
        let share = repeated(400, &asked);
        assert!(share < 0.005, "{share} with {asked:?}");
    }
}

#[test]
fn another_device_brings_the_same_back() {
    let takes = || quantized().takes(returning(400), &[5]).unwrap();
    let mut here = takes();
    let [before, after] = [2_000, 500].map(|n| now(here.next_chunk(n)).unwrap());
    let mut there = takes();
    now(there.replay(&before[0])).unwrap();
    assert_eq!(now(there.next_chunk(500)).unwrap(), after);
}
