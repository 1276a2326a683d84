//! Where the network runs: what the visitor wants, what the browser has, and which was measured to be faster.
//!
//! The CPU begins, because its program is small and ready at once. Where there is a GPU, a second worker is
//! measured on it once the first one is ready. The faster one stays and is remembered.

use serde::{Deserialize, Serialize};

use crate::Notice;
use crate::protocol::{BackendKind, Placement};

/// WebGPU in this browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// There is none.
    NoWebGpu,
    /// There is, but it has nothing to run on.
    Nothing,
    /// There is.
    Found {
        /// What to call it.
        name: String,
        /// Whether it runs on the CPU.
        is_software: bool,
    },
}

/// What the visitor wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// Whatever is faster.
    #[default]
    Faster,
    /// The same, measured again, even on a GPU that is software.
    Measured,
    /// The CPU.
    Cpu,
    /// The GPU, or a software adapter.
    WebGpu,
    /// Burn, in 32 bits.
    Burn,
    /// The same on the GPU, or a software adapter.
    BurnWebGpu,
}

impl Preference {
    /// Those to choose from.
    pub const ALL: [Self; 4] = [Self::Faster, Self::Cpu, Self::WebGpu, Self::Burn];

    /// As the page's address has it (`?backend=cpu`), and the page's storage.
    #[must_use]
    pub fn value(self) -> &'static str {
        match self {
            Self::Faster => "auto",
            Self::Measured => "measure",
            Self::Cpu => "cpu",
            Self::WebGpu => "webgpu",
            Self::Burn => "burn",
            Self::BurnWebGpu => "burn-webgpu",
        }
    }

    /// What the visitor reads.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Faster | Self::Measured => "whichever is faster",
            Self::Cpu => "the processor",
            Self::WebGpu => "the GPU",
            Self::Burn | Self::BurnWebGpu => "Burn, 32 bits (reference)",
        }
    }

    /// The preference of this value.
    #[must_use]
    pub fn from_value(value: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain([Self::Measured, Self::BurnWebGpu])
            .find(|preference| preference.value() == value)
    }
}

/// What was measured: events per second on the CPU and on a GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// The GPU's name.
    pub adapter: String,
    /// The address of its program, which names its content: another one is to be measured anew.
    pub program: String,
    /// Of the CPU.
    pub cpu: f64,
    /// Of the GPU; 0 if it failed.
    pub gpu: f64,
}

impl Benchmark {
    /// Whether the GPU is to play from now on.
    #[must_use]
    pub fn is_gpu_faster(&self) -> bool {
        self.gpu > self.cpu
    }
}

/// Where to begin, and what to measure in addition.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Here.
    pub placement: Placement,
    /// A GPU that was not measured yet.
    pub candidate: Option<Placement>,
}

impl Choice {
    /// What to do about a preference, with this adapter, after this measurement.
    #[must_use]
    pub fn of(preference: Preference, adapter: Adapter, benchmark: Option<&Benchmark>) -> Self {
        let cpu = |reason| Self { placement: Placement::cpu(reason), candidate: None };
        if preference == Preference::Cpu {
            return cpu(Notice::CpuAsked);
        }
        if matches!(preference, Preference::Burn | Preference::BurnWebGpu) {
            return Self { placement: burn(preference, adapter), candidate: None };
        }
        let (name, is_software) = match adapter {
            Adapter::NoWebGpu => return cpu(Notice::NoWebGpu),
            Adapter::Nothing => return cpu(Notice::NoAdapter),
            Adapter::Found { name, is_software } => (name, is_software),
        };
        let gpu = Placement {
            backend: BackendKind::WebGpu,
            is_asked: preference == Preference::WebGpu,
            adapter: name.clone(),
            is_software,
            reason: None,
        };
        let benchmark =
            benchmark.filter(|benchmark| benchmark.adapter == name && preference != Preference::Measured);
        match (preference, benchmark) {
            (Preference::WebGpu, _) => Self { placement: gpu, candidate: None },
            (Preference::Faster, _) if is_software => cpu(Notice::SoftwareAdapter { adapter: name }),
            (_, Some(benchmark)) if benchmark.is_gpu_faster() => Self { placement: gpu, candidate: None },
            (_, Some(_)) => cpu(Notice::GpuSlow { adapter: name }),
            (_, None) => {
                Self { placement: Placement::cpu(Notice::GpuUntried { adapter: name }), candidate: Some(gpu) }
            }
        }
    }
}

/// Where Burn runs.
fn burn(preference: Preference, adapter: Adapter) -> Placement {
    let (backend, adapter, is_software) = match adapter {
        Adapter::Found { name, is_software } if preference == Preference::BurnWebGpu => {
            (BackendKind::BurnWebGpu, name, is_software)
        }
        _ => (BackendKind::Burn, String::new(), false),
    };
    Placement { backend, is_asked: true, adapter, is_software, reason: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(is_software: bool) -> Adapter {
        Adapter::Found { name: "Fast 9000".into(), is_software }
    }

    fn choice(preference: Preference, benchmark: Option<(&str, f64, f64)>) -> Choice {
        let program = String::new();
        let benchmark =
            benchmark.map(|(name, cpu, gpu)| Benchmark { adapter: name.to_owned(), program, cpu, gpu });
        Choice::of(preference, adapter(false), benchmark.as_ref())
    }

    #[test]
    fn a_gpu_that_nobody_tried_is_measured_while_the_processor_plays() {
        let Choice { placement, candidate } = choice(Preference::Faster, None);
        assert_eq!(placement, Placement::cpu(Notice::GpuUntried { adapter: "Fast 9000".into() }));
        assert_eq!(candidate.unwrap().backend, BackendKind::WebGpu);
        assert!(
            choice(Preference::Faster, Some(("Old 1", 10.0, 20.0))).candidate.is_some(),
            "another adapter"
        );
    }

    #[test]
    fn the_faster_is_remembered() {
        let gpu = choice(Preference::Faster, Some(("Fast 9000", 4000.0, 9000.0)));
        assert_eq!((gpu.placement.backend, gpu.candidate), (BackendKind::WebGpu, None));
        let cpu = choice(Preference::Faster, Some(("Fast 9000", 4000.0, 300.0)));
        assert_eq!(cpu.placement.reason, Some(Notice::GpuSlow { adapter: "Fast 9000".into() }));
        assert_eq!(cpu.candidate, None);
        assert!(
            choice(Preference::Measured, Some(("Fast 9000", 4000.0, 300.0))).candidate.is_some(),
            "measured again"
        );
    }

    #[test]
    fn the_visitor_s_word_counts() {
        let slow = Some(("Fast 9000", 4000.0, 300.0));
        let Choice { placement, .. } = choice(Preference::WebGpu, slow);
        assert!(placement.backend == BackendKind::WebGpu && placement.is_asked);
        let fast = Some(("Fast 9000", 400.0, 3000.0));
        assert_eq!(choice(Preference::Cpu, fast).placement, Placement::cpu(Notice::CpuAsked));
    }

    #[test]
    fn burn_runs_on_a_gpu_where_it_is_asked_to() {
        let backend = |preference, adapter| Choice::of(preference, adapter, None).placement.backend;
        assert_eq!(backend(Preference::Burn, adapter(false)), BackendKind::Burn);
        assert_eq!(backend(Preference::BurnWebGpu, adapter(true)), BackendKind::BurnWebGpu);
        assert_eq!(
            backend(Preference::BurnWebGpu, Adapter::NoWebGpu),
            BackendKind::Burn,
            "there is no other"
        );
    }

    #[test]
    fn software_is_no_gpu_unless_asked_for() {
        let software = |preference| Choice::of(preference, adapter(true), None);
        assert_eq!(software(Preference::Faster).candidate, None);
        assert!(matches!(
            software(Preference::Faster).placement.reason,
            Some(Notice::SoftwareAdapter { .. })
        ));
        assert!(software(Preference::WebGpu).placement.is_software);
        assert!(software(Preference::Measured).candidate.unwrap().is_software);
        for preference in Preference::ALL {
            let without_gpu = Choice::of(preference, Adapter::Nothing, None).placement.backend;
            let expected = if preference == Preference::Burn { BackendKind::Burn } else { BackendKind::Cpu };
            assert_eq!(without_gpu, expected, "there is no other");
            assert_eq!(Preference::from_value(preference.value()), Some(preference));
        }
    }
}
