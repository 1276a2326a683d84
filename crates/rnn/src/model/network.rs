//! The network in 32 bits, listening to takes.

use burn::tensor::{Int, Tensor, TensorData};
use performance::{N_PITCHES, N_TOKENS};

use super::{Inputs, Model, State};
use crate::{Error, Heard, ModelConfig, Network};

/// Longest stretch that goes through the network at once.
const CHUNK: usize = 256;

/// What the network in 32 bits remembers of its takes.
#[derive(Clone, Debug)]
pub struct ModelMemory {
    n_takes: usize,
    state: State,
    /// Scores of the next events, still on the device, `[takes, 413]`.
    scores: Tensor<2>,
}

impl Network for Model {
    /// The controls input.
    type Controls = Vec<f32>;
    type Memory = ModelMemory;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn controls(&self, encoded: &[f32]) -> Vec<f32> {
        encoded.to_vec()
    }

    fn memory(&self, n_takes: usize) -> ModelMemory {
        let state = State::zeros(&self.config, n_takes, &self.head.val().device());
        let scores = self.head_bias.val().unsqueeze::<2>().repeat_dim(0, n_takes); // [takes, 413]
        ModelMemory { n_takes, state, scores }
    }

    fn hear(&self, memory: &mut ModelMemory, controls: &Vec<f32>, heard: &[Heard]) -> Result<(), Error> {
        let n_takes = memory.n_takes;
        for heard in heard.chunks(CHUNK * n_takes) {
            let time = heard.len() / n_takes;
            let inputs = self.inputs(controls, heard, time);
            let state = memory.state.clone();
            if time == 1 {
                (memory.scores, memory.state) = self.step(&inputs, state);
            } else {
                let (scores, state) = self.forward(inputs, state);
                memory.scores = scores.narrow(0, time - 1, 1).reshape([n_takes, N_TOKENS]);
                memory.state = state;
            }
        }
        Ok(())
    }

    async fn scores(&self, memory: &ModelMemory) -> Result<Vec<f32>, Error> {
        let data = memory.scores.clone().into_data_async().await;
        Ok(data.map_err(|e| Error::Device(e.to_string()))?.iter::<f32>().collect())
    }
}

impl Model {
    /// # Shapes
    /// `heard`: `[time, takes]`.
    fn inputs(&self, controls: &[f32], heard: &[Heard], time: usize) -> Inputs {
        let device = self.head.val().device();
        let n_takes = heard.len() / time;
        let mut sounding = vec![0.0f32; heard.len() * N_PITCHES];
        for (heard, row) in heard.iter().zip(sounding.chunks_exact_mut(N_PITCHES)) {
            for pitch in heard.sounding.pitches() {
                row[pitch.index()] = 1.0;
            }
        }
        let tokens: Vec<i32> = heard.iter().map(|heard| i32::from(heard.token.get())).collect();
        let controls = TensorData::new(controls.repeat(heard.len()), [time, n_takes, controls.len()]);
        Inputs {
            tokens: Tensor::<2, Int>::from_data(TensorData::new(tokens, [time, n_takes]), &device),
            sounding: Tensor::from_data(TensorData::new(sounding, [time, n_takes, N_PITCHES]), &device),
            controls: Tensor::from_data(controls, &device),
        }
    }
}
