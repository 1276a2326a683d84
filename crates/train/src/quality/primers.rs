//! Whether a continuation is one: how near it is to its own primer, and how near to others'.

use anyhow::{Result, ensure};
use performance::statistics::{Excerpt, Profile};
use performance::{Performance, Token, VelocityOffset, decode, playback, primer};
use serde::Serialize;

use super::{GeneratorPool, Human, Request};
use crate::cli::QualityArgs;
use crate::measure::Figure;
use crate::structure::TakenUp;

/// Length of a primer, and of what is played after it.
pub(super) const SECS: u64 = 30;

/// How near continuations are to primers.
#[derive(Serialize)]
pub(super) struct Continuity {
    pub(super) primers: usize,
    pub(super) network: Nearness,
    /// The network, unconditioned.
    pub(super) freely: Nearness,
    /// The same for what people played next.
    pub(super) human: Nearness,
    /// Of primers as they are, and made softer and louder.
    pub(super) loudness: Vec<Loudness>,
    pub(super) themes: Themes,
}

/// Whether what follows takes up the primers' themes.
#[derive(Serialize)]
pub(super) struct Themes {
    pub(super) network: TakenUp,
    /// The network where it is asked for nothing.
    pub(super) freely: TakenUp,
    pub(super) human: TakenUp,
}

/// MIDI velocities of primers and of what follows, averaged over the notes of each.
#[derive(Serialize)]
pub(super) struct Loudness {
    /// By how many MIDI velocities the primers were made louder.
    pub(super) louder: i32,
    pub(super) primers: Figure,
    pub(super) network: Kept,
    /// The network, unconditioned.
    pub(super) freely: Kept,
    pub(super) human: Kept,
}

/// MIDI velocities of continuations.
#[derive(Serialize)]
pub(super) struct Kept {
    pub(super) velocity: Figure,
    /// How far from the primer's, up or down.
    pub(super) apart: Figure,
}

/// Continuations of each primer: conditioned and not, as it is, softer and louder.
pub(super) const PLAYS: u64 = 6;
/// VELOCITY bins by which primers are also made softer and louder: as far as piano rolls lie from
/// competitions.
const STEPS: i8 = 5;
/// MIDI velocities in a bin.
const BIN: i32 = 4;

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

pub(super) fn measure(pool: &mut GeneratorPool, people: &[Human], primers: &[usize]) -> Result<Continuity> {
    let mut go_on = |louder| Session::of(pool, primers.iter().map(|&idx| &people[idx]), louder);
    let (as_played, softer, louder) = (go_on(0)?, go_on(-STEPS)?, go_on(STEPS)?);
    let before = as_played.profiles(&as_played.human, Part::Primer);
    let nearness =
        |played: &[Performance]| nearness(&before, &as_played.profiles(played, Part::Continuation));
    Ok(Continuity {
        primers: primers.len(),
        network: nearness(&as_played.network),
        freely: nearness(&as_played.freely),
        human: nearness(&as_played.human),
        themes: Themes {
            network: as_played.taken_up(&as_played.network),
            freely: as_played.taken_up(&as_played.freely),
            human: as_played.taken_up(&as_played.human),
        },
        loudness: [softer, as_played, louder].iter().map(Session::loudness).collect(),
    })
}

/// Primers, all louder or softer by the same, and what follows them.
struct Session {
    /// In bins.
    louder: i8,
    /// Where each primer ends, in microseconds.
    ends_us: Vec<u64>,
    network: Vec<Performance>,
    freely: Vec<Performance>,
    human: Vec<Performance>,
}

#[derive(Clone, Copy)]
enum Part {
    Primer,
    Continuation,
}

impl Session {
    fn of<'a>(pool: &mut GeneratorPool, people: impl Iterator<Item = &'a Human>, louder: i8) -> Result<Self> {
        let offset = VelocityOffset::bins(louder);
        let human: Vec<Vec<Token>> =
            people.map(|human| human.tokens.iter().map(|&token| offset.apply(token)).collect()).collect();
        let primers: Vec<&[Token]> =
            human.iter().map(|tokens| primer::beginning(tokens, SECS as f64)).collect();
        let mut play = |after: fn(Vec<Token>, u64) -> Request| {
            pool.record(primers.iter().map(|primer| after(primer.to_vec(), SECS)).collect())
        };
        Ok(Self {
            louder,
            network: play(Request::after)?,
            freely: play(Request::unconditioned_after)?,
            ends_us: primers.iter().map(|primer| playback::micros(primer)).collect(),
            human: human.iter().map(|tokens| decode(tokens).performance).collect(),
        })
    }

    fn excerpts(&self, played: &[Performance], part: Part) -> Vec<Excerpt> {
        let excerpt = |(performance, &end_us): (&Performance, &u64)| {
            let range_us = match part {
                Part::Primer => 0..end_us,
                Part::Continuation => end_us..end_us + SECS * 1_000_000,
            };
            Excerpt::of(performance, range_us)
        };
        played.iter().zip(&self.ends_us).map(excerpt).collect()
    }

    fn profiles(&self, played: &[Performance], part: Part) -> Vec<Profile> {
        self.excerpts(played, part).iter().map(Profile::of).collect()
    }

    fn taken_up(&self, played: &[Performance]) -> TakenUp {
        let excerpt = |(performance, &end_us): (&Performance, &u64)| {
            Excerpt::of(performance, 0..end_us + SECS * 1_000_000)
        };
        let excerpts: Vec<Excerpt> = played.iter().zip(&self.ends_us).map(excerpt).collect();
        TakenUp::of(&excerpts, &self.ends_us)
    }

    fn loudness(&self) -> Loudness {
        let velocities =
            |played, part| -> Vec<Option<f64>> { self.excerpts(played, part).iter().map(velocity).collect() };
        let primers = velocities(&self.human, Part::Primer);
        let kept = |played| {
            let after = velocities(played, Part::Continuation);
            let both =
                || primers.iter().zip(&after).filter_map(|(primer, after)| Some(((*primer)?, (*after)?)));
            let apart: Vec<f64> = both().map(|(primer, after)| (after - primer).abs()).collect();
            let velocity: Vec<f64> = both().map(|(_, after)| after).collect();
            Kept { velocity: Figure::of_mean(&velocity), apart: Figure::of_mean(&apart) }
        };
        Loudness {
            louder: i32::from(self.louder) * BIN,
            primers: Figure::of_mean(&primers.iter().flatten().copied().collect::<Vec<_>>()),
            network: kept(&self.network),
            freely: kept(&self.freely),
            human: kept(&self.human),
        }
    }
}

/// The mean MIDI velocity of the notes.
fn velocity(excerpt: &Excerpt) -> Option<f64> {
    let notes = excerpt.notes();
    let sum: f64 = notes.iter().map(|note| f64::from(note.velocity.get())).sum();
    (!notes.is_empty()).then(|| sum / notes.len() as f64)
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
