//! The network in 32 bits as a `Network`: it reads takes and gives logits.

use burn::tensor::{Int, Tensor, TensorData};
use performance::N_TOKENS;

use super::{Inputs, Model, State};
use crate::{Error, ModelConfig, Network, StepInput};

/// Largest number of events that go through the network at once.
const CHUNK: usize = 256;

/// The state of the network in 32 bits.
#[derive(Clone, Debug)]
pub struct ModelState {
    n_takes: usize,
    state: State,
    /// Logits of the next events, still on the device, `[takes, 413]`.
    logits: Tensor<2>,
}

impl Network for Model {
    /// The controls input.
    type Controls = Vec<f32>;
    type State = ModelState;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn controls(&self, encoded: &[f32]) -> Vec<f32> {
        encoded.to_vec()
    }

    fn state(&self, n_takes: usize) -> ModelState {
        let state = State::zeros(&self.config, n_takes, &self.head.val().device());
        let logits = self.head_bias.val().unsqueeze::<2>().repeat_dim(0, n_takes); // [takes, 413]
        ModelState { n_takes, state, logits }
    }

    fn step(&self, state: &mut ModelState, controls: &Vec<f32>, inputs: &[StepInput]) -> Result<(), Error> {
        let n_takes = state.n_takes;
        for inputs in inputs.chunks(CHUNK * n_takes) {
            let time = inputs.len() / n_takes;
            let inputs = self.inputs(controls, inputs, time);
            let layers = state.state.clone();
            if time == 1 {
                (state.logits, state.state) = self.step(&inputs, layers);
            } else {
                let (logits, layers) = self.forward(inputs, layers);
                state.logits = logits.narrow(0, time - 1, 1).reshape([n_takes, N_TOKENS]);
                state.state = layers;
            }
        }
        Ok(())
    }

    async fn logits(&self, state: &ModelState) -> Result<Vec<f32>, Error> {
        let data = state.logits.clone().into_data_async().await;
        Ok(data.map_err(|e| Error::Device(e.to_string()))?.iter::<f32>().collect())
    }
}

impl Model {
    /// # Shapes
    /// `heard`: `[time, takes]`.
    fn inputs(&self, controls: &[f32], heard: &[StepInput], time: usize) -> Inputs {
        let device = self.head.val().device();
        let n_takes = heard.len() / time;
        let n_rows = self.config.note_rows();
        let mut sounding = vec![0.0f32; heard.len() * n_rows];
        for (heard, rows) in heard.iter().zip(sounding.chunks_exact_mut(n_rows)) {
            heard.rows().for_each(|row| rows[row] = 1.0);
        }
        let tokens: Vec<i32> = heard.iter().map(|heard| i32::from(heard.token.get())).collect();
        let controls = TensorData::new(controls.repeat(heard.len()), [time, n_takes, controls.len()]);
        Inputs {
            tokens: Tensor::<2, Int>::from_data(TensorData::new(tokens, [time, n_takes]), &device),
            sounding: Tensor::from_data(TensorData::new(sounding, [time, n_takes, n_rows]), &device),
            controls: Tensor::from_data(controls, &device),
        }
    }
}
