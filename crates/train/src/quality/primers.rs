//! Whether a continuation is one: how near it is to its own primer, and how near to others'.

use anyhow::{Result, ensure};
use performance::statistics::{Excerpt, Profile};
use performance::{Performance, Token};
use rnn::Controls;
use serde::Serialize;

use super::{Ask, Human, Studio};
use crate::cli::QualityArgs;
use crate::generate::opening;
use crate::measure::Figure;

/// Length of a primer, and of what is played after it.
pub(super) const SECS: u64 = 30;

/// How near continuations are to primers.
#[derive(Serialize)]
pub(super) struct Continuity {
    pub(super) primers: usize,
    pub(super) network: Nearness,
    /// The network where it is asked for nothing.
    pub(super) freely: Nearness,
    /// The same for what people played next.
    pub(super) human: Nearness,
}

/// Distances of continuations: 1 less the overlap area, averaged over features.
#[derive(Serialize)]
pub(super) struct Nearness {
    /// From the primer.
    pub(super) own: Figure,
    /// From the other primers, on average.
    pub(super) others: Figure,
    /// The part of the continuations to which no other primer is nearer.
    pub(super) nearest: Figure,
}

/// Which of the people's beginnings are primers: spread over all that are long enough.
pub(super) fn choose(args: &QualityArgs, people: &[Human]) -> Result<Vec<usize>> {
    let long_enough: Vec<usize> =
        (0..people.len()).filter(|&idx| people[idx].secs() >= 2.0 * SECS as f64).collect();
    ensure!(
        long_enough.len() >= 2,
        "expected at least 2 held-out pieces of {} s as primers, found {}",
        2 * SECS,
        long_enough.len()
    );
    let n = long_enough.len().min(args.primers as usize);
    Ok((0..n).map(|place| long_enough[place * long_enough.len() / n]).collect())
}

pub(super) fn measure(studio: &mut Studio, people: &[Human], primers: &[usize]) -> Result<Continuity> {
    let openings: Vec<(Vec<Token>, u64)> =
        primers.iter().map(|&idx| opening(&people[idx].tokens, SECS as f64)).collect();
    let mut play = |controls: fn(&[Token]) -> Controls| {
        let asks = openings.iter().map(|(primer, _)| Ask {
            controls: controls(primer),
            primer: primer.clone(),
            seconds: SECS,
        });
        studio.record(asks.collect())
    };
    let (kept, free) = (play(Controls::like)?, play(|_| Controls::default())?);
    let part =
        |performance: &Performance, from_us, to_us| Profile::of(&Excerpt::of(performance, from_us..to_us));
    let ends = || openings.iter().map(|&(_, end_us)| (end_us, end_us + SECS * 1_000_000));
    let humans = || primers.iter().map(|&idx| &people[idx].performance);
    let before: Vec<Profile> = humans().zip(ends()).map(|(human, (end, _))| part(human, 0, end)).collect();
    let human: Vec<Profile> =
        humans().zip(ends()).map(|(human, (end, next))| part(human, end, next)).collect();
    let after = |played: &[Performance]| -> Vec<Profile> {
        played.iter().zip(ends()).map(|(p, (end, next))| part(p, end, next)).collect()
    };
    Ok(Continuity {
        primers: primers.len(),
        network: nearness(&before, &after(&kept)),
        freely: nearness(&before, &after(&free)),
        human: nearness(&before, &human),
    })
}

fn nearness(primers: &[Profile], continuations: &[Profile]) -> Nearness {
    let (mut own, mut others, mut nearest) = (Vec::new(), Vec::new(), Vec::new());
    for (idx, continuation) in continuations.iter().enumerate() {
        let distances: Vec<f64> = primers.iter().map(|primer| primer.distance(continuation)).collect();
        let sum: f64 = distances.iter().sum();
        own.push(distances[idx]);
        others.push((sum - distances[idx]) / (distances.len() - 1).max(1) as f64);
        let is_nearest = distances.iter().all(|&distance| distance >= distances[idx]);
        nearest.push(f64::from(u8::from(is_nearest)));
    }
    Nearness {
        own: Figure::of_mean(&own),
        others: Figure::of_mean(&others),
        nearest: Figure::of_mean(&nearest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_on_like_the_primer_is_nearest_to_it() {
        let pieces = [0, 1].map(|seconds| {
            // One sounds for a part of its time, the other for none.
            let note = performance::Note {
                pitch: performance::Pitch::new(60).unwrap(),
                velocity: performance::Velocity::new(64).unwrap(),
                start_us: 0,
                end_us: 500_000,
            };
            Profile::of(&Excerpt::of(&Performance::new(vec![note; seconds]), 0..1_000_000))
        });
        let found = nearness(&pieces, &pieces);
        assert_eq!((found.own.value, found.nearest.value), (0.0, 1.0));
        assert!(found.others.value > 0.5);
        let swapped = [pieces[1].clone(), pieces[0].clone()];
        assert_eq!(nearness(&pieces, &swapped).nearest.value, 0.0);
    }
}
