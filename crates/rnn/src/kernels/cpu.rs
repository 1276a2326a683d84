//! The LSTM recurrence over a whole crop on the CPU, forward and backward through time.
//!
//! Batch rows are independent, so each thread takes a slice of the batch through the whole crop
//! without ever waiting for another. Gates are ordered input, forget, cell, output; a crop is
//! time-major, `[time, batch, …]`, so that one step is contiguous.

use rayon::prelude::*;

use super::tile::{MAX_ROWS, PANEL, Packed, Portable, Simd, Tile, multiply};

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
    /// Hidden states, `[time, batch, hidden]`.
    pub(super) h: Vec<f32>,
    /// Cell states, `[time, batch, hidden]`.
    pub(super) c: Vec<f32>,
    /// Activated gates, `[time, batch, 4 * hidden]`.
    pub(super) gates: Vec<f32>,
}

/// Runs the recurrence over a crop.
///
/// # Shapes
/// `xp`: `[time, batch, 4 * hidden]`, input projections with bias; `w`: `[hidden, 4 * hidden]`;
/// `h0`, `c0`: `[batch, hidden]`.
pub(super) fn forward(dims: Dims, xp: &[f32], w: &[f32], h0: &[f32], c0: &[f32]) -> Trace {
    let Dims { time, batch, hidden } = dims;
    let packed = Packed::new(hidden, hidden.div_ceil(UNITS), |k, column| {
        let (unit, gate) = (column / PANEL * UNITS + column % UNITS, column % PANEL / UNITS);
        if unit < hidden { w[k * 4 * hidden + gate * hidden + unit] } else { 0.0 }
    });
    let mut trace = Trace {
        h: vec![0.0; time * batch * hidden],
        c: vec![0.0; time * batch * hidden],
        gates: vec![0.0; time * batch * 4 * hidden],
    };
    let slices = BatchSlices {
        dims,
        h: Shared::new(&mut trace.h),
        c: Shared::new(&mut trace.c),
        gates: Shared::new(&mut trace.gates),
    };
    slices.for_each(|rows| detected(Forward { dims, rows, xp, packed: &packed, h0, c0, out: &slices }));
    trace
}

/// Runs the recurrence backwards: from the gradients of all hidden states to those of the
/// projections. Gradients stop at the crop's initial state (truncated backpropagation).
///
/// # Shapes
/// `dh`: `[time, batch, hidden]`; `w`: `[hidden, 4 * hidden]`; `c0`: `[batch, hidden]`. Returns the
/// gradient of `xp`, `[time, batch, 4 * hidden]`.
pub(super) fn backward(dims: Dims, dh: &[f32], w: &[f32], c0: &[f32], trace: &Trace) -> Vec<f32> {
    let Dims { time, batch, hidden } = dims;
    let packed = Packed::new(4 * hidden, hidden.div_ceil(PANEL), |k, unit| {
        if unit < hidden { w[unit * 4 * hidden + k] } else { 0.0 }
    });
    let mut dz = vec![0.0; time * batch * 4 * hidden];
    let out = Shared::new(&mut dz);
    let rows = batch.div_ceil(rayon::current_num_threads());
    (0..batch.div_ceil(rows)).into_par_iter().for_each(|i| {
        let rows = i * rows..batch.min((i + 1) * rows);
        detected(Backward { dims, rows, dh, packed: &packed, c0, trace, dz: &out });
    });
    dz
}

/// Work that is compiled once per instruction set and chosen at run time.
trait Kernel {
    fn run<S: Simd>(self);
}

fn detected(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
        fn avx512(kernel: impl Kernel) {
            kernel.run::<super::tile::Avx512>();
        }
        #[target_feature(enable = "avx2,fma")]
        fn avx2(kernel: impl Kernel) {
            kernel.run::<Portable>();
        }
        let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        if has_avx2
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the features were just detected.
            return unsafe { avx512(kernel) };
        }
        if has_avx2 {
            // SAFETY: the features were just detected.
            return unsafe { avx2(kernel) };
        }
    }
    kernel.run::<Portable>();
}

struct Forward<'a> {
    dims: Dims,
    rows: std::ops::Range<usize>,
    xp: &'a [f32],
    packed: &'a Packed,
    h0: &'a [f32],
    c0: &'a [f32],
    out: &'a BatchSlices<'a>,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Dims { time, batch, hidden } = self.dims;
        let mut tile: Tile = [[0.0; PANEL]; MAX_ROWS];
        for t in 0..time {
            for p in 0..self.packed.n_panels() {
                let panel = self.packed.panel(p);
                let units = UNITS.min(hidden - p * UNITS);
                for row in self.rows.clone().step_by(MAX_ROWS) {
                    let n_rows = MAX_ROWS.min(self.rows.end - row);
                    let at = |t: usize| (t * batch + row) * hidden;
                    // SAFETY: step `t - 1` of these rows was written by this thread and is not written again.
                    let (h, c) = if t == 0 {
                        (&self.h0[at(0)..], &self.c0[at(0)..])
                    } else {
                        unsafe {
                            (self.out.h.read(at(t - 1), n_rows * hidden), self.out.c.read(at(t - 1), n_rows * hidden))
                        }
                    };
                    multiply::<S>(h, hidden, n_rows, panel, &mut tile);
                    for r in 0..n_rows {
                        let state = at(t) + r * hidden + p * UNITS;
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
                        for (gate, activated) in activated.iter().enumerate() {
                            gates[gate * hidden + p * UNITS..][..units].copy_from_slice(&activated[..units]);
                        }
                    }
                }
            }
        }
    }
}

struct Backward<'a> {
    dims: Dims,
    rows: std::ops::Range<usize>,
    dh: &'a [f32],
    packed: &'a Packed,
    c0: &'a [f32],
    trace: &'a Trace,
    dz: &'a Shared<'a>,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Dims { time, batch, hidden } = self.dims;
        let mut tile: Tile = [[0.0; PANEL]; MAX_ROWS];
        // Gradient of the cell state, carried backwards; one row per batch row of this slice.
        let mut dc = vec![0.0f32; self.rows.len() * hidden];
        for t in (0..time).rev() {
            for p in 0..self.packed.n_panels() {
                let panel = self.packed.panel(p);
                let units = PANEL.min(hidden - p * PANEL);
                for row in self.rows.clone().step_by(MAX_ROWS) {
                    let n_rows = MAX_ROWS.min(self.rows.end - row);
                    let at = |t: usize| (t * batch + row) * hidden;
                    if t + 1 < time {
                        // SAFETY: step `t + 1` of these rows was written by this thread, and only step `t` is
                        // written now.
                        let dz = unsafe { self.dz.read(4 * at(t + 1), 4 * n_rows * hidden) };
                        multiply::<S>(dz, 4 * hidden, n_rows, panel, &mut tile);
                    } else {
                        tile = [[0.0; PANEL]; MAX_ROWS];
                    }
                    for r in 0..n_rows {
                        let state = at(t) + r * hidden + p * PANEL;
                        let gate_base = 4 * (at(t) + r * hidden) + p * PANEL;
                        let gate = |g: usize| &self.trace.gates[gate_base + g * hidden..][..units];
                        let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
                        let c = &self.trace.c[state..][..units];
                        let c_before = if t == 0 {
                            &self.c0[row * hidden + r * hidden + p * PANEL..][..units]
                        } else {
                            &self.trace.c[state - batch * hidden..][..units]
                        };
                        let dh = &self.dh[state..][..units];
                        let dc = &mut dc[(row - self.rows.start + r) * hidden + p * PANEL..][..units];
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
                            // SAFETY: only this thread writes these rows of step `t`.
                            let dz = unsafe { self.dz.write(gate_base + g * hidden, units) };
                            dz.copy_from_slice(&d[..units]);
                        }
                    }
                }
            }
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
    // SAFETY-free: `n` is an integer in -126..=127, so the shift builds the exponent of 2^n.
    p * f32::from_bits((((n as i32) + 127) << 23) as u32)
}

/// The forward pass's outputs, written by several threads, each its own batch rows.
struct BatchSlices<'a> {
    dims: Dims,
    h: Shared<'a>,
    c: Shared<'a>,
    gates: Shared<'a>,
}

impl BatchSlices<'_> {
    fn for_each(&self, work: impl Fn(std::ops::Range<usize>) + Sync) {
        let batch = self.dims.batch;
        let rows = batch.div_ceil(rayon::current_num_threads());
        (0..batch.div_ceil(rows)).into_par_iter().for_each(|i| work(i * rows..batch.min((i + 1) * rows)));
    }
}

/// A buffer that threads share, each keeping to rows of its own.
struct Shared<'a> {
    start: *mut f32,
    len: usize,
    buffer: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: access goes through `read` and `write`, whose callers promise disjoint rows per thread.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    fn new(buffer: &'a mut [f32]) -> Self {
        Self { start: buffer.as_mut_ptr(), len: buffer.len(), buffer: std::marker::PhantomData }
    }

    /// # Safety
    /// Nobody may write this range while the slice is alive.
    unsafe fn read(&self, start: usize, len: usize) -> &[f32] {
        assert!(start + len <= self.len);
        // SAFETY: in bounds; the caller promises that nobody writes.
        unsafe { std::slice::from_raw_parts(self.start.add(start), len) }
    }

    /// # Safety
    /// Nobody else may read or write this range while the slice is alive.
    #[expect(clippy::mut_from_ref, reason = "disjoint rows are the caller's promise")]
    unsafe fn write(&self, start: usize, len: usize) -> &mut [f32] {
        assert!(start + len <= self.len);
        // SAFETY: in bounds; the caller promises that nobody else looks.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
