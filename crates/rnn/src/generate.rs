//! A performance in the making, event by event.

use burn::tensor::{Device, Int, Tensor, TensorData};
use performance::{Event, N_PITCHES, Sounding, Token, VelocityBin};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Controls, Error, Inputs, Model, Settings, State, sample};

/// Longest stretch of a primer that goes through the network at once.
const PRIME_CHUNK: usize = 256;

/// Invents a performance: a model, its memory of what was played, and a seeded source of chance.
///
/// Everything a player may want is made of `prime`, `set_controls`, `force`, `next_chunk` and
/// `snapshot`/`restore`. Reads from the device are asynchronous, because a browser has no others.
#[derive(Clone, Debug)]
pub struct Generator {
    model: Model,
    device: Device,
    settings: Settings,
    controls: Vec<f32>,
    moment: Snapshot,
}

/// Everything that changes while a generator plays; restoring it plays the same again.
#[derive(Clone, Debug)]
pub struct Snapshot {
    state: State,
    sounding: Sounding,
    /// Scores of the next event, still on the device; none before the first event was heard.
    scores: Option<Tensor<2>>,
    rng: ChaCha8Rng,
}

impl Generator {
    /// A generator that has heard nothing yet.
    #[must_use]
    pub fn new(model: Model, settings: Settings, seed: u64) -> Self {
        let device = model.head.val().device();
        let controls = vec![0.0; model.config.control_width()];
        let moment = Snapshot {
            state: State::zeros(&model.config, 1, &device),
            sounding: Sounding::default(),
            scores: None,
            rng: ChaCha8Rng::seed_from_u64(seed),
        };
        let mut generator = Self { model, device, settings, controls, moment };
        if let Ok(unset) = Controls::default().encode(&generator.model.config) {
            generator.controls = unset;
        }
        generator
    }

    /// How the next events are drawn.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// What the next events should be like.
    ///
    /// # Errors
    /// If a control is not a usable number or names a composer that the model does not know.
    pub fn set_controls(&mut self, controls: &Controls) -> Result<(), Error> {
        self.controls = controls.encode(&self.model.config)?;
        Ok(())
    }

    /// The pitches that are down.
    #[must_use]
    pub fn sounding(&self) -> Sounding {
        self.moment.sounding
    }

    /// Listens to what was played before: a primer, or the music so far.
    ///
    /// # Errors
    /// None today; a device may fail later.
    pub async fn prime(&mut self, tokens: &[Token]) -> Result<(), Error> {
        for chunk in tokens.chunks(PRIME_CHUNK) {
            self.hear(chunk);
        }
        Ok(())
    }

    /// Listens to one event that somebody else decided: a note played by hand, or a released one.
    ///
    /// # Errors
    /// None today; a device may fail later.
    pub async fn force(&mut self, token: Token) -> Result<(), Error> {
        self.hear(&[token]);
        Ok(())
    }

    /// The next `n` events.
    ///
    /// # Errors
    /// If the device fails or the network's output is no number.
    pub async fn next_chunk(&mut self, n: usize) -> Result<Vec<Token>, Error> {
        let mut tokens = Vec::with_capacity(n);
        for _ in 0..n {
            let token = self.next_token().await?;
            self.hear(&[token]);
            tokens.push(token);
        }
        Ok(tokens)
    }

    /// The present moment, to come back to.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.moment.clone()
    }

    /// Goes back to a moment.
    pub fn restore(&mut self, moment: Snapshot) {
        self.moment = moment;
    }

    async fn next_token(&mut self) -> Result<Token, Error> {
        let Some(scores) = self.moment.scores.clone() else {
            return Ok(self.opening());
        };
        let data = scores.into_data_async().await.map_err(|e| Error::Device(e.to_string()))?;
        let scores: Vec<f32> = data.iter::<f32>().collect();
        sample(&scores, self.moment.sounding, self.settings, &mut self.moment.rng)
    }

    /// The first event of all. Training pieces open with a VELOCITY, and the network only learns what
    /// follows one: a middling loudness (MIDI 46 to 78) is drawn.
    fn opening(&mut self) -> Token {
        match VelocityBin::new(self.moment.rng.random_range(12..=20)) {
            Ok(bin) => Event::Velocity(bin).into(),
            Err(_) => unreachable!("12..=20 are velocity bins"),
        }
    }

    fn hear(&mut self, tokens: &[Token]) {
        let time = tokens.len();
        let mut sounding = vec![0.0f32; time * N_PITCHES];
        for (token, row) in tokens.iter().zip(sounding.chunks_exact_mut(N_PITCHES)) {
            self.moment.sounding.apply(Event::from(*token));
            for pitch in self.moment.sounding.pitches() {
                row[pitch.index()] = 1.0;
            }
        }
        let numbers: Vec<i32> = tokens.iter().map(|token| i32::from(token.get())).collect();
        let inputs = Inputs {
            tokens: Tensor::<2, Int>::from_data(TensorData::new(numbers, [time, 1]), &self.device),
            sounding: Tensor::from_data(TensorData::new(sounding, [time, 1, N_PITCHES]), &self.device),
            controls: Tensor::from_data(
                TensorData::new(self.controls.repeat(time), [time, 1, self.controls.len()]),
                &self.device,
            ),
        };
        if time == 1 {
            let (scores, state) = self.model.step(&inputs, self.moment.state.clone());
            self.moment.state = state;
            self.moment.scores = Some(scores);
        } else {
            let (scores, state) = self.model.forward(inputs, self.moment.state.clone());
            self.moment.state = state;
            self.moment.scores = Some(scores.narrow(0, time - 1, 1).squeeze_dim(0));
        }
    }
}
