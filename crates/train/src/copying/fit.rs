//! The constants of the copy model by maximum likelihood: a softmax whose logits are sums of constants, so
//! the loss has one minimum, and Newton's method finds it.

use performance::{N_TOKENS, Token};
use rnn::copying::{Copier, N_CONSTANTS};

/// How strongly constants are drawn to 0, in nats per event at 1 nat. Larger trusts rare cases less.
const SHRINKAGE: f64 = 2e-6;
/// Largest number of Newton's steps; five to eight are usual.
const MAX_STEPS: usize = 25;
/// Smaller improvements of the loss end the search, in nats per event.
const ENOUGH: f64 = 1e-8;

/// Positions of performances at which the copy model adds something. Events to which the same constants
/// are added are one class.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// Of every class, position after position: its share by the network, and where its constants end in
    /// `numbers`.
    classes: Vec<(f32, u32)>,
    numbers: Vec<u16>,
    /// Of every position: where its classes end, and which of them came, counted from its first.
    ends: Vec<(u32, u16)>,
    /// Positions at which nothing is added.
    n_others: usize,
}

impl Positions {
    /// Takes note of what the network and the copy model say, and of what came.
    pub(crate) fn push(&mut self, copier: &Copier, logits: &[f32], came: Token) {
        let mut terms: Vec<Vec<u16>> = vec![Vec::new(); N_TOKENS];
        // Below `N_CONSTANTS`, so they fit.
        copier.terms(|token, number| terms[token.index()].push(number as u16));
        if terms.iter().all(Vec::is_empty) {
            self.n_others += 1;
            return;
        }
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - highest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut classes: Vec<(f64, &[u16])> = Vec::new();
        let mut class_that_came = 0;
        for (token, (weight, terms)) in weights.iter().zip(&terms).enumerate() {
            let class = match classes.iter().rposition(|(_, others)| others == terms) {
                Some(class) => class,
                None => {
                    classes.push((0.0, terms));
                    classes.len() - 1
                }
            };
            classes[class].0 += weight / total;
            if token == came.index() {
                class_that_came = class;
            }
        }
        for (share, terms) in &classes {
            self.numbers.extend_from_slice(terms);
            self.classes.push((*share as f32, self.numbers.len() as u32));
        }
        self.ends.push((self.classes.len() as u32, class_that_came as u16));
    }

    pub(crate) fn concat(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for p in parts {
            let (c, m) = (all.numbers.len() as u32, all.classes.len() as u32);
            all.classes.extend(p.classes.iter().map(|&(s, e)| (s, e + c)));
            all.numbers.extend(&p.numbers);
            all.ends.extend(p.ends.iter().map(|&(e, k)| (e + m, k)));
            all.n_others += p.n_others;
        }
        all
    }

    /// All positions, those at which nothing is added included.
    pub(crate) fn len(&self) -> usize {
        self.ends.len() + self.n_others
    }

    /// What the constants change of the loss, in nats per event; below 0 is better.
    pub(crate) fn gain(&self, constants: &[f64]) -> f64 {
        self.sum(|position| position.shares(constants).1) / self.len().max(1) as f64
    }

    /// The constants with the least loss.
    pub(crate) fn fit(&self) -> Vec<f64> {
        let mut constants = vec![0.0; N_CONSTANTS];
        let mut loss = self.loss(&constants);
        for _ in 0..MAX_STEPS {
            let Some(step) = self.newton(&constants) else { break };
            // A full step, or the largest of its halves that helps.
            let attempt = |size: f64| {
                let next: Vec<f64> = constants.iter().zip(&step).map(|(c, step)| c - size * step).collect();
                let loss = self.loss(&next);
                (next, loss)
            };
            let better =
                (0..12).map(|halvings| attempt(0.5f64.powi(halvings))).find(|(_, next)| *next < loss);
            let Some((next, next_loss)) = better else { break };
            let gained = loss - next_loss;
            (constants, loss) = (next, next_loss);
            if gained < ENOUGH {
                break;
            }
        }
        constants
    }

    fn loss(&self, constants: &[f64]) -> f64 {
        let shrinkage: f64 = constants.iter().map(|c| c * c).sum::<f64>() * SHRINKAGE / 2.0;
        self.gain(constants) + shrinkage
    }

    fn sum(&self, of: impl Fn(Position) -> f64) -> f64 {
        let mut sum = 0.0;
        self.each(|position| sum += of(position));
        sum
    }

    fn each(&self, mut visit: impl FnMut(Position)) {
        let (mut first, mut number) = (0, 0);
        for &(end, came) in &self.ends {
            let classes = &self.classes[first..end as usize];
            visit(Position {
                classes,
                first_number: number,
                numbers: &self.numbers,
                came: usize::from(came),
            });
            first = end as usize;
            number = classes.last().map_or(number, |&(_, end)| end as usize);
        }
    }

    /// Newton's step from here: the inverse of the second derivatives times the first.
    fn newton(&self, constants: &[f64]) -> Option<Vec<f64>> {
        let n = N_CONSTANTS;
        let mut slope = vec![0.0; n];
        let mut curvature = vec![0.0; n * n];
        let mut mean = vec![0.0; n];
        self.each(|position| {
            let (shares, _) = position.shares(constants);
            let mut touched: Vec<usize> = Vec::new();
            for ((numbers, share), class) in position.numbers().zip(shares).zip(0..) {
                for &a in numbers {
                    let a = usize::from(a);
                    if mean[a] == 0.0 {
                        touched.push(a);
                    }
                    // Never quite 0, so that it is touched once.
                    mean[a] += share.max(f64::MIN_POSITIVE);
                    slope[a] -= f64::from(u8::from(class == position.came));
                    numbers.iter().for_each(|&b| curvature[a * n + usize::from(b)] += share);
                }
            }
            for &a in &touched {
                slope[a] += mean[a];
                touched.iter().for_each(|&b| curvature[a * n + b] -= mean[a] * mean[b]);
            }
            touched.iter().for_each(|&a| mean[a] = 0.0);
        });
        let shrinkage = SHRINKAGE * self.len().max(1) as f64;
        for a in 0..n {
            slope[a] += shrinkage * constants[a];
            curvature[a * n + a] += shrinkage;
        }
        solve(curvature, slope)
    }
}

/// One position of many.
struct Position<'a> {
    classes: &'a [(f32, u32)],
    first_number: usize,
    numbers: &'a [u16],
    came: usize,
}

impl<'a> Position<'a> {
    /// The constants of each class.
    fn numbers(&self) -> impl Iterator<Item = &'a [u16]> + use<'a> {
        let (numbers, mut start) = (self.numbers, self.first_number);
        self.classes.iter().map(move |&(_, end)| {
            let class = &numbers[start..end as usize];
            start = end as usize;
            class
        })
    }

    /// The share of each class with the constants, and what they change of this position's loss.
    fn shares(&self, constants: &[f64]) -> (Vec<f64>, f64) {
        let sum = |numbers: &[u16]| numbers.iter().map(|&number| constants[usize::from(number)]).sum::<f64>();
        let added: Vec<f64> = self.numbers().map(sum).collect();
        let weights: Vec<f64> = self
            .classes
            .iter()
            .zip(&added)
            .map(|(&(share, _), added)| f64::from(share) * added.exp())
            .collect();
        let total: f64 = weights.iter().sum();
        let change = total.ln() - added[self.came];
        (weights.into_iter().map(|weight| weight / total).collect(), change)
    }
}

/// Solves a symmetric positive definite system after Cholesky; none if it is not one.
///
/// # Shapes
/// `matrix`: `[n, n]`, `right`: `[n]`.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for i in 0..n {
        let (above, row) = matrix.split_at_mut(i * n);
        for j in 0..=i {
            let other = if j < i { &above[j * n..j * n + j] } else { &[] };
            if j < i {
                let dot: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
                row[j] = (row[j] - dot) / above[j * n + j];
            } else {
                let square = row[i] - row[..i].iter().map(|a| a * a).sum::<f64>();
                if square <= 0.0 || !square.is_finite() {
                    return None;
                }
                row[i] = square.sqrt();
            }
        }
        let dot: f64 = row[..i].iter().zip(&right).map(|(a, b)| a * b).sum();
        right[i] = (right[i] - dot) / row[i];
    }
    for i in (0..n).rev() {
        right[i] /= matrix[i * n + i];
        let value = right[i];
        for (j, other) in right[..i].iter_mut().enumerate() {
            *other -= matrix[i * n + j] * value;
        }
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use performance::{Event, Pitch, Shift};

    use super::*;

    #[test]
    fn equations_are_solved() {
        let solved = solve(vec![4.0, 2.0, 0.0, 2.0, 5.0, 1.0, 0.0, 1.0, 3.0], vec![8.0, 15.0, 11.0]).unwrap();
        for (found, expected) in solved.iter().zip([1.0, 2.0, 3.0]) {
            assert!((found - expected).abs() < 1e-12, "{solved:?}");
        }
        assert_eq!(solve(vec![1.0, 2.0, 2.0, 1.0], vec![1.0, 1.0]), None);
    }

    /// A tune over and over, which a network that knows nothing does not expect.
    #[test]
    fn what_comes_back_is_learned() {
        let mut positions = Positions::default();
        let mut copier = Copier::default();
        for _ in 0..40 {
            for pitch in [60, 64, 62, 67, 65, 72, 71, 69] {
                let events =
                    [Event::TimeShift(Shift::new(20).unwrap()), Event::NoteOn(Pitch::new(pitch).unwrap())];
                for event in events {
                    positions.push(&copier, &[0.0; N_TOKENS], event.into());
                    copier.apply(event);
                }
            }
        }
        let constants = positions.fit();
        // Of ln 413 hardly anything is left.
        let left = (N_TOKENS as f64).ln() + positions.gain(&constants);
        assert_eq!(positions.len(), 640);
        assert!((0.0..0.3).contains(&left), "{left}");
        assert!(positions.gain(&vec![0.0; N_CONSTANTS]).abs() < 1e-6);
    }
}
