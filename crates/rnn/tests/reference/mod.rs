//! The network in plain tensor operations on the CPU, which other ways to run it are held to.

use burn::tensor::{Device, Int, Tensor, TensorData};
use performance::{Event, Held, N_PITCHES, Token};
use rnn::{Controls, Inputs, Model, State, weights};

/// One performance on the CPU in plain tensor operations, event by event.
pub(crate) struct Reference {
    model: Model,
    state: State,
    controls: Vec<f32>,
    /// The pitches that are down, and since when.
    pub(crate) held: Held,
    /// Scores of the next event.
    pub(crate) scores: Vec<f32>,
}

impl Reference {
    pub(crate) fn new(file: &[u8], controls: &Controls) -> Self {
        let model = weights::load(file, &Device::flex()).expect("a weight file");
        let state = State::zeros(&model.config, 1, &Device::flex());
        let controls = controls.encode(&model.config).expect("usable controls");
        Self { model, state, held: Held::default(), controls, scores: Vec::new() }
    }

    pub(crate) fn hear(&mut self, token: Token) {
        self.held.apply(Event::from(token));
        let mut sounding = vec![0.0f32; N_PITCHES];
        self.held.sounding().pitches().for_each(|pitch| sounding[pitch.index()] = 1.0);
        let device = Device::flex();
        let inputs = Inputs {
            tokens: Tensor::<2, Int>::from_data(
                TensorData::new(vec![i32::from(token.get())], [1, 1]),
                &device,
            ),
            sounding: Tensor::from_data(TensorData::new(sounding, [1, 1, N_PITCHES]), &device),
            controls: Tensor::from_data(
                TensorData::new(self.controls.clone(), [1, 1, self.controls.len()]),
                &device,
            ),
        };
        let (scores, state) = self.model.step(&inputs, self.state.clone());
        self.state = state;
        self.scores = scores.into_data().iter::<f32>().collect();
    }
}
