//! A device with a model on it.

use std::cell::Cell;

use burn::tensor::Device;
use rnn::{Generator, Model, Settings};

use super::adapter::{self, Adapter};
use super::{now_ms, post};
use web::notice::Notice;
use web::protocol::{self, Backend, Reply, Sampling};

/// Events composed on trial. The first ones compile the GPU's programs; the rest tell the speed.
const WARM_UP_EVENTS: usize = 8;
const TRIAL_EVENTS: usize = 24;

/// The device, opened once, and the model in use.
pub(super) struct Engine {
    device: Device,
    place: Place,
    model: Option<Model>,
}

/// Where the device is.
#[derive(Clone, Debug)]
struct Place {
    backend: Backend,
    adapter: String,
    is_software: bool,
    reason: Option<Notice>,
}

impl Place {
    fn cpu(reason: Notice) -> Self {
        Self { backend: Backend::Cpu, adapter: String::new(), is_software: false, reason: Some(reason) }
    }
}

impl Engine {
    /// Opens the device asked for, or the fastest; the processor when there is no other.
    pub(super) async fn open(asked: Option<Backend>) -> Self {
        let (device, place) = open_device(asked).await;
        Self { device, place, model: None }
    }

    /// Whether a failure may come from a lost GPU, which only a new worker can open again.
    pub(super) fn can_be_lost(&self) -> bool {
        self.place.backend == Backend::WebGpu
    }

    /// Puts the released model on the device, tries it, and tells the page.
    ///
    /// # Errors
    /// If the bytes are no weights.
    pub(super) async fn load(&mut self, bytes: &[u8]) -> Result<(), Notice> {
        self.put(bytes, "base").await.map_err(|why| Notice::WeightsCorrupt { why })
    }

    /// The same with a visitor's own file; when that fails, the model in use stays.
    ///
    /// # Errors
    /// If the bytes are no weights.
    pub(super) async fn load_file(&mut self, file: &str, bytes: &[u8]) -> Result<(), Notice> {
        let name = file.strip_suffix(".safetensors").unwrap_or(file);
        self.put(bytes, name).await.map_err(|why| Notice::ModelFileRefused { file: file.to_owned(), why })
    }

    /// A generator that has heard nothing yet; `None` before a model is there.
    pub(super) fn generator(&self, sampling: Sampling, seed: u64) -> Option<Generator> {
        Some(Generator::new(self.model.clone()?, settings(sampling), seed))
    }

    async fn put(&mut self, bytes: &[u8], name: &str) -> Result<(), String> {
        let (_, facts) = rnn::weights::read_metadata(bytes).map_err(|error| error.to_string())?;
        let model = rnn::weights::load(bytes, &self.device).map_err(|error| error.to_string())?;
        let events_per_second = try_out(&model).await.map_err(|error| error.to_string())?;
        self.model = Some(model);
        let Place { backend, adapter, is_software, reason } = self.place.clone();
        let model = protocol::Model {
            name: name.to_owned(),
            validation_nats: facts.get("validation_nats").and_then(|nats| nats.parse().ok()),
            license: facts.get("license").cloned(),
        };
        post(&Reply::Ready {
            engine: protocol::Engine { backend, adapter, is_software, reason, events_per_second, model },
        });
        Ok(())
    }
}

/// The sampler's settings.
pub(super) fn settings(sampling: Sampling) -> Settings {
    Settings { temperature: sampling.temperature, top_p: sampling.top_p }
}

/// Composes a little; returns events per second.
async fn try_out(model: &Model) -> Result<f64, rnn::Error> {
    let mut generator = Generator::new(model.clone(), Settings::default(), 0);
    generator.next_chunk(WARM_UP_EVENTS).await?;
    let started = now_ms();
    generator.next_chunk(TRIAL_EVENTS).await?;
    Ok(TRIAL_EVENTS as f64 * 1000.0 / (now_ms() - started).max(0.1))
}

async fn open_device(asked: Option<Backend>) -> (Device, Place) {
    let cpu = |reason| (Device::flex(), Place::cpu(reason));
    if asked == Some(Backend::Cpu) {
        return cpu(Notice::CpuAsked);
    }
    let (adapter, is_software) = match adapter::find().await {
        Adapter::NoWebGpu => return cpu(Notice::NoWebGpu),
        Adapter::NoAdapter => return cpu(Notice::NoAdapter),
        Adapter::Found { name, is_software: true } if asked.is_none() => {
            return cpu(Notice::SoftwareAdapter { adapter: name });
        }
        Adapter::Found { name, is_software } => (name, is_software),
    };
    // Opening the same device again is an error; a failed attempt counts, too.
    thread_local!(static WAS_TRIED: Cell<bool> = const { Cell::new(false) });
    if WAS_TRIED.replace(true) {
        return cpu(Notice::GpuFailed { why: "it was tried before".into() });
    }
    match Device::wgpu_options().init_async().await {
        Ok(device) => (device, Place { backend: Backend::WebGpu, adapter, is_software, reason: None }),
        Err(error) => cpu(Notice::GpuFailed { why: error.to_string().trim_end_matches('.').to_owned() }),
    }
}
