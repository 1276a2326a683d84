//! A device with a model on it.

use std::cell::Cell;

use burn::tensor::Device;
use rnn::{Generator, Model, Settings};

use super::adapter::{self, Adapter};
use super::{now_ms, post};
use web::notice::Notice;
use web::protocol::{self, Backend, Reply, Sampling};

/// Events composed on trial. The first ones compile the GPU's programs; the rest tell the speed, as many as
/// fit into the time.
const WARM_UP_EVENTS: usize = 2;
const TRIAL_EVENTS: usize = 24;
const TRIAL_MS: f64 = 300.0;
/// A GPU with fewer events per second than this is hardly as fast as playing; the processor may be faster.
const SLUGGISH: f64 = 60.0;

/// The device, opened once, and the model in use.
pub(super) struct Engine {
    device: Device,
    place: Place,
    /// Whether the visitor has chosen the place.
    is_asked: bool,
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
        Self { device, place, is_asked: asked.is_some(), model: None }
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
        let (mut model, mut events_per_second) = open_model(bytes, &self.device).await?;
        if self.place.backend == Backend::WebGpu && !self.is_asked && events_per_second < SLUGGISH {
            let device = Device::flex();
            let (other, speed) = open_model(bytes, &device).await?;
            if speed > events_per_second {
                let adapter = self.place.adapter.clone();
                (model, events_per_second) = (other, speed);
                (self.device, self.place) = (device, Place::cpu(Notice::GpuSlow { adapter }));
            }
        }
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

/// A model and its speed in events per second.
async fn open_model(bytes: &[u8], device: &Device) -> Result<(Model, f64), String> {
    let model = rnn::weights::load(bytes, device).map_err(|error| error.to_string())?;
    let speed = try_out(&model).await.map_err(|error| error.to_string())?;
    Ok((model, speed))
}

async fn try_out(model: &Model) -> Result<f64, rnn::Error> {
    let mut generator = Generator::new(model.clone(), Settings::default(), 0);
    generator.next_chunk(WARM_UP_EVENTS).await?;
    let (started, mut n) = (now_ms(), 0);
    while n < TRIAL_EVENTS && now_ms() - started < TRIAL_MS {
        generator.next_chunk(1).await?;
        n += 1;
    }
    Ok(n as f64 * 1000.0 / (now_ms() - started).max(0.1))
}

async fn open_device(asked: Option<Backend>) -> (Device, Place) {
    let cpu = |reason| (Device::flex(), Place::cpu(reason));
    if asked == Some(Backend::Cpu) {
        return cpu(Notice::CpuAsked);
    }
    let (adapter, is_software) = match adapter::find().await {
        Adapter::NoWebGpu => return cpu(Notice::NoWebGpu),
        Adapter::Nothing => return cpu(Notice::NoAdapter),
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
