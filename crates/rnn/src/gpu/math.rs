//! The functions of the gates, spelled out as `math` has them, so that no device's own are asked: each has
//! others.

use cubecl::prelude::*;

use performance::math::{EXP_LIMIT, EXP2};

/// eˣ as `math::exp` has it, step by step.
#[cube]
pub(super) fn exp<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let bounded = clamp(x, Vector::new(-EXP_LIMIT), Vector::new(EXP_LIMIT));
    let t = bounded * Vector::new(std::f32::consts::LOG2_E);
    let n = t.round();
    let r = t - n;
    let mut sum = Vector::<f32, N>::new(comptime!(EXP2[0]));
    #[unroll]
    for i in 0..comptime!(EXP2.len() - 1) {
        sum = sum * r + Vector::new(comptime!(EXP2[i + 1]));
    }
    let exponent = Vector::<i32, N>::cast_from(n) << Vector::new(23i32);
    Vector::<f32, N>::reinterpret(Vector::<i32, N>::reinterpret(sum) + exponent)
}

#[cube]
pub(super) fn sigmoid<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0f32);
    one / (one + exp::<N>(-x))
}

#[cube]
pub(super) fn tanh<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0f32);
    let two = Vector::<f32, N>::new(2.0f32);
    one - two / (one + exp::<N>(two * x))
}
