//! How soon the music follows a control that changes in mid-piece.

use std::fmt::Write;

use anyhow::Result;
use performance::statistics::Excerpt;
use performance::{Controls, N_PITCH_CLASSES, Performance, PitchClasses};
use serde::Serialize;

use super::pool::{Changed, GeneratorPool};
use super::{Human, Manner};
use crate::cli::QualityArgs;
use crate::measure::{Figure, markdown_table};

/// How long a generation lasts before the change, and after it.
const BEFORE_SECS: u64 = 30;
const AFTER_SECS: u64 = 60;
/// What is measured at once. Longer is steadier and notices less; people's density varies as much in shorter.
const WINDOW_US: u64 = 5_000_000;
/// From the beginning of one window to that of the next.
const STRIDE_US: u64 = 250_000;
/// Notes per second before and after.
const DENSITIES: [(f64, f64); 6] =
    [(1.5, 6.0), (6.0, 1.5), (3.0, 12.0), (12.0, 3.0), (6.0, 24.0), (24.0, 6.0)];
/// The part of the notes that has to be in the scale.
const IN_SCALE: f64 = 0.95;
/// A major scale, by its distances from the root.
const MAJOR: [usize; 7] = [0, 2, 4, 5, 7, 9, 11];
/// To the key that has the fewest notes in common.
const TRITONE: usize = 6;

/// How soon changes are followed.
#[derive(Serialize)]
pub(super) struct Changes {
    generations: usize,
    /// From and to how many notes per second.
    densities: Vec<(f64, f64, Following)>,
    /// The part of people's windows that are as dense as their own minute, to a factor of √2.
    human: Figure,
    /// From a major scale to the farthest one, which is asked for.
    asked: Following,
    /// The same, and other notes are masked.
    masked: Following,
}

/// How soon, and how well, what is asked for is played.
#[derive(Serialize)]
struct Following {
    /// Seconds after which half of the generations, and nine of ten, are there; none if they never are.
    half_secs: Option<f64>,
    most_secs: Option<f64>,
    /// The part of the windows that are right after the first that is.
    kept: Figure,
}

/// How many seconds of music [`measure`] plays.
pub(super) fn secs(args: &QualityArgs) -> u64 {
    let each = u64::from(args.each);
    (DENSITIES.len() as u64 * each + 2 * N_PITCH_CLASSES as u64 * each.div_ceil(4))
        * (BEFORE_SECS + AFTER_SECS)
}

pub(super) fn measure(args: &QualityArgs, pool: &mut GeneratorPool, people: &[Human]) -> Result<Changes> {
    let each = args.each as usize;
    let mut requests = Vec::new();
    for (before, after) in DENSITIES {
        let dense = |density: f64| Manner {
            controls: Controls { density: Some(density as f32), ..Controls::default() },
            only: PitchClasses::ALL,
        };
        requests.extend(std::iter::repeat_n(change(dense(before), dense(after)), each));
    }
    let n_keys = N_PITCH_CLASSES * each.div_ceil(4);
    for is_masked in [false, true] {
        for root in 0..n_keys {
            let in_key = |root| -> Result<Manner> {
                let (weights, scale) = major(root)?;
                Ok(Manner {
                    controls: Controls { pitch_classes: Some(weights), ..Controls::default() },
                    only: if is_masked { scale } else { PitchClasses::ALL },
                })
            };
            requests.push(change(in_key(root)?, in_key(root + TRITONE)?));
        }
    }
    let played = pool.record_changes(&requests)?;
    let (dense, in_key) = played.split_at(DENSITIES.len() * each);
    let densities = dense.chunks(each).zip(DENSITIES).map(|(played, (before, after))| {
        let following =
            Following::of(played.iter().map(|(music, at)| windows(music, *at, |w| is_dense(w, after))));
        (before, after, following)
    });
    let following = |played: &[(Performance, u64)]| -> Result<Following> {
        let mut right = Vec::new();
        for (root, (music, at)) in played.iter().enumerate() {
            let (_, scale) = major(root + TRITONE)?;
            right.push(windows(music, *at, |window| is_in(window, scale)));
        }
        Ok(Following::of(right.into_iter()))
    };
    let (asked, masked) = in_key.split_at(n_keys);
    Ok(Changes {
        generations: played.len(),
        densities: densities.collect(),
        human: steadiness(people),
        asked: following(asked)?,
        masked: following(masked)?,
    })
}

fn change(before: Manner, after: Manner) -> Changed {
    Changed { before, before_secs: BEFORE_SECS, after, after_secs: AFTER_SECS }
}

/// The weights and the set of a major scale's pitch classes.
fn major(root: usize) -> Result<([f32; N_PITCH_CLASSES], PitchClasses)> {
    let (mut weights, mut bits) = ([0.0; N_PITCH_CLASSES], 0);
    for above in MAJOR {
        let class = (root + above) % N_PITCH_CLASSES;
        weights[class] = 1.0;
        bits |= 1 << class;
    }
    Ok((weights, PitchClasses::from_bits(bits)?))
}

/// Whether each window from a moment on is right.
fn windows(music: &Performance, from_us: u64, is_right: impl Fn(&Excerpt) -> bool) -> Vec<bool> {
    let end_us = from_us + AFTER_SECS * 1_000_000;
    let starts = (from_us..).step_by(STRIDE_US as usize).take_while(|start| start + WINDOW_US <= end_us);
    starts.map(|start| is_right(&Excerpt::of(music, start..start + WINDOW_US))).collect()
}

fn is_dense(window: &Excerpt, asked: f64) -> bool {
    (window.note_density() / asked).log2().abs() < 0.5
}

/// A window of silence is in no scale.
fn is_in(window: &Excerpt, scale: PitchClasses) -> bool {
    let n = window.notes().len();
    let inside = window.notes().iter().filter(|note| scale.contains(note.pitch)).count();
    n > 0 && inside as f64 >= IN_SCALE * n as f64
}

impl Following {
    /// Of each generation's windows.
    fn of(generations: impl Iterator<Item = Vec<bool>>) -> Self {
        let (mut secs, mut kept) = (Vec::new(), Vec::new());
        for right in generations {
            let first = right.iter().position(|&right| right);
            secs.push(first.map_or(f64::INFINITY, |first| first as f64 * STRIDE_US as f64 / 1e6));
            if let Some(first) = first {
                kept.push(share(&right[first..]));
            }
        }
        secs.sort_by(f64::total_cmp);
        let after = |share: f64| {
            let place = (share * secs.len() as f64).ceil() as usize;
            secs.get(place.saturating_sub(1)).copied().filter(|secs| secs.is_finite())
        };
        Self { half_secs: after(0.5), most_secs: after(0.9), kept: Figure::of_mean(&kept) }
    }

    fn cells(&self) -> [String; 3] {
        let secs = |secs: Option<f64>| secs.map_or("never".to_owned(), |secs| format!("{secs:.1}"));
        [secs(self.half_secs), secs(self.most_secs), self.kept.show_percent()]
    }
}

fn share(right: &[bool]) -> f64 {
    right.iter().filter(|&&right| right).count() as f64 / right.len().max(1) as f64
}

fn steadiness(people: &[Human]) -> Figure {
    let long = people.iter().filter(|human| human.secs() >= AFTER_SECS as f64);
    let kept = long.map(|human| {
        let density = human.excerpt(0, AFTER_SECS).note_density();
        share(&windows(&human.performance, 0, |window| is_dense(window, density)))
    });
    Figure::of_mean(&kept.collect::<Vec<_>>())
}

/// The section of the page.
pub(super) fn section(f: &mut String, found: &Changes) -> std::fmt::Result {
    let Changes { generations, densities, human, asked, masked } = found;
    writeln!(
        f,
        "{HEADING}\n\n\
         {generations} generations play {BEFORE_SECS} s under one value and then {AFTER_SECS} s under another. They are \
         measured in windows of {} s, from the change on. *Half* and *nine of ten*: the seconds after which as many \
         generations have had a window that is right. *Kept*: the part of the windows right after that one that are right, \
         too.\n\n\
         A density is right within a factor of √2. Of people's windows, {} are as dense as their own minute, so far.\n",
        WINDOW_US / 1_000_000,
        human.show_percent(),
    )?;
    let rows: Vec<Vec<String>> = densities
        .iter()
        .map(|(before, after, following)| {
            [vec![format!("{before} to {after}")], following.cells().to_vec()].concat()
        })
        .collect();
    writeln!(f, "{}", markdown_table(&["notes/s", "half, s", "nine of ten, s", "kept"], &rows))?;
    writeln!(
        f,
        "A scale is right if it has {:.0} % of the notes that begin. From each major scale to the one a tritone away, \
         which has two notes in common:\n",
        100.0 * IN_SCALE
    )?;
    let rows = [("asked for", asked), ("asked for, and only these (`Sampling::only`)", masked)]
        .map(|(name, following)| [vec![name.to_owned()], following.cells().to_vec()].concat());
    writeln!(f, "{}", markdown_table(&["pitch classes", "half, s", "nine of ten, s", "kept"], &rows))
}

const HEADING: &str = "## Changes in mid-piece";

/// A page with this section in place of its own, or before the one about primers.
pub(super) fn replace_section(page: &str, section: &str) -> String {
    let start = page.find(HEADING).or_else(|| page.find("## Going on from a primer")).unwrap_or(page.len());
    let rest = &page[start..];
    let own =
        if rest.starts_with(HEADING) { rest[1..].find("\n## ").map_or(rest.len(), |at| at + 2) } else { 0 };
    [&page[..start], section, &rest[own..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_most_by_hand() {
        let right = |first: usize| (0..40).map(|i| i >= first).collect::<Vec<bool>>();
        let firsts = [0, 4, 4, 8, 8, 8, 12, 12, 40, 40];
        let following = Following::of(firsts.into_iter().map(right));
        assert_eq!((following.half_secs, following.most_secs), (Some(2.0), None));
        assert_eq!(following.kept.value, 1.0);
        assert_eq!(Following::of(std::iter::empty()).cells(), ["never", "never", "–"]);
    }

    #[test]
    fn scales_a_tritone_apart_share_two_notes() {
        let [c, f_sharp] = [0, TRITONE].map(|root| major(root).unwrap().1.bits());
        assert_eq!((c & f_sharp).count_ones(), 2);
        assert_eq!(PitchClasses::from_bits(c).unwrap().to_string(), "C,D,E,F,G,A,B");
    }

    #[test]
    fn a_section_takes_its_own_place() {
        let page = "# A\n\n## Controls\n\nx\n\n## Going on from a primer\n\ny\n";
        let with = replace_section(page, "## Changes in mid-piece\n\none\n\n");
        let expected =
            "# A\n\n## Controls\n\nx\n\n## Changes in mid-piece\n\none\n\n## Going on from a primer\n\ny\n";
        assert_eq!(with, expected);
        let again = replace_section(&with, "## Changes in mid-piece\n\ntwo\n\n");
        assert_eq!(again, expected.replace("one", "two"));
    }
}
