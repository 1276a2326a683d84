//! How fast the network learns.

use std::rc::Rc;

use session::teach::{Place, Simd, TeachReply, TeachRequest};

use super::report::{Crops, Learning};
use crate::queue::Queue;
use crate::teacher::Teacher;
use crate::{adapter, js};

/// Sequences and events of the crops: what other engines are measured with, and what teaching learns from.
const SHAPES: [(usize, usize); 2] = [(8, 128), (12, 64)];
/// How long each is measured. Longer is steadier.
const AT_LEAST_MS: f64 = 8000.0;

/// Measures the worker for the CPU with these vectors, or for WebGPU, and tells how far it is.
///
/// # Errors
/// A sentence for the visitor.
pub async fn run(cpu: Option<Simd>, on_progress: impl Fn(String)) -> Result<Learning, String> {
    let asked = if cpu.is_none() { "webgpu" } else { "cpu" };
    let place = Place::all(adapter::find().await, Some(asked)).into_iter().next().unwrap_or_default();
    if (place == Place::Processor) != cpu.is_some() {
        return Err("This browser has no WebGPU.".to_owned());
    }
    if cpu == Some(Simd::Relaxed) && js::simd() == Simd::Plain {
        return Err("This browser has no relaxed SIMD.".to_owned());
    }
    let name = cpu.map_or_else(|| place.to_string(), |simd| format!("{place}, {simd}"));
    on_progress("Starting the worker…".into());
    let replies = Rc::new(Queue::default());
    let from_worker = Rc::clone(&replies);
    let teacher = Teacher::start(&place, cpu.unwrap_or_default(), move |reply, _| from_worker.put(reply));
    let teacher = teacher.map_err(|error| js::text(&error))?;
    let mut learning = Learning { place: name, crops: Vec::new() };
    for (batch, time) in SHAPES {
        on_progress(format!("Learning from {batch} sequences of {time} events…"));
        teacher.post(&TeachRequest::Bench { batch, time, at_least_ms: AT_LEAST_MS });
        loop {
            match replies.next().await {
                TeachReply::Benched { events_per_second, memory_bytes } => {
                    learning.crops.push(Crops { batch, time, events_per_second, memory_bytes });
                    break;
                }
                TeachReply::Failed { why } => return Err(why),
                TeachReply::Unsuited { why } | TeachReply::Crashed { why } => {
                    return Err(format!("The worker stopped: {why}."));
                }
                _ => {}
            }
        }
    }
    Ok(learning)
}
