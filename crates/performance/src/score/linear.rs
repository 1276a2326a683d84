//! Ridge regression by normal equations.

/// Sums from which weights follow, whatever the number of rows.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    n_features: usize,
    /// Upper triangle of the features' products, row by row.
    products: Vec<f64>,
    targets: Vec<f64>,
    weight: f64,
}

impl Normal {
    pub(super) fn new(n_features: usize) -> Self {
        Self {
            n_features,
            products: vec![0.0; n_features * n_features],
            targets: vec![0.0; n_features],
            weight: 0.0,
        }
    }

    /// Adds a row with its target and weight.
    ///
    /// # Shapes
    /// `row` has a value for each feature.
    pub(super) fn add(&mut self, row: &[f64], target: f64, weight: f64) {
        self.weight += weight;
        for (i, value) in row.iter().enumerate() {
            let scaled = value * weight;
            self.targets[i] += scaled * target;
            let sums = &mut self.products[i * self.n_features + i..(i + 1) * self.n_features];
            for (sum, other) in sums.iter_mut().zip(&row[i..]) {
                *sum += scaled * other;
            }
        }
    }

    /// Adds the rows of another.
    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, other) in self.products.iter_mut().zip(&other.products) {
            *sum += other;
        }
        for (sum, other) in self.targets.iter_mut().zip(&other.targets) {
            *sum += other;
        }
        self.weight += other.weight;
    }

    /// The weights for which the mean squared error plus `penalty` times the squared weights, of features scaled to
    /// variance 1, is least.
    pub(super) fn solve(&self, penalty: f64) -> Vec<f64> {
        let n = self.n_features;
        let product = |i: usize, j: usize| self.products[i.min(j) * n + i.max(j)] / self.weight.max(1e-9);
        let scales: Vec<f64> = (0..n).map(|i| product(i, i).sqrt()).map(|scale| scale.max(1e-6)).collect();
        // Cholesky: the matrix is symmetric, and the penalty makes it positive.
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let mut sum =
                    product(i, j) / (scales[i] * scales[j]) + if i == j { penalty.max(1e-9) } else { 0.0 };
                for k in 0..j {
                    sum -= lower[i * n + k] * lower[j * n + k];
                }
                lower[i * n + j] = if i == j { sum.max(1e-12).sqrt() } else { sum / lower[j * n + j] };
            }
        }
        let mut solution: Vec<f64> =
            (0..n).map(|i| self.targets[i] / self.weight.max(1e-9) / scales[i]).collect();
        for i in 0..n {
            let sum: f64 = (0..i).map(|k| lower[i * n + k] * solution[k]).sum();
            solution[i] = (solution[i] - sum) / lower[i * n + i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| lower[k * n + i] * solution[k]).sum();
            solution[i] = (solution[i] - sum) / lower[i * n + i];
        }
        solution.iter().zip(&scales).map(|(weight, scale)| weight / scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_found() {
        let mut normal = Normal::new(3);
        for i in 0..50 {
            let row = [f64::from(i % 7) - 3.0, f64::from(i % 5) - 2.0, 0.0];
            normal.add(&row, 2.0 * row[0] - 0.5 * row[1], 1.0 + f64::from(i % 3));
        }
        let weights = normal.solve(0.0);
        assert!((weights[0] - 2.0).abs() < 1e-3 && (weights[1] + 0.5).abs() < 1e-3);
        assert_eq!(weights[2], 0.0);
        assert!(normal.solve(1.0)[0] < 1.5);
    }
}
