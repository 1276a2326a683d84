//! The loss of a batch.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use performance::N_TOKENS;
use rnn::{Inputs, Model, State};

use crate::{Batch, Training};

/// Mean nats per event of a batch, and the state after it.
#[must_use]
pub fn loss(
    model: &Model,
    batch: &Batch,
    state: State,
    training: &Training,
    device: &Device,
) -> (Tensor<1>, State) {
    let (time, lanes) = (training.time, training.batch);
    let inputs = Inputs {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(batch.tokens.clone(), [time, lanes]), device),
        sounding: Tensor::from_data(
            TensorData::new(batch.sounding.clone(), [time, lanes, model.config.note_rows()]),
            device,
        ),
        controls: Tensor::from_data(
            TensorData::new(batch.controls.clone(), [time, lanes, model.config.control_width()]),
            device,
        ),
    };
    let keep = Tensor::from_data(TensorData::new(batch.keep.clone(), [lanes, 1]), device);
    let targets =
        Tensor::<2, Int>::from_data(TensorData::new(batch.targets.clone(), [time * lanes, 1]), device);
    let (logits, state) = model.forward(inputs, state.keeping(&keep));
    let log_probabilities = log_softmax(logits.reshape([time * lanes, N_TOKENS]), 1);
    let mask = Tensor::<2>::from_data(TensorData::new(batch.mask.clone(), [time * lanes, 1]), device);
    let nats = log_probabilities.gather(1, targets).neg() * Tensor::from_inner(mask);
    (nats.sum() / batch.events() as f32, state)
}
