//! The LSTM recurrence over a whole crop on the CPU, forward and backward through time.
//!
//! Batch rows are independent, so each thread takes a slice of the batch through the whole crop
//! without ever waiting for another. Gates are in the order of `gates`; a crop is
//! time-major, `[time, batch, …]`, so that one step is contiguous.
//!
//! `exp` is not that of `math`. There a seed has to play the same music on every machine. Here products are
//! fused where the machine can, so machines differ anyhow, and only a run has to come to the same bits when
//! it is resumed: another polynomial would change those of the runs that exist. The error of this one does
//! not grow with `x`. On GPUs, training takes the device's own (`cube::steps`), for the same reasons.

use std::ops::Range;

use super::format::{Format, Rows};
use super::gemm::Matrix;
use super::shared::{Detected, Kernel, Shared, split};
use super::tile::{MAX_ROWS, PANEL, Packed, Simd, Tile, multiply};

/// Hidden units whose four gates share one panel.
const UNITS: usize = PANEL / 4;

/// Sizes of one recurrence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dims {
    pub(super) time: usize,
    pub(super) batch: usize,
    pub(super) hidden: usize,
}

/// What the forward pass leaves for the backward pass.
#[derive(Debug)]
pub(super) struct Trace {
    /// Hidden states, the initial one first, `[time + 1, batch, hidden]`.
    pub(super) h: Vec<f32>,
    /// Cell states, likewise.
    pub(super) c: Vec<f32>,
    /// Activated gates, `[time, batch, 4 * hidden]`.
    pub(super) gates: Vec<f32>,
}

/// Runs the recurrence over a crop.
///
/// # Shapes
/// `xp`: `[time, batch, 4 * hidden]`, input projections with bias; `w`: `[hidden, 4 * hidden]`;
/// `h0`, `c0`: `[batch, hidden]`.
pub(super) fn forward<F: Detected>(dims: Dims, xp: &[f32], w: &[f32], h0: &[f32], c0: &[f32]) -> Trace {
    let Dims { time, batch, hidden } = dims;
    let packed = Packed::<F>::new(hidden, hidden.div_ceil(UNITS), |p, k, n, block| {
        let units = UNITS.min(hidden - p * UNITS);
        for (row, source) in block.iter_mut().zip(w[k * 4 * hidden..].chunks_exact(4 * hidden).take(n)) {
            for gate in 0..4 {
                let source = &source[gate * hidden + p * UNITS..][..units];
                row[gate * UNITS..][..units].copy_from_slice(source);
            }
        }
    });
    let n = batch * hidden;
    let mut trace =
        Trace { h: vec![0.0; (time + 1) * n], c: vec![0.0; (time + 1) * n], gates: vec![0.0; time * 4 * n] };
    trace.h[..n].copy_from_slice(h0);
    trace.c[..n].copy_from_slice(c0);
    let out = Outputs {
        h: Shared::new(&mut trace.h),
        c: Shared::new(&mut trace.c),
        gates: Shared::new(&mut trace.gates),
    };
    split(batch, |rows| F::detected(Forward { dims, rows, xp, packed: &packed, h0, out: &out }));
    trace
}

/// Runs the recurrence backwards: from the gradients of all hidden states to those of the
/// projections. Gradients stop at the crop's initial state (truncated backpropagation).
///
/// # Shapes
/// `dh`: `[time, batch, hidden]`; `w`: `[hidden, 4 * hidden]`; `c` and `gates` as in [`Trace`]. The gates are
/// replaced by the gradient of `xp`, `[time, batch, 4 * hidden]`.
pub(super) fn backward<F: Detected>(dims: Dims, dh: &[f32], w: &[f32], c: &[f32], gates: &mut [f32]) {
    let Dims { batch, hidden, .. } = dims;
    let packed = Matrix::new(w, hidden, 4 * hidden).transposed().as_panels::<F>();
    let out = Shared::new(gates);
    split(batch, |rows| F::detected(Backward { dims, rows, dh, packed: &packed, c, gates: &out }));
}

/// The forward pass's outputs, written by several threads, each its own batch rows.
struct Outputs<'a> {
    h: Shared<'a>,
    c: Shared<'a>,
    gates: Shared<'a>,
}

struct Forward<'a, F: Format> {
    dims: Dims,
    rows: Range<usize>,
    xp: &'a [f32],
    packed: &'a Packed<F>,
    h0: &'a [f32],
    out: &'a Outputs<'a>,
}

impl<F: Format> Kernel<F> for Forward<'_, F> {
    #[inline(always)]
    fn run<S: Simd<F>>(self) {
        let Dims { time, batch, hidden } = self.dims;
        let mut tile: Tile = [[0.0; PANEL]; MAX_ROWS];
        // Hidden states of the last step and of this one, as factors.
        let mut before = Rows::<F>::zeros(self.rows.len(), hidden);
        let mut after = Rows::<F>::zeros(self.rows.len(), hidden);
        for (r, row) in self.rows.clone().enumerate() {
            for (k, &h) in self.h0[row * hidden..(row + 1) * hidden].iter().enumerate() {
                before.numbers[r * before.stride + k] = F::round(h);
            }
        }
        for t in 0..time {
            for p in 0..self.packed.n_panels() {
                let panel = self.packed.panel(p);
                let units = UNITS.min(hidden - p * UNITS);
                for row in self.rows.clone().step_by(MAX_ROWS) {
                    let n_rows = MAX_ROWS.min(self.rows.end - row);
                    let at = |t: usize| (t * batch + row) * hidden;
                    // SAFETY: these rows before step `t` were written, if at all, by this thread and are not
                    // written again.
                    let c = unsafe { self.out.c.read(at(t), n_rows * hidden) };
                    let first = row - self.rows.start;
                    multiply::<F, S>(before.from(first), before.stride, n_rows, panel, &mut tile);
                    for r in 0..n_rows {
                        let state = at(t + 1) + r * hidden + p * UNITS;
                        let z = &self.xp[4 * (at(t) + r * hidden)..4 * (at(t) + (r + 1) * hidden)];
                        // SAFETY: no other thread touches these rows, and no other slice of them is alive.
                        let (h, c_new, gates) = unsafe {
                            (
                                self.out.h.write(state, units),
                                self.out.c.write(state, units),
                                self.out.gates.write(4 * (at(t) + r * hidden), 4 * hidden),
                            )
                        };
                        let mut activated = [[0.0f32; UNITS]; 4];
                        for (gate, activated) in activated.iter_mut().enumerate() {
                            let z = &z[gate * hidden + p * UNITS..][..units];
                            for u in 0..units {
                                activated[u] = tile[r][gate * UNITS + u] + z[u];
                            }
                        }
                        let [i, f, g, o] = &mut activated;
                        let c = &c[r * hidden + p * UNITS..][..units];
                        let mut cell = [0.0f32; UNITS];
                        cell[..units].copy_from_slice(c);
                        let mut output = [0.0f32; UNITS];
                        for u in 0..UNITS {
                            i[u] = sigmoid(i[u]);
                            f[u] = sigmoid(f[u]);
                            g[u] = tanh(g[u]);
                            o[u] = sigmoid(o[u]);
                            cell[u] = f[u] * cell[u] + i[u] * g[u];
                            output[u] = o[u] * tanh(cell[u]);
                        }
                        c_new.copy_from_slice(&cell[..units]);
                        h.copy_from_slice(&output[..units]);
                        let factors = (first + r) * after.stride + p * UNITS;
                        for (slot, &h) in after.numbers[factors..factors + units].iter_mut().zip(&output) {
                            *slot = F::round(h);
                        }
                        for (gate, activated) in activated.iter().enumerate() {
                            gates[gate * hidden + p * UNITS..][..units].copy_from_slice(&activated[..units]);
                        }
                    }
                }
            }
            std::mem::swap(&mut before, &mut after);
        }
    }
}

struct Backward<'a, F: Format> {
    dims: Dims,
    rows: Range<usize>,
    dh: &'a [f32],
    packed: &'a Packed<F>,
    c: &'a [f32],
    /// Activated gates, each step's replaced by its gradients as soon as they are known.
    gates: &'a Shared<'a>,
}

impl<F: Format> Kernel<F> for Backward<'_, F> {
    #[inline(always)]
    fn run<S: Simd<F>>(self) {
        let Dims { time, batch, hidden } = self.dims;
        let mut tile: Tile = [[0.0; PANEL]; MAX_ROWS];
        // Gradient of the cell state, carried backwards; one row per batch row of this slice.
        let mut dc = vec![0.0f32; self.rows.len() * hidden];
        // Gradients of the gates one step later and of this one, as factors.
        let mut later = Rows::<F>::zeros(self.rows.len(), 4 * hidden);
        let mut now = Rows::<F>::zeros(self.rows.len(), 4 * hidden);
        for t in (0..time).rev() {
            for p in 0..self.packed.n_panels() {
                let panel = self.packed.panel(p);
                let units = PANEL.min(hidden - p * PANEL);
                for row in self.rows.clone().step_by(MAX_ROWS) {
                    let n_rows = MAX_ROWS.min(self.rows.end - row);
                    let at = |t: usize| (t * batch + row) * hidden;
                    let first = row - self.rows.start;
                    if t + 1 < time {
                        multiply::<F, S>(later.from(first), later.stride, n_rows, panel, &mut tile);
                    } else {
                        tile = [[0.0; PANEL]; MAX_ROWS];
                    }
                    for r in 0..n_rows {
                        let state = at(t) + r * hidden + p * PANEL;
                        let gate_base = 4 * (at(t) + r * hidden) + p * PANEL;
                        // SAFETY: only this thread touches these rows, and it is done with them before it
                        // writes their gradients below.
                        let gate = |g: usize| unsafe { self.gates.read(gate_base + g * hidden, units) };
                        let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
                        let c_before = &self.c[state..][..units];
                        let c = &self.c[state + batch * hidden..][..units];
                        let dh = &self.dh[state..][..units];
                        let dc = &mut dc[(first + r) * hidden + p * PANEL..][..units];
                        let mut d = [[0.0f32; PANEL]; 4];
                        let [di, df, dg, d_o] = &mut d;
                        for u in 0..units {
                            let tanh_c = tanh(c[u]);
                            let dh = dh[u] + tile[r][u];
                            let grad_c = dc[u] + dh * o[u] * (1.0 - tanh_c * tanh_c);
                            di[u] = grad_c * g[u] * i[u] * (1.0 - i[u]);
                            df[u] = grad_c * c_before[u] * f[u] * (1.0 - f[u]);
                            dg[u] = grad_c * i[u] * (1.0 - g[u] * g[u]);
                            d_o[u] = dh * tanh_c * o[u] * (1.0 - o[u]);
                            dc[u] = grad_c * f[u];
                        }
                        for (g, d) in d.iter().enumerate() {
                            // SAFETY: only this thread touches these rows of step `t`.
                            let dz = unsafe { self.gates.write(gate_base + g * hidden, units) };
                            dz.copy_from_slice(&d[..units]);
                            let factors = (first + r) * now.stride + g * hidden + p * PANEL;
                            for (slot, &d) in now.numbers[factors..factors + units].iter_mut().zip(d) {
                                *slot = F::round(d);
                            }
                        }
                    }
                }
            }
            std::mem::swap(&mut later, &mut now);
        }
    }
}

/// The logistic function; relative error below 1e-6 where it matters.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// `e^x` without branches or calls, so that loops over it vectorize: Cody–Waite reduction to
/// `|r| <= ln 2 / 2`, then a degree 6 Taylor polynomial.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.0
        + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    // `n` is an integer in -126..=127, so the shift builds the exponent of 2^n.
    p * f32::from_bits((((n as i32) + 127) << 23) as u32)
}
