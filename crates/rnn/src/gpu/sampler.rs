//! The sampler's kernels: what `sampling::sample` does, without leaving the device.

use cubecl::prelude::*;

use super::layout::{
    BROKEN, DONE, HEARD, LAST, LAST_STRUCK, LOGIT_COLUMNS, N_PITCHES, N_TOKENS, NOW, PITCH_DONE, STRUCK,
};
use super::math::exp;
use crate::sampling::{
    CROWD_NATS_PER_NOTE, CROWD_NOTES, PITCH_STRIKE_EXCESS_AFTER_STEPS, PITCH_STRIKE_EXCESS_NATS_PER_STEP,
    RELEASE_AFTER_SECS, RELEASE_NATS_PER_SEC, REST_AFTER_SECS, REST_NATS_PER_SEC, STEP_SECS,
    STRIKE_EXCESS_AFTER_STEPS, STRIKE_EXCESS_NATS_PER_STEP,
};
use crate::takes::GUIDANCE;

/// Threads that share the events.
pub(super) const SAMPLER_UNITS: usize = 256;

/// Events that one thread adds up in order: 32 of them cover the vocabulary.
const RUN: usize = 13;
const N_RUNS: usize = 32;
const SOUNDING_WORDS: usize = N_PITCHES / 32;
const STRIKE_STEPS: u32 = performance::STRIKE_STEPS as u32;
const N_PITCH_CLASSES: usize = performance::N_PITCH_CLASSES;
const PITCH_STRIKE_STEPS: u32 = performance::PITCH_STRIKE_STEPS as u32;
const FIRST_TIME_SHIFT: usize = 2 * N_PITCHES;
const MAX_SHIFT_STEPS: usize = performance::MAX_SHIFT_STEPS as usize;
const FIRST_VELOCITY: usize = FIRST_TIME_SHIFT + MAX_SHIFT_STEPS;

/// Records an event: the last one, the pitches that are down after it, and since when.
#[cube]
fn note(heard: &mut [u32], stream: usize, token: u32) {
    let at = stream * HEARD;
    heard[at + LAST] = token;
    if token < comptime!(2 * N_PITCHES as u32) {
        let pitch = token % comptime!(N_PITCHES as u32);
        let word = at + (pitch / 32) as usize;
        let bit = 1u32 << (pitch % 32);
        if token < comptime!(N_PITCHES as u32) {
            heard[word] |= bit;
            heard[at + STRUCK + pitch as usize] = heard[at + NOW];
            heard[at + LAST_STRUCK] = heard[at + NOW];
            heard[at + DONE] = max(heard[at + DONE], heard[at + NOW]) + STRIKE_STEPS;
            let done = at + PITCH_DONE + pitch as usize;
            heard[done] = max(heard[done], heard[at + NOW]) + PITCH_STRIKE_STEPS;
        } else {
            heard[word] &= !bit;
        }
    } else if token < comptime!((FIRST_TIME_SHIFT + MAX_SHIFT_STEPS) as u32) {
        heard[at + NOW] += token - comptime!(FIRST_TIME_SHIFT as u32 - 1);
    }
}

/// What is added to the logit of a sounding pitch's NOTE_OFF, as in `sampling::LogitBias`.
#[cube]
fn release(heard: &[u32], stream: usize, pitch: usize) -> f32 {
    let at = stream * HEARD;
    let steps = heard[at + NOW] - heard[at + STRUCK + pitch];
    let mut n_notes = 0u32;
    for word in 0..SOUNDING_WORDS {
        n_notes += heard[at + word].count_ones();
    }
    let crowd = max(n_notes as f32 - CROWD_NOTES, 0.0f32) * CROWD_NATS_PER_NOTE;
    max(steps as f32 * STEP_SECS - RELEASE_AFTER_SECS, 0.0f32) * RELEASE_NATS_PER_SEC + crowd
}

/// What is added to the logits of all NOTE_ONs and VELOCITYs.
#[cube]
fn begin(heard: &[u32], stream: usize) -> f32 {
    let at = stream * HEARD;
    let steps = heard[at + NOW] - heard[at + LAST_STRUCK];
    let rest = max(steps as f32 * STEP_SECS - REST_AFTER_SECS, 0.0f32) * REST_NATS_PER_SEC;
    let strike_excess = max(heard[at + DONE], heard[at + NOW]) - heard[at + NOW];
    rest - max(strike_excess as f32 - STRIKE_EXCESS_AFTER_STEPS, 0.0f32) * STRIKE_EXCESS_NATS_PER_STEP
}

/// What is added to the logit of a TIME_SHIFT.
#[cube]
fn wait(steps: u32, nats_per_doubling: f32) -> f32 {
    // As `sampling::doublings`: the exponent, and the mantissa as a fraction.
    let bits = u32::reinterpret(steps as f32) - 0x3f80_0000u32;
    bits as f32 / 8_388_608.0f32 * nats_per_doubling
}

/// What is taken from the logit of a pitch's NOTE_ON.
#[cube]
fn strike_excess_on(heard: &[u32], stream: usize, pitch: usize) -> f32 {
    let at = stream * HEARD;
    let strike_excess = max(heard[at + PITCH_DONE + pitch], heard[at + NOW]) - heard[at + NOW];
    max(strike_excess as f32 - PITCH_STRIKE_EXCESS_AFTER_STEPS, 0.0f32) * PITCH_STRIKE_EXCESS_NATS_PER_STEP
}

/// Reads a given event. One unit per take; a forked one is two streams, the second unconditional.
///
/// # Shapes
/// `orders`: `[takes, 1 + capacity]`, the number of events done so far and then the events;
/// `heard`: `[streams, HEARD]`.
#[cube(launch_unchecked)]
pub(super) fn step(
    orders: &mut [u32],
    heard: &mut [u32],
    takes: usize,
    capacity: usize,
    #[comptime] is_forked: bool,
) {
    let take = ABSOLUTE_POS;
    if take < takes {
        let at = take * (1 + capacity);
        let done = orders[at];
        let token = orders[at + 1 + done as usize];
        orders[at] = done + 1;
        note(heard, take, token);
        if is_forked {
            note(heard, takes + take, token);
        }
    }
}

/// Draws an event and reads it: guidance as in [`crate::Takes`]; temperature, legality, biases, top-p and
/// random number as in `sampling::sample`, in 32 bits. One cube per take.
///
/// # Shapes
/// `logits`: `[streams, LOGIT_COLUMNS]`; `params`: temperature, top-p, bias of TIME_SHIFTs, a bit for each pitch
/// class that may begin; `orders`: as in [`step`], with the bits of a number in 0..1 for each event;
/// `tokens`: `[capacity, takes]`.
#[cube(launch_unchecked)]
pub(super) fn sample(
    logits: &[f32],
    params: &[f32],
    orders: &mut [u32],
    heard: &mut [u32],
    tokens: &mut [u32],
    takes: usize,
    capacity: usize,
    #[comptime] is_forked: bool,
) {
    let stream = CUBE_POS;
    let lane = UNIT_POS as usize;
    let padded = comptime!(N_RUNS * RUN);
    // A logit that is not to be drawn is so low that its weight is zero.
    let never = f32::new(-1e30);
    let mut logit = Shared::<[f32]>::new_slice(padded);
    let mut weight = Shared::<[f32]>::new_slice(padded);
    let mut partial = Shared::<[f32]>::new_slice(N_RUNS);
    let mut broken = Shared::<[u32]>::new_slice(N_RUNS);

    for i in range_stepped(lane, padded, SAMPLER_UNITS) {
        let mut value = never;
        if i < N_TOKENS {
            value = logits[stream * LOGIT_COLUMNS + i];
            if is_forked {
                let unconditional = logits[(takes + stream) * LOGIT_COLUMNS + i];
                value = unconditional + GUIDANCE * (value - unconditional);
            }
            if i < FIRST_TIME_SHIFT {
                let pitch = i % N_PITCHES;
                let down = heard[stream * HEARD + pitch / 32] >> (pitch % 32) as u32 & 1;
                let off = (i / N_PITCHES) as u32;
                let classes = u32::cast_from(params[3]);
                let is_left_out = off == 0 && classes >> (pitch % N_PITCH_CLASSES) as u32 & 1 == 0;
                // Not a number stays what it is, to be found below.
                if (down != off || is_left_out) && u32::reinterpret(value) & 0x7f80_0000 != 0x7f80_0000 {
                    value = never;
                }
                if down == 1 && off == 1 {
                    value += release(&*heard, stream, pitch);
                }
                if down == 0 && off == 0 {
                    value += begin(&*heard, stream) - strike_excess_on(&*heard, stream, pitch);
                }
            }
            if i >= FIRST_VELOCITY {
                value += begin(&*heard, stream);
            } else if i >= FIRST_TIME_SHIFT {
                value += wait((i - FIRST_TIME_SHIFT + 1) as u32, params[2]);
            }
        }
        logit[i] = value;
    }
    sync_cube();

    if lane < N_RUNS {
        let mut highest = never;
        let mut found = 0u32;
        for i in 0..RUN {
            let value = logit[lane * RUN + i];
            if u32::reinterpret(value) & 0x7f80_0000 == 0x7f80_0000 {
                found = 1u32;
            }
            highest = max(highest, value);
        }
        partial[lane] = highest;
        broken[lane] = found;
    }
    sync_cube();

    let mut highest = never;
    for i in 0..N_RUNS {
        highest = max(highest, partial[i]);
    }
    let temperature = params[0];
    for i in range_stepped(lane, padded, SAMPLER_UNITS) {
        let mut value = 0.0f32;
        if logit[i] > never {
            value = exp::<Const<1>>(Vector::new((logit[i] - highest) / temperature)).extract(0usize);
        }
        weight[i] = value;
    }
    sync_cube();

    let top_p = params[1];
    if top_p < 1.0 {
        keep_likeliest(&logit, &mut weight, lane, top_p);
    }

    if lane < N_RUNS {
        let mut sum = 0.0f32;
        for i in 0..RUN {
            sum += weight[lane * RUN + i];
        }
        partial[lane] = sum;
    }
    sync_cube();

    if lane == 0 {
        let at = stream * (1 + capacity);
        let done = orders[at] as usize;
        let mut total = 0.0f32;
        let mut fault = 0u32;
        for run in 0..N_RUNS {
            total += partial[run];
            fault |= broken[run];
        }
        let mut left = f32::reinterpret(orders[at + 1 + done]) * total;
        // The run that the draw falls into. Rounding can leave a small remainder, which goes to the last
        // event.
        let mut run = 0usize.runtime();
        let mut chosen = 0usize.runtime();
        let mut searching = true.runtime();
        for i in 0..N_RUNS {
            if searching && partial[i] > 0.0 {
                run = i;
                if left < partial[i] {
                    searching = false;
                } else {
                    left -= partial[i];
                }
            }
        }
        searching = true.runtime();
        for i in 0..RUN {
            let value = weight[run * RUN + i];
            if searching && value > 0.0 {
                chosen = run * RUN + i;
                left -= value;
                if left < 0.0 {
                    searching = false;
                }
            }
        }
        let token = chosen as u32;
        orders[at] = done as u32 + 1;
        tokens[done * takes + stream] = if fault == 0 { token } else { BROKEN.runtime() };
        note(heard, stream, token);
        if is_forked {
            note(heard, takes + stream, token);
        }
    }
}

/// Clears the weights of all but the smallest set of likeliest events whose share reaches `top_p`; of equal
/// logits the lower event is the likelier.
#[cube]
fn keep_likeliest(logit: &Shared<[f32]>, weight: &mut Shared<[f32]>, lane: usize, top_p: f32) {
    let padded = comptime!(N_RUNS * RUN);
    let mut dropped = Array::<bool>::new(comptime!(padded.div_ceil(SAMPLER_UNITS)));
    #[unroll]
    for part in 0..comptime!(padded.div_ceil(SAMPLER_UNITS)) {
        let mine = part * SAMPLER_UNITS + lane;
        dropped[part] = false;
        if mine < padded {
            let own = logit[mine];
            let mut likelier = 0.0f32;
            let mut total = 0.0f32;
            for i in 0..padded {
                let other = weight[i];
                total += other;
                if logit[i] > own || (logit[i] == own && i < mine) {
                    likelier += other;
                }
            }
            dropped[part] = likelier >= top_p * total;
        }
    }
    sync_cube();
    #[unroll]
    for part in 0..comptime!(padded.div_ceil(SAMPLER_UNITS)) {
        let mine = part * SAMPLER_UNITS + lane;
        if mine < padded && dropped[part] {
            weight[mine] = 0.0f32;
        }
    }
    sync_cube();
}
