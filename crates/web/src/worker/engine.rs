//! A device with a network on it.

use rnn::{Generator, Instrument, Quantized, Settings};

use super::{now_ms, post};
use crate::notice::Notice;
use crate::protocol::{self, Backend, Placement, Reply, Sampling};

/// Events composed on benchmark. The first ones compile the GPU's programs; the rest tell the speed, in chunks that
/// grow until one takes this long.
const WARM_UP_EVENTS: usize = 2;
const TRIAL_MS: f64 = 60.0;
const MAX_TRIAL_EVENTS: usize = 256;
/// What a worker computes with.
#[expect(async_fn_in_trait, reason = "a worker has one thread, and its futures stay there")]
pub trait Device: Sized + 'static {
    /// The network on it.
    type Instrument: Instrument;

    /// How long to compose before listening whether there is something else to do. Larger wastes less on
    /// listening; smaller stops sooner.
    const CHUNK_MS: f64;

    /// Opens it.
    ///
    /// # Errors
    /// A notice for the visitor; then the processor has to play.
    async fn open(placement: &Placement) -> Result<Self, Notice>;

    /// The network in a weight file, on this device.
    ///
    /// # Errors
    /// If the bytes are no weights.
    fn load(&self, bytes: &[u8]) -> Result<Self::Instrument, rnn::Error>;
}

/// The processor, which is always there.
#[derive(Debug)]
pub struct Processor;

impl Device for Processor {
    type Instrument = Quantized;

    const CHUNK_MS: f64 = 30.0;

    async fn open(_: &Placement) -> Result<Self, Notice> {
        Ok(Self)
    }

    fn load(&self, bytes: &[u8]) -> Result<Quantized, rnn::Error> {
        Quantized::load(bytes)
    }
}

/// The device, opened once, and the network in use.
pub(super) struct Engine<D: Device> {
    device: D,
    placement: Placement,
    instrument: Option<D::Instrument>,
}

impl<D: Device> Engine<D> {
    /// Opens the device.
    ///
    /// # Errors
    /// A notice for the visitor; then the processor has to play.
    pub(super) async fn open(placement: Placement) -> Result<Self, Notice> {
        Ok(Self { device: D::open(&placement).await?, placement, instrument: None })
    }

    /// Whether a failure may come from a lost GPU, which only a new worker can open again.
    pub(super) fn can_be_lost(&self) -> bool {
        self.placement.backend == Backend::WebGpu
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

    /// A generator that has heard nothing yet; `None` before a network is there.
    pub(super) fn generator(&self, sampling: Sampling, seed: u64) -> Option<Generator<D::Instrument>> {
        Some(Generator::new(self.instrument.as_ref()?, settings(sampling), seed))
    }

    /// Several performances at once; `None` before a network is there.
    ///
    /// # Errors
    /// If there are none, or too many.
    pub(super) fn takes(
        &self,
        seeds: &[u64],
    ) -> Result<Option<<D::Instrument as Instrument>::Takes>, rnn::Error> {
        self.instrument.as_ref().map(|instrument| instrument.takes(Settings::default(), seeds)).transpose()
    }

    /// Takes the network of a weight file, and returns its speed in events per second.
    async fn put(&mut self, bytes: &[u8]) -> Result<f64, rnn::Error> {
        let instrument = self.device.load(bytes)?;
        let speed = try_out(&instrument).await?;
        self.instrument = Some(instrument);
        Ok(speed)
    }

    fn tell(&self, name: &str, bytes: &[u8], events_per_second: f64) {
        let facts = rnn::weights::read_metadata(bytes).map(|(_, facts)| facts).unwrap_or_default();
        let model = protocol::Model {
            name: name.to_owned(),
            validation_nats: facts.get("validation_nats").and_then(|nats| nats.parse().ok()),
            license: facts.get("license").cloned(),
        };
        post(&Reply::Ready {
            engine: protocol::Engine { placement: self.placement.clone(), events_per_second, model },
        });
    }
}

/// The sampler's settings.
pub(super) fn settings(sampling: Sampling) -> Settings {
    Settings { temperature: sampling.temperature, top_p: sampling.top_p }
}

async fn try_out(instrument: &impl Instrument) -> Result<f64, rnn::Error> {
    let mut generator = Generator::new(instrument, Settings::default(), 0);
    generator.next_chunk(WARM_UP_EVENTS).await?;
    let mut n = 4;
    loop {
        let started = now_ms();
        generator.next_chunk(n).await?;
        let took_ms = (now_ms() - started).max(0.1);
        if took_ms >= TRIAL_MS || n >= MAX_TRIAL_EVENTS {
            return Ok(n as f64 * 1000.0 / took_ms);
        }
        n *= 2;
    }
}
