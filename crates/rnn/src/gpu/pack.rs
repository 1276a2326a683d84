//! How weights lie in the device's memory.
//!
//! 128 bits hold what one unit wants at once: in half precision the four gates of two rows (the first in the
//! lower halves of four words, the second in the upper), in full precision the four gates of one. Neighboring
//! units lie side by side, so neighbors read neighbors.
//!
//! Halves are kept 2^10 times too large: then the smallest half of a weight file (2^-24) is a normal number
//! too, and unpacking by shift and mask, which yields numbers 2^112 times too small, loses nothing. What is
//! left of it, 2^102, the kernels carry in the activity that they multiply with.

use half::f16;

/// What halves are multiplied with; weights from `LARGEST` up would overflow.
const SCALE: f32 = 1024.0;
/// Weights must stay below this to be kept as halves.
const LARGEST: f32 = 63.0;

/// Whether the numbers can be kept as halves without loss.
pub(super) fn fits_half(values: &[f32]) -> bool {
    values.iter().all(|&x| x.abs() <= LARGEST && f16::from_f32(x).to_f32() == x)
}

/// A matrix with gates in blocks, `[rows, 4 * units]`, as rows of four numbers for each unit,
/// `[rows, units, 4]`.
pub(super) fn by_unit(matrix: &[f32], units: usize) -> Vec<f32> {
    let row = |row: &[f32]| -> Vec<f32> { (0..4 * units).map(|i| row[i % 4 * units + i / 4]).collect() };
    matrix.chunks_exact(4 * units).flat_map(row).collect()
}

/// The same for `[rows, columns]` of scores: groups of four columns, missing ones zero.
pub(super) fn by_group(matrix: &[f32], columns: usize, groups: usize) -> Vec<f32> {
    let row =
        |row: &[f32]| -> Vec<f32> { (0..4 * groups).map(|i| row.get(i).copied().unwrap_or(0.0)).collect() };
    matrix.chunks_exact(columns).flat_map(row).collect()
}

/// A matrix `[rows, units, 4]` for the kernels' products; an odd number of rows gets a row of zeros.
pub(super) fn product(matrix: &[f32], units: usize, half: bool) -> Vec<u32> {
    let width = 4 * units;
    let mut rows: Vec<&[f32]> = matrix.chunks_exact(width).collect();
    let zeros = vec![0.0; width];
    if rows.len() % 2 == 1 {
        rows.push(&zeros);
    }
    if !half {
        return rows.concat().iter().map(|x| x.to_bits()).collect();
    }
    let words =
        |pair: &[&[f32]]| -> Vec<u32> { pair[0].iter().zip(pair[1]).map(|(&a, &b)| word(a, b)).collect() };
    rows.chunks_exact(2).flat_map(words).collect()
}

/// Rows to be gathered one by one, `[rows, units, 4]`.
pub(super) fn table(matrix: &[f32], half: bool) -> Vec<u32> {
    match half {
        true => matrix.chunks_exact(2).map(|pair| word(pair[0], pair[1])).collect(),
        false => matrix.iter().map(|x| x.to_bits()).collect(),
    }
}

/// Two numbers as halves, the first in the lower one.
fn word(lower: f32, upper: f32) -> u32 {
    let [lower, upper] = [lower, upper].map(|x| u32::from(f16::from_f32(x * SCALE).to_bits()));
    lower | upper << 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernels do, in Rust.
    fn unpacked(word: u32) -> [f32; 2] {
        let upper = |word: u32| f32::from_bits((word.cast_signed() >> 3).cast_unsigned() & 0x8fff_e000);
        [word << 16, word].map(|word| upper(word) * 2.0f32.powi(102))
    }

    #[test]
    fn every_half_of_a_weight_file_survives() {
        for bits in 0..=u16::MAX {
            let x = f16::from_bits(bits).to_f32();
            if x.abs() <= LARGEST {
                assert_eq!(unpacked(word(x, -x)), [x, -x], "{x}");
            }
        }
        assert!(!fits_half(&[0.1]), "0.1 is no half");
        assert!(!fits_half(&[64.0]), "too large once scaled");
    }

    #[test]
    fn gates_of_a_unit_and_of_two_rows_lie_together() {
        let gates: Vec<f32> = (0..24).map(|x| x as f32).collect(); // 3 rows of 4 gates of 2 units
        let rows = by_unit(&gates, 2);
        assert_eq!(rows[..8], [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]);
        let words = product(&rows, 2, true);
        assert_eq!(words.len(), 2 * 2 * 4, "two pairs of rows, two units");
        let second = words[4..8].iter().map(|&word| unpacked(word)).collect::<Vec<_>>();
        assert_eq!(second, [[1.0, 9.0], [3.0, 11.0], [5.0, 13.0], [7.0, 15.0]]);
        assert_eq!(unpacked(words[12]), [17.0, 0.0], "the row that is not there is zero");
        assert_eq!(product(&rows, 2, false).len(), 4 * 2 * 4);
    }

    #[test]
    fn scores_come_in_groups_of_four() {
        assert_eq!(by_group(&[1.0, 2.0, 3.0, 4.0, 5.0], 5, 2), [1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 0.0]);
    }
}
