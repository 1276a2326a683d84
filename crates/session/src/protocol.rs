//! Messages between page and worker: plain data, posted as JSON strings.

use performance::{Entry, Origin, Pitch, Recipe, Token};
use serde::{Deserialize, Serialize};

use crate::Notice;

/// Which performance something is about. Later performances have larger numbers.
pub type TakeId = u32;

/// Page to worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Open the device, fetch the weights, get ready. Also retries after a failure.
    Load {
        /// Absolute: a worker that was started from a blob resolves no relative ones.
        weights_url: String,
        /// Where the worker runs the network, for its answers.
        placement: Placement,
    },
    /// Take the weights from a visitor's own file, whose bytes travel beside this message.
    LoadFile {
        /// The file's name, for the model's card and for sentences.
        name: String,
    },
    /// Compose these performances side by side, the first of them first. Others that are being composed end;
    /// one that is already composed in this epoch goes on.
    Start {
        /// What to compose.
        jobs: Vec<Job>,
    },
    /// Compose a performance anew from a token on.
    Steer {
        /// Which performance.
        take: TakeId,
        /// A number above that of all earlier requests for this performance; replies carry it.
        epoch: u32,
        /// The first token in which worker and page may differ.
        agreed: usize,
        /// The tokens from there on that stay.
        tokens: Vec<Token>,
        /// What happens after them.
        entries: Vec<Entry>,
    },
    /// How far the play-head has come, so that endless performances stay a little ahead, not more.
    Played {
        /// Music time since the primer's end, in microseconds.
        position_us: u64,
    },
    /// Compose no more.
    Stop,
    /// Post [`Reply::Considered`] with events, or no more.
    Consider {
        /// Whether to.
        is_asked: bool,
    },
    /// Measure how fast `takes` performances are composed at once; one that is being composed ends.
    Bench {
        /// How many.
        takes: usize,
        /// Shortest time to measure.
        at_least_ms: f64,
    },
    /// Post [`Reply::Logits`] of the event after these.
    Logits {
        /// What the network reads first.
        tokens: Vec<Token>,
    },
    /// Post [`Reply::Tick`] regularly: a hidden page's own timers are slowed down to one a second.
    Tick {
        /// Milliseconds between ticks; `None` ends them.
        every_ms: Option<u32>,
    },
}

/// A performance to compose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub take: TakeId,
    /// The page's epoch: it rises with each splice and each restart of a worker.
    pub epoch: u32,
    /// What it follows from.
    pub recipe: Recipe,
    /// The tokens that were composed before; composing continues after them.
    pub composed: Vec<Token>,
    /// How much to compose, `composed` included, in microseconds of music; `None` continues until stopped.
    pub length_us: Option<u64>,
}

/// Worker to page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The worker runs and listens.
    Alive,
    /// Weights are being downloaded. Not sent when they come from the cache.
    Downloading {
        /// So far.
        received_bytes: u64,
        /// The size, when the server gives it.
        total_bytes: Option<u64>,
    },
    /// The weights are here; the device is being prepared.
    Preparing,
    /// Performances can be asked for.
    Ready {
        /// What runs where.
        engine: Engine,
    },
    /// The network cannot run well here: the CPU has to do it.
    Unsuited {
        /// What to tell the visitor.
        reason: Notice,
    },
    /// The network is reading the primer.
    Prefilling {
        /// For which performance.
        take: TakeId,
        /// Tokens read so far.
        done: usize,
        /// The total.
        total: usize,
    },
    /// More of the performance.
    Events {
        /// Which.
        take: TakeId,
        /// The epoch that it belongs to.
        epoch: u32,
        /// Index of the first of these tokens.
        at: usize,
        /// The next tokens, with the velocity offset still applied.
        tokens: Vec<Token>,
        /// How long composing them took, in milliseconds.
        busy_ms: f64,
    },
    /// What the network considered striking at a moment.
    Considered {
        /// In which performance.
        take: TakeId,
        /// When, in microseconds since the primer's end.
        at_us: u64,
        /// Keys and their probabilities, the likeliest first.
        keys: Vec<(Pitch, f32)>,
    },
    /// The requested length is reached.
    Finished {
        /// Of which performance.
        take: TakeId,
        /// The epoch that it belongs to.
        epoch: u32,
    },
    /// What was measured.
    Benched {
        /// One number of takes.
        batch: Batch,
    },
    /// See [`Request::Logits`].
    Logits {
        /// One for each event; none before a network is loaded.
        logits: Vec<f32>,
    },
    /// Something went wrong.
    Failed {
        /// What to tell the visitor.
        notice: Notice,
    },
    /// The worker is broken; a new one is needed.
    Crashed {
        /// What is known.
        why: String,
    },
    /// See [`Request::Tick`].
    Tick,
}

/// How fast several performances were composed at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// How many.
    pub takes: usize,
    /// Events of each take in a chunk.
    pub chunk_events: usize,
    /// How long each chunk took, in milliseconds.
    pub chunks_ms: Vec<f64>,
    /// All of them, and what was between them.
    pub took_ms: f64,
    /// The worker's memory.
    pub memory_bytes: u64,
}

/// What runs the network. Each is a separate program, since the one for GPUs is many times larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendKind {
    /// The CPU.
    Cpu,
    /// A GPU, or what passes for one: see [`Placement::is_software`].
    WebGpu,
    /// Burn on the CPU, in 32 bits: the network that learns, as the reference for the others.
    Burn,
    /// The same on a GPU, or what passes for one.
    BurnWebGpu,
}

impl BackendKind {
    /// Its script and its wasm, as Trunk names them.
    #[must_use]
    pub fn files(self) -> [&'static str; 2] {
        match self {
            Self::Cpu => ["worker_cpu.js", "worker_cpu_bg.wasm"],
            Self::WebGpu => ["worker_gpu.js", "worker_gpu_bg.wasm"],
            Self::Burn => ["worker_burn.js", "worker_burn_bg.wasm"],
            Self::BurnWebGpu => ["worker_burn_gpu.js", "worker_burn_gpu_bg.wasm"],
        }
    }

    /// Whether it runs on WebGPU, which can be lost.
    #[must_use]
    pub fn is_on_webgpu(self) -> bool {
        matches!(self, Self::WebGpu | Self::BurnWebGpu)
    }

    /// What does the same work without a GPU.
    #[must_use]
    pub fn on_cpu(self) -> Self {
        match self {
            Self::Cpu | Self::WebGpu => Self::Cpu,
            Self::Burn | Self::BurnWebGpu => Self::Burn,
        }
    }
}

/// Where the network runs, and why there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// On what.
    pub backend: BackendKind,
    /// Whether the visitor has chosen it.
    pub is_asked: bool,
    /// The GPU's name, as far as the browser gives it; empty for the CPU.
    pub adapter: String,
    /// WebGPU emulated on the CPU: never to be called a GPU.
    pub is_software: bool,
    /// Why it is not a GPU.
    pub reason: Option<Notice>,
}

impl Placement {
    /// The CPU, for a reason.
    #[must_use]
    pub fn cpu(reason: Notice) -> Self {
        let is_asked = reason == Notice::CpuAsked;
        let (adapter, is_software) = (String::new(), false);
        Self { backend: BackendKind::Cpu, is_asked, adapter, is_software, reason: Some(reason) }
    }

    /// The CPU in place of this, for a reason.
    #[must_use]
    pub fn on_cpu(&self, reason: Notice) -> Self {
        Self { backend: self.backend.on_cpu(), ..Self::cpu(reason) }
    }
}

/// What runs where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// Where.
    pub placement: Placement,
    /// Speed measured while getting ready.
    pub events_per_second: f64,
    /// What it plays with.
    pub model: Model,
}

/// The facts of a weights file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `base`, or the name of the visitor's file.
    pub name: String,
    /// Loss on the validation set, in nats per event.
    pub validation_nats: Option<f64>,
    /// Under which terms the weights may be used.
    pub license: Option<String>,
    /// The composers that it can lean towards.
    #[serde(default)]
    pub composers: Vec<String>,
    /// What takes that are drawn with it come from.
    pub origin: Option<Origin>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes over the wire is checked where it is read, so that nothing else can get in.
    #[test]
    fn nonsense_is_an_error_that_says_what_was_found() {
        #[track_caller]
        fn check(json: &str, expected: &str) {
            let error = serde_json::from_str::<Reply>(json).expect_err("nonsense").to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let events = |tokens: &str| {
            format!(r#"{{"Events":{{"take":1,"epoch":0,"at":0,"tokens":{tokens},"busy_ms":1.0}}}}"#)
        };
        check(&events("[60,413]"), "expected a token below 413, found 413");
        check(&events("[70000]"), "invalid value: integer `70000`");
        check(r#"{"Sing":{}}"#, "unknown variant `Sing`");
        let steer = r#"{"Steer":{"take":1,"epoch":1,"agreed":0,"tokens":[],
            "entries":[{"at":3,"input":{"Sampling":{"temperature":99.0,"top_p":1.0}}}]}}"#;
        let error = serde_json::from_str::<Request>(steer).expect_err("nonsense").to_string();
        assert!(error.starts_with("expected temperature of 0.05 to 5, found 99"), "{error}");
    }
}
