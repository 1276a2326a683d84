//! The network's numbers in the layout for GPUs: what belongs to one unit lies side by side.

use performance::N_TOKENS;

use super::cell::GROUP;
use super::matrix::{DEPTHS, LANES, Matrix};
use super::{Layer, Quantized};

/// Groups of four columns of a matrix, with scales and biases.
pub(crate) struct Product {
    /// Weights: `[depth / 4, units, 4 columns]` words, each of four depths of one column, the first in the
    /// lowest byte.
    pub(crate) weights: Vec<u32>,
    /// Factors from integer sums to numbers, `[units, 4]`.
    pub(crate) scales: Vec<f32>,
    /// What is added to them, `[units, 4]`.
    pub(crate) bias: Vec<f32>,
}

impl Quantized {
    /// Units of a layer, counting those that pad.
    pub(crate) fn padded(&self) -> usize {
        self.weights.padded
    }

    /// The integer that stands for 1 in a hidden state.
    pub(crate) fn one(&self) -> f32 {
        self.weights.one
    }

    /// Rows of events, then of sounding pitches, `[413 + 128, units, 4]`.
    pub(crate) fn rows(&self) -> Vec<f32> {
        let weights = &self.weights;
        [&weights.token, &weights.sounding].into_iter().flat_map(|rows| by_unit(rows)).collect()
    }

    /// The products of the layers, from the first on; for each unit its four gates.
    pub(crate) fn layers(&self) -> impl Iterator<Item = Product> {
        let n_units = self.weights.padded;
        self.weights.layers.iter().map(move |Layer { gates, bias }| {
            let columns = |unit: usize, gate: usize| (unit / LANES * 4 + gate, unit % LANES);
            Product { bias: by_unit(bias), ..product(gates, n_units, columns) }
        })
    }

    /// The product of the logits, in groups of four where the layers have units.
    pub(crate) fn head(&self) -> Product {
        let head = &self.weights.head;
        let n_groups = head.n_panels() * LANES / 4;
        let columns = |group: usize, i: usize| ((4 * group + i) / LANES, (4 * group + i) % LANES);
        let mut bias = self.weights.head_bias.clone();
        bias.resize(4 * n_groups, 0.0);
        debug_assert!(bias.len() >= N_TOKENS);
        Product { bias, ..product(head, n_groups, columns) }
    }
}

/// `place(unit, i)`: the panel and lane of a unit's `i`th column.
fn product(matrix: &Matrix, n_units: usize, place: impl Fn(usize, usize) -> (usize, usize)) -> Product {
    let columns = || (0..n_units).flat_map(|unit| (0..4).map(move |i| (unit, i)));
    let word = |block: usize, (unit, i)| {
        let (panel, lane) = place(unit, i);
        let weights = &matrix.panel(panel)[block].0;
        let depths: [usize; DEPTHS] = std::array::from_fn(|k| k / 2 * 2 * LANES + 2 * lane + k % 2);
        u32::from_le_bytes(depths.map(|at| weights[at].cast_unsigned()))
    };
    let scale = |(unit, i)| {
        let (panel, lane) = place(unit, i);
        matrix.scales(panel)[lane]
    };
    Product {
        weights: (0..matrix.depth() / DEPTHS)
            .flat_map(|block| columns().map(move |column| (block, column)))
            .map(|(block, column)| word(block, column))
            .collect(),
        scales: columns().map(scale).collect(),
        bias: Vec::new(),
    }
}

/// Rows of `[group, gate, 16]` as rows of `[unit, gate]`.
pub(crate) fn by_unit(rows: &[f32]) -> Vec<f32> {
    let (groups, _) = rows.as_chunks::<GROUP>();
    groups.iter().flat_map(|group| (0..GROUP).map(|i| group[i % 4 * LANES + i / 4])).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rounding::MAX;
    use super::*;

    #[test]
    fn four_depths_of_a_column_make_a_word() {
        // 6 depths of 3 columns: column c holds c + 1 times 10, 20, ... 60 of 127ths.
        let values: Vec<f32> = (0..18).map(|i| ((i % 3 + 1) * (i / 3 + 1) * 10) as f32).collect();
        let matrix = Matrix::new(&[&values], 3, 1, MAX, 1.0, |_| (0, 3));
        let Product { weights, scales, .. } = product(&matrix, 4, |unit, i| (0, 4 * unit + i));
        assert_eq!(weights.len(), 4 * 4 * 4, "16 depths of four units");
        let weight = |x: f32| (x * 127.0 / 60.0).round() as u8;
        let first = [10.0, 20.0, 30.0, 40.0].map(weight);
        assert_eq!(weights[..4], [first, first, first, [0; 4]].map(u32::from_le_bytes), "one scale each");
        assert_eq!(weights[16..18], [u32::from_le_bytes([weight(50.0), 127, 0, 0]); 2]);
        assert_eq!(scales[..4], [60.0 / 127.0, 120.0 / 127.0, 180.0 / 127.0, 0.0]);
    }

    #[test]
    fn the_gates_of_a_unit_lie_together() {
        let rows: Vec<f32> = (0..2 * GROUP).map(|i| i as f32).collect();
        let found = by_unit(&rows);
        assert_eq!(found[..8], [0.0, 16.0, 32.0, 48.0, 1.0, 17.0, 33.0, 49.0]);
        assert_eq!(found[GROUP..GROUP + 4], [64.0, 80.0, 96.0, 112.0]);
    }
}
