//! Whether the controls work: requested against measured.

use std::collections::BTreeMap;

use anyhow::Result;
use performance::Controls;
use performance::statistics::{Excerpt, Feature, Profile, kl_divergence};
use performance::{Performance, decode};
use serde::Serialize;

use super::{GeneratorPool, Human, Request};
use crate::cli::QualityArgs;
use crate::corpus::Corpus;
use crate::measure::Figure;

/// Length of a generation.
const SECS: u64 = 60;
/// Requested notes per second, in the middle of the network's bins.
const DENSITIES: [f64; 5] = [1.5, 3.0, 6.0, 12.0, 24.0];
/// Requested histograms for each generation of a density.
const HISTOGRAMS_PER_EACH: usize = 3;
/// Training pieces that make a composer's mean profile.
const MAX_COMPOSER_PIECES: usize = 200;

/// How well each control is kept to.
#[derive(Serialize)]
pub(super) struct Adherence {
    pub(super) densities: Vec<Density>,
    pub(super) histogram: Histogram,
    /// None if the weights know no composers, or the data does not name them.
    pub(super) composer: Option<Composer>,
}

/// Notes per second.
#[derive(Serialize)]
pub(super) struct Density {
    pub(super) asked: f64,
    pub(super) measured: Figure,
    /// The part of the generations less than a factor of √2 off.
    pub(super) close: Figure,
}

/// Cosines of pitch-class histograms.
#[derive(Serialize)]
pub(super) struct Histogram {
    pub(super) generations: usize,
    /// Between what was requested and what was played.
    pub(super) asked: Figure,
    /// Between what was requested of other generations and what was played.
    pub(super) others: Figure,
    /// Between a human piece's first minute, which was requested, and its second.
    pub(super) human: Figure,
}

/// Whose music it could be, by the mean profiles of composers in the training set.
#[derive(Serialize)]
pub(super) struct Composer {
    /// The share of generations attributed to the requested composer.
    pub(super) asked: Figure,
    /// The part of held-out human pieces given to their composer.
    pub(super) human: Figure,
    pub(super) human_pieces: usize,
    /// What guessing would reach.
    pub(super) chance: f64,
    /// The same, composer by composer: name, generations, human pieces and how many there are.
    pub(super) each: Vec<(String, f64, f64, usize)>,
}

/// Mean profiles by composer: index in the model's composers, name, profile.
pub(super) type Composers = Vec<(usize, String, Profile)>;

/// The composers that the model knows and the training set has.
pub(super) fn composers(known: &[String], corpus: &Corpus, people: &[Human]) -> Result<Composers> {
    if people.iter().all(|human| human.composer.is_none()) {
        return Ok(Vec::new());
    }
    let (train, _) = corpus.split()?;
    let mut composers = Vec::new();
    for (idx, name) in known.iter().enumerate() {
        let pieces = train.iter().filter(|piece| piece.composer.as_ref() == Some(name));
        let mut profiles = Vec::new();
        for piece in pieces.take(MAX_COMPOSER_PIECES) {
            profiles.push(Profile::of(&minute(&decode(&corpus.tokens(piece)?).performance, 0)));
        }
        if !profiles.is_empty() {
            composers.push((idx, name.clone(), Profile::mean(&profiles)));
        }
    }
    Ok(composers)
}

/// What will be requested.
pub(super) struct Plan {
    each: usize,
    /// Human pieces whose first minute's histogram is requested.
    histograms: Vec<usize>,
    composers: Composers,
}

impl Plan {
    pub(super) fn new(args: &QualityArgs, people: &[Human], composers: Composers) -> Self {
        let each = args.each as usize;
        let long_enough: Vec<usize> =
            (0..people.len()).filter(|&idx| people[idx].secs() >= 2.0 * SECS as f64).collect();
        let n = long_enough.len().min(HISTOGRAMS_PER_EACH * each);
        let histograms = (0..n).map(|place| long_enough[place * long_enough.len() / n]).collect();
        Self { each, histograms, composers }
    }

    /// How much music that is.
    pub(super) fn secs(&self) -> u64 {
        let n = DENSITIES.len() * self.each + self.histograms.len() + self.composers.len() * self.each;
        n as u64 * SECS
    }

    pub(super) fn measure(&self, pool: &mut GeneratorPool, people: &[Human]) -> Result<Adherence> {
        Ok(Adherence {
            densities: self.densities(pool)?,
            histogram: self.histograms(pool, people)?,
            composer: self.composer(pool, people)?,
        })
    }

    fn densities(&self, pool: &mut GeneratorPool) -> Result<Vec<Density>> {
        let ask =
            |density: f64| controlled(Controls { density: Some(density as f32), ..Controls::default() });
        let asks = DENSITIES.iter().flat_map(|&density| std::iter::repeat_n(ask(density), self.each));
        let played = pool.record(asks.collect())?;
        let measure = |(played, &asked): (&[Performance], &f64)| {
            let measured: Vec<f64> = played.iter().map(|played| minute(played, 0).note_density()).collect();
            let is_close = |&found: &f64| f64::from(u8::from((found / asked).log2().abs() < 0.5));
            let close: Vec<f64> = measured.iter().map(is_close).collect();
            Density { asked, measured: Figure::of_mean(&measured), close: Figure::of_mean(&close) }
        };
        Ok(played.chunks(self.each).zip(&DENSITIES).map(measure).collect())
    }

    fn histograms(&self, pool: &mut GeneratorPool, people: &[Human]) -> Result<Histogram> {
        let histogram = |excerpt: &Excerpt| Profile::of(excerpt).distribution(Feature::PitchClass).to_vec();
        let of_minute =
            |n: u64| self.histograms.iter().map(move |&idx| histogram(&minute(&people[idx].performance, n)));
        let asked: Vec<Vec<f64>> = of_minute(0).collect();
        let next: Vec<Vec<f64>> = of_minute(1).collect();
        let ask = |asked: &Vec<f64>| {
            let mut pitch_classes = [0.0; performance::N_PITCH_CLASSES];
            for (slot, &x) in pitch_classes.iter_mut().zip(asked) {
                *slot = x as f32;
            }
            controlled(Controls { pitch_classes: Some(pitch_classes), ..Controls::default() })
        };
        let played = pool.record(asked.iter().map(ask).collect())?;
        let played: Vec<Vec<f64>> = played.iter().map(|played| histogram(&minute(played, 0))).collect();
        let own = |found: &[Vec<f64>]| -> Vec<f64> {
            asked.iter().zip(found).map(|(asked, found)| cosine(asked, found)).collect()
        };
        let others = |(idx, found): (usize, &Vec<f64>)| {
            let others = asked.iter().enumerate().filter(|&(other, _)| other != idx);
            others.map(|(_, asked)| cosine(asked, found)).sum::<f64>() / (asked.len() - 1).max(1) as f64
        };
        let others: Vec<f64> = played.iter().enumerate().map(others).collect();
        Ok(Histogram {
            generations: played.len(),
            asked: Figure::of_mean(&own(&played)),
            others: Figure::of_mean(&others),
            human: Figure::of_mean(&own(&next)),
        })
    }

    fn composer(&self, pool: &mut GeneratorPool, people: &[Human]) -> Result<Option<Composer>> {
        if self.composers.len() < 2 {
            return Ok(None);
        }
        let ask = |composer| controlled(Controls { composer: Some(composer), ..Controls::default() });
        let asks = self.composers.iter().flat_map(|&(idx, ..)| std::iter::repeat_n(ask(idx), self.each));
        let played = pool.record(asks.collect())?;
        let is_right = |performance: &Performance, name: &str| {
            f64::from(u8::from(self.nearest(&Profile::of(&minute(performance, 0))) == Some(name)))
        };
        let mut of_humans: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for human in people.iter().filter(|human| human.secs() >= SECS as f64) {
            if let Some(name) = &human.composer
                && self.composers.iter().any(|(_, known, _)| known == name)
            {
                of_humans.entry(name).or_default().push(is_right(&human.performance, name));
            }
        }
        let (mut all, mut each) = (Vec::new(), Vec::new());
        for ((_, name, _), played) in self.composers.iter().zip(played.chunks(self.each)) {
            let right: Vec<f64> = played.iter().map(|played| is_right(played, name)).collect();
            let human = of_humans.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
            each.push((name.clone(), mean(&right), mean(human), human.len()));
            all.extend(right);
        }
        let human = of_humans.into_values().flatten().collect::<Vec<_>>();
        Ok(Some(Composer {
            asked: Figure::of_mean(&all),
            human: Figure::of_mean(&human),
            human_pieces: human.len(),
            chance: 1.0 / self.composers.len() as f64,
            each,
        }))
    }

    fn nearest(&self, profile: &Profile) -> Option<&str> {
        // Not the overlap, which favors composers of many styles.
        let distance = |(_, _, mean): &&(usize, String, Profile)| -> f64 {
            let features = Feature::ALL.into_iter();
            features.map(|f| kl_divergence(profile.distribution(f), mean.distribution(f))).sum()
        };
        let nearest = self.composers.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.map(|(_, name, _)| name.as_str())
    }
}

fn controlled(controls: Controls) -> Request {
    Request::controlled(controls, SECS)
}

fn minute(performance: &Performance, n: u64) -> Excerpt {
    Excerpt::of(performance, n * SECS * 1_000_000..(n + 1) * SECS * 1_000_000)
}

/// Of the angle between two histograms: 1 when they are alike, 0 when they share nothing or one is empty.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_by_hand() {
        assert_eq!(cosine(&[1.0, 0.0], &[2.0, 0.0]), 1.0);
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 1.0]), 0.0);
        assert!((cosine(&[3.0, 4.0], &[4.0, 3.0]) - 0.96).abs() < 1e-12);
        assert_eq!(cosine(&[0.0], &[1.0]), 0.0);
    }
}
