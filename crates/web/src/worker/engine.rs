//! A device with a network on it.

use performance::{Origin, Recipe, Sampling, Token};
use rnn::{Backend, Continuation, Generate, Quantized};
use sha2::{Digest, Sha256};

use super::{now_ms, post};
use session::Notice;
use session::protocol::{self, Placement, Reply};

/// Events before the benchmark. The first ones compile the GPU's programs.
const WARM_UP_EVENTS: usize = 2;
/// The benchmark's chunks grow until one takes this long.
const TRIAL_MS: f64 = 60.0;
const MAX_TRIAL_EVENTS: usize = 256;

/// What a worker computes with.
#[expect(async_fn_in_trait, reason = "a worker has one thread, and its futures stay there")]
pub trait Device: Sized + 'static {
    /// The network on it.
    type Backend: Backend;

    /// How long to compose between two looks into the inbox. Larger wastes less time; smaller stops sooner.
    const CHUNK_MS: f64;

    /// Opens it.
    ///
    /// # Errors
    /// A notice for the visitor; then the CPU plays.
    async fn open(placement: &Placement) -> Result<Self, Notice>;

    /// The network in a weight file, on this device.
    ///
    /// # Errors
    /// If the bytes are no weights.
    fn load(&self, bytes: &[u8]) -> Result<Self::Backend, rnn::Error>;
}

/// The CPU, which is always there.
#[derive(Debug)]
pub struct Processor;

impl Device for Processor {
    type Backend = Quantized;

    const CHUNK_MS: f64 = 30.0;

    async fn open(_: &Placement) -> Result<Self, Notice> {
        Ok(Self)
    }

    fn load(&self, bytes: &[u8]) -> Result<Quantized, rnn::Error> {
        Quantized::load(bytes)
    }
}

/// What is played on a device's network.
pub(super) type Takes<D> = <<D as Device>::Backend as Backend>::Takes;

/// The device, opened once, and the network in use.
pub(super) struct Engine<D: Device> {
    device: D,
    placement: Placement,
    network: Option<D::Backend>,
}

impl<D: Device> Engine<D> {
    /// Opens the device.
    ///
    /// # Errors
    /// A notice for the visitor; then the CPU plays.
    pub(super) async fn open(placement: Placement) -> Result<Self, Notice> {
        Ok(Self { device: D::open(&placement).await?, placement, network: None })
    }

    /// Whether a failure may come from a lost GPU, which only a new worker can open again.
    pub(super) fn can_be_lost(&self) -> bool {
        self.placement.backend.is_on_webgpu()
    }

    /// Puts the released model on the device, tries it, and tells the page.
    ///
    /// # Errors
    /// If the bytes are no weights.
    pub(super) async fn load(&mut self, bytes: &[u8]) -> Result<(), Notice> {
        let events_per_second =
            self.put(bytes).await.map_err(|why| Notice::WeightsCorrupt { why: why.to_string() })?;
        self.tell("base", bytes, events_per_second);
        Ok(())
    }

    /// The same with a visitor's own file; when that fails, the model in use stays.
    ///
    /// # Errors
    /// If the bytes are no weights.
    pub(super) async fn load_file(&mut self, file: &str, bytes: &[u8]) -> Result<(), Notice> {
        let name = file.strip_suffix(".safetensors").unwrap_or(file);
        let refused =
            |why: rnn::Error| Notice::ModelFileRefused { file: file.to_owned(), why: why.to_string() };
        let events_per_second = self.put(bytes).await.map_err(refused)?;
        self.tell(name, bytes, events_per_second);
        Ok(())
    }

    /// The network in use, once there is one.
    pub(super) fn network(&self) -> Option<&D::Backend> {
        self.network.as_ref()
    }

    /// Several performances at once; `None` before a network is there.
    ///
    /// # Errors
    /// If there are none, or too many.
    pub(super) fn takes(&self, seeds: &[u64]) -> Result<Option<Takes<D>>, rnn::Error> {
        self.network.as_ref().map(|network| network.takes(Sampling::returning(), seeds)).transpose()
    }

    /// Logits of the event after these; none before a network is there. The first half is read at once, the other
    /// event by event: a network may have two ways to read.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn logits(&self, tokens: &[Token]) -> Result<Vec<f32>, rnn::Error> {
        let Some(mut takes) = self.takes(&[1])? else { return Ok(Vec::new()) };
        let (first, rest) = tokens.split_at(tokens.len() / 2);
        takes.prefill(first).await?;
        for token in rest {
            takes.prefill(std::slice::from_ref(token)).await?;
        }
        takes.logits_of(0).await
    }

    /// Takes the network of a weight file, and returns its speed in events per second.
    async fn put(&mut self, bytes: &[u8]) -> Result<f64, rnn::Error> {
        let network = self.device.load(bytes)?;
        let speed = try_out(&network).await?;
        self.network = Some(network);
        Ok(speed)
    }

    fn tell(&self, name: &str, bytes: &[u8], events_per_second: f64) {
        let (config, facts) = rnn::weights::read_metadata(bytes).unwrap_or_default();
        let model = protocol::Model {
            name: name.to_owned(),
            validation_nats: facts.get("validation_nats").and_then(|nats| nats.parse().ok()),
            license: facts.get("license").cloned(),
            composers: config.composers,
            origin: Some(origin(bytes, facts.get("of_sha256"))),
        };
        post(&Reply::Ready {
            engine: protocol::Engine { placement: self.placement.clone(), events_per_second, model },
        });
    }
}

/// Weights in 8 bits are those that they were made of: both play the same music.
fn origin(weights: &[u8], made_of: Option<&String>) -> Origin {
    let of_fact =
        made_of.and_then(|hash| u64::from_str_radix(hash.get(..16)?, 16).ok()).map(u64::to_be_bytes);
    let first = of_fact.unwrap_or_else(|| {
        let mut first = [0; 8];
        first.iter_mut().zip(Sha256::digest(weights)).for_each(|(byte, of_hash)| *byte = of_hash);
        first
    });
    Origin { weights: first, revision: rnn::REVISION }
}

async fn try_out(network: &impl Backend) -> Result<f64, rnn::Error> {
    let mut take = Continuation::new(network, Recipe::new(0, Sampling::returning()))?;
    take.advance(WARM_UP_EVENTS).await?;
    let mut n = 4;
    loop {
        let started = now_ms();
        take.advance(n).await?;
        let took_ms = (now_ms() - started).max(0.1);
        if took_ms >= TRIAL_MS || n >= MAX_TRIAL_EVENTS {
            return Ok(n as f64 * 1000.0 / took_ms);
        }
        n *= 2;
    }
}
