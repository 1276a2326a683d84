//! What time does to a performance: the minutes of ten-minute generations.

use anyhow::Result;
use performance::Performance;
use performance::statistics::{CollapseKind, Excerpt, Profile, collapses};
use rand::RngExt;
use serde::Serialize;

use super::Human;
use crate::measure::{self, Breakdown, Figure, Row};
use crate::structure;

/// Length of a long generation.
pub(super) const SECS: u64 = 600;
/// The minutes that are compared: 0-1, 1-2, 4-5, 9-10.
pub(super) const MINUTES: [u64; 4] = [0, 1, 4, 9];
const MINUTE_US: u64 = 60_000_000;

/// How the minutes of long generations differ.
#[derive(Serialize)]
pub(super) struct Stability {
    pub(super) generations: usize,
    pub(super) human_minutes: usize,
    pub(super) minutes: Vec<Minute>,
    /// The part of the generations that are broken down in each minute, in any way.
    pub(super) broken: Vec<Figure>,
    /// The same, by kind.
    pub(super) broken_by_kind: Vec<(&'static str, Vec<f64>)>,
    /// The part of human minutes that are.
    pub(super) human_broken: Figure,
    pub(super) breakdown: Breakdown,
    /// The part of the top line that was heard 10 to 120 seconds before, in each minute.
    pub(super) structure: Vec<Figure>,
    /// The same in the minutes of human pieces that are so long.
    pub(super) human_structure: Vec<Figure>,
}

/// A minute of all generations against a minute of human pieces.
#[derive(Serialize)]
pub(super) struct Minute {
    pub(super) from: u64,
    pub(super) features: Vec<Row>,
}

/// Compares with one minute of each human piece, drawn at random: the same for all, so that what changes is
/// the network's doing.
pub(super) fn measure(people: &[Human], long: &[Performance]) -> Result<Stability> {
    let mut rng = measure::chance();
    let mut human_minutes = Vec::new();
    for human in people.iter().filter(|human| human.secs() >= 60.0) {
        let minute = rng.random_range(0..(human.secs() / 60.0) as u64);
        human_minutes.push(human.excerpt(60 * minute, 60 * minute + 60));
    }
    let human: Vec<Profile> = human_minutes.iter().map(Profile::of).collect();
    let minute = |&from: &u64| -> Result<Minute> {
        let excerpt = |performance| Excerpt::of(performance, from * MINUTE_US..(from + 1) * MINUTE_US);
        let profiles: Vec<Profile> =
            long.iter().map(|performance| Profile::of(&excerpt(performance))).collect();
        Ok(Minute { from, features: measure::rows(&human, &profiles)? })
    };
    let whole: Vec<Excerpt> =
        long.iter().map(|performance| Excerpt::of(performance, 0..SECS * 1_000_000)).collect();
    let human_whole: Vec<Excerpt> =
        people.iter().map(|human| human.excerpt(0, (human.secs() as u64).min(SECS))).collect();
    let found: Vec<_> = whole.iter().map(collapses).collect();
    let share = |minute: u64, kind: Option<CollapseKind>| -> Vec<f64> {
        let broken = |found| f64::from(u8::from(measure::is_broken(found, minute, kind)));
        found.iter().map(|found| broken(found)).collect()
    };
    let minutes = 0..SECS / 60;
    let by_kind = |kind: CollapseKind| {
        let shares = minutes.clone().map(|minute| Figure::of_mean(&share(minute, Some(kind))).value);
        (kind.name(), shares.collect())
    };
    Ok(Stability {
        generations: long.len(),
        human_minutes: human.len(),
        minutes: MINUTES.iter().map(minute).collect::<Result<_>>()?,
        broken: minutes.clone().map(|minute| Figure::of_mean(&share(minute, None))).collect(),
        broken_by_kind: CollapseKind::ALL.into_iter().map(by_kind).collect(),
        human_broken: Breakdown::of(&human_minutes).share,
        breakdown: Breakdown::of(&whole),
        structure: structure::by_minute(whole.iter(), SECS / 60),
        human_structure: structure::by_minute(human_whole.iter(), SECS / 60),
    })
}
