//! Where it learns.

use std::fmt;

use crate::engine::Adapter;

/// What the network learns on. Each is a separate program, and both are loaded only when somebody teaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The processor.
    #[default]
    Processor,
    /// WebGPU.
    WebGpu {
        /// What the adapter calls itself, as far as the browser tells.
        adapter: String,
        /// Whether it is the processor after all.
        is_software: bool,
    },
}

/// What the browser's WebAssembly has for vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Simd {
    /// Products and sums.
    #[default]
    Plain,
    /// Both in one instruction (relaxed SIMD).
    Relaxed,
}

impl Place {
    /// Where learning is possible; it begins in the first. WebGPU is tried only by those who ask for it
    /// (`?learn=webgpu`): it is too new.
    #[must_use]
    pub fn all(adapter: Adapter, asked: Option<&str>) -> Vec<Self> {
        let gpu = match adapter {
            Adapter::Found { name, is_software } if asked == Some("webgpu") => {
                Some(Self::WebGpu { adapter: name, is_software })
            }
            _ => None,
        };
        gpu.into_iter().chain([Self::Processor]).collect()
    }

    /// Script and wasm of its program, as Trunk names them.
    #[must_use]
    pub fn files(&self, simd: Simd) -> [&'static str; 2] {
        match (self, simd) {
            (Self::Processor, Simd::Plain) => ["worker_burn.js", "worker_burn_bg.wasm"],
            (Self::Processor, Simd::Relaxed) => ["worker_burn_relaxed.js", "worker_burn_relaxed_bg.wasm"],
            (Self::WebGpu { .. }, _) => ["worker_burn_gpu.js", "worker_burn_gpu_bg.wasm"],
        }
    }
}

impl fmt::Display for Simd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain SIMD",
            Self::Relaxed => "relaxed SIMD",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, adapter) = match self {
            Self::Processor => return write!(f, "the processor"),
            Self::WebGpu { adapter, is_software: false } => ("the GPU", adapter),
            Self::WebGpu { adapter, is_software: true } => ("software WebGPU, slowly", adapter),
        };
        if adapter.is_empty() { write!(f, "{place}") } else { write!(f, "{place} ({adapter})") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(adapter: Adapter, asked: Option<&str>, expected: &str) {
        let places: Vec<_> = Place::all(adapter, asked).iter().map(ToString::to_string).collect();
        assert_eq!(places.join(", "), expected);
    }

    #[test]
    fn a_gpu_learns_where_it_is_asked_to() {
        let found = |is_software| Adapter::Found { name: "Fast 9000".into(), is_software };
        check(Adapter::NoWebGpu, Some("webgpu"), "the processor");
        check(found(false), None, "the processor");
        check(found(false), Some("webgpu"), "the GPU (Fast 9000), the processor");
        check(found(true), None, "the processor");
        check(found(true), Some("webgpu"), "software WebGPU, slowly (Fast 9000), the processor");
    }
}
