//! The order in which the four gates of a unit stand in every matrix, weight file and kernel.
//!
//! The fused kernels of training (`kernels`) name a unit's gates `i`, `f`, `g`, `o` in this order, where they
//! take them apart.

/// How much of the candidate enters the cell.
pub(crate) const INPUT: usize = 0;
/// How much of the last cell stays.
pub(crate) const FORGET: usize = 1;
/// The candidate.
pub(crate) const CELL: usize = 2;
/// How much of the cell shows.
pub(crate) const OUTPUT: usize = 3;
