//! The same network on several devices, each with sequences of its own.
//!
//! Every device computes its gradients, they are averaged across devices, and every device takes the same
//! step, so that all copies of the weights stay equal (Li et al., arXiv 2006.15704). On CUDA Burn averages
//! them (NCCL). Burn 0.22 has no collectives for its other devices: there the gradients meet in this
//! program's memory.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::distributed::{DistributedConfig, DistributedContext, ReduceOperation, all_reduce};
use burn::tensor::{Device, Tensor, TensorData};
use learn::Share;
use rnn::Model;

use crate::cli::DeviceKind;

/// One of the devices.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    index: usize,
    group: Group,
}

/// All devices, and how they average.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    /// One device, which has nothing to average.
    Alone,
    /// Through Burn.
    Burn(Vec<Device>),
    /// Through the program's memory.
    Memory(Arc<Meeting>),
}

impl Group {
    pub(crate) fn new(kind: DeviceKind, devices: &[Device]) -> Self {
        match (devices.len(), kind) {
            (1, _) => Self::Alone,
            (_, DeviceKind::Cuda) => Self::Burn(devices.to_vec()),
            (n, _) => Self::Memory(Arc::new(Meeting::new(n))),
        }
    }

    /// Lets Burn's devices talk to each other until what is returned is dropped.
    pub(crate) fn connect(&self) -> Option<DistributedContext> {
        let Self::Burn(devices) = self else { return None };
        let config = DistributedConfig { all_reduce_op: ReduceOperation::Mean };
        Some(DistributedContext::init(devices.clone(), config))
    }

    fn len(&self) -> usize {
        match self {
            Self::Alone => 1,
            Self::Burn(devices) => devices.len(),
            Self::Memory(meeting) => meeting.n,
        }
    }
}

impl Replica {
    /// The only one.
    pub(crate) fn alone() -> Self {
        Self { index: 0, group: Group::Alone }
    }

    pub(crate) fn new(index: usize, group: &Group) -> Self {
        Self { index, group: group.clone() }
    }

    /// Its share of the training pieces.
    pub(crate) fn share(&self) -> Share {
        Share { index: self.index, of: self.group.len() }
    }

    /// The mean of all devices' gradients. Waits until every device has called it.
    pub(crate) fn average(&self, model: &Model, grads: GradientsParams) -> GradientsParams {
        match &self.group {
            Group::Alone => grads,
            Group::Burn(devices) => average_by_burn(devices, model, grads),
            Group::Memory(meeting) => average_in_memory(self.index, meeting, model, grads),
        }
    }
}

fn average_by_burn(devices: &[Device], model: &Model, grads: GradientsParams) -> GradientsParams {
    struct Average<'a> {
        devices: &'a [Device],
        own: GradientsParams,
        mean: GradientsParams,
    }
    impl ModuleVisitor for Average<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.own.remove::<D>(param.id) {
                let mean = all_reduce(grad, ReduceOperation::Mean, self.devices.to_vec());
                self.mean.register(param.id, mean.resolve());
            }
        }
    }
    let mut average = Average { devices, own: grads, mean: GradientsParams::new() };
    model.visit(&mut average);
    average.mean
}

fn average_in_memory(
    index: usize,
    meeting: &Meeting,
    model: &Model,
    grads: GradientsParams,
) -> GradientsParams {
    struct Flatten<'a>(&'a GradientsParams, Vec<f32>);
    impl ModuleVisitor for Flatten<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.0.get::<D>(param.id) {
                self.1.extend(grad.into_data().iter::<f32>());
            }
        }
    }
    /// The mean that is left, and the gradients that were made of it.
    struct Restore<'a> {
        own: &'a GradientsParams,
        left: &'a [f32],
        mean: GradientsParams,
    }
    impl ModuleVisitor for Restore<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let Some(grad) = self.own.get::<D>(param.id) else { return };
            let (values, left) = self.left.split_at(grad.shape().num_elements());
            let data = TensorData::new(values.to_vec(), grad.shape());
            self.mean.register(param.id, Tensor::<D>::from_data(data, &grad.device()));
            self.left = left;
        }
    }
    let mut flat = Flatten(&grads, Vec::new());
    model.visit(&mut flat);
    let mean = meeting.mean(index, flat.1);
    let mut restore = Restore { own: &grads, left: &mean, mean: GradientsParams::new() };
    model.visit(&mut restore);
    restore.mean
}

/// Where threads meet to average numbers.
#[derive(Debug)]
pub(crate) struct Meeting {
    n: usize,
    round: Mutex<Round>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct Round {
    /// Counts the rounds that are over.
    number: u64,
    /// What those who are here brought, by their index.
    brought: Vec<Option<Vec<f32>>>,
    /// Of the last round. The next one ends only when everybody has come for it, and so has taken this.
    mean: Arc<Vec<f32>>,
}

impl Meeting {
    fn new(n: usize) -> Self {
        let round = Round { brought: vec![None; n], ..Round::default() };
        Self { n, round: Mutex::new(round), over: Condvar::new() }
    }

    /// Waits until all devices have brought their numbers. Added up in the order of indices, so that the mean
    /// has the same bits whichever comes first.
    fn mean(&self, index: usize, own: Vec<f32>) -> Arc<Vec<f32>> {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        let number = round.number;
        round.brought[index] = Some(own);
        if round.brought.iter().all(Option::is_some) {
            let mut all = round.brought.iter_mut().filter_map(Option::take);
            let mut sum = all.next().unwrap_or_default();
            for other in all {
                sum.iter_mut().zip(other).for_each(|(sum, x)| *sum += x);
            }
            sum.iter_mut().for_each(|sum| *sum /= self.n as f32);
            round.mean = Arc::new(sum);
            round.number += 1;
            self.over.notify_all();
        }
        while round.number == number {
            round = self.over.wait(round).unwrap_or_else(PoisonError::into_inner);
        }
        Arc::clone(&round.mean)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Int;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rnn::{Inputs, ModelConfig, State};

    use super::*;

    fn model() -> Model {
        let config = ModelConfig { layers: 2, hidden: 8, ..ModelConfig::default() };
        config.init(&Device::flex().autodiff(), &mut ChaCha8Rng::seed_from_u64(1))
    }

    /// Gradients of the logits of one event, repeated.
    fn gradients(model: &Model, token: i32) -> GradientsParams {
        let device = Device::flex();
        let inputs = Inputs {
            tokens: Tensor::<2, Int>::full([3, 2], token, &device),
            sounding: Tensor::zeros([3, 2, performance::N_PITCHES], &device),
            controls: Tensor::ones([3, 2, model.config.control_width()], &device),
        };
        let (scores, _) = model.forward(inputs, State::zeros(&model.config, 2, &device));
        GradientsParams::from_grads((scores.clone() * scores).mean().backward(), model)
    }

    fn values(model: &Model, grads: &GradientsParams) -> Vec<f32> {
        struct Values<'a>(&'a GradientsParams, Vec<f32>);
        impl ModuleVisitor for Values<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.1.extend(self.0.get::<D>(param.id).expect("a gradient").into_data().iter::<f32>());
            }
        }
        let mut values = Values(grads, Vec::new());
        model.visit(&mut values);
        values.1
    }

    #[test]
    fn replicas_average_their_gradients() {
        const N: usize = 3;
        let (model, group) = (model(), Group::Memory(Arc::new(Meeting::new(N))));
        let alone: Vec<Vec<f32>> =
            (0..N).map(|i| values(&model, &gradients(&model, 60 + i as i32))).collect();
        assert!(alone[0] != alone[1]);
        let threads: Vec<_> = (0..N)
            .map(|index| {
                let (model, replica) = (model.clone(), Replica::new(index, &group));
                std::thread::spawn(move || {
                    assert_eq!((replica.share().index, replica.share().of), (index, N));
                    // Three rounds, in each of which another one is late.
                    let rounds = (0..3).map(|round| {
                        std::thread::sleep(std::time::Duration::from_millis(
                            5 * ((index + round) % N) as u64,
                        ));
                        let grads = gradients(&model, 60 + ((index + round) % N) as i32);
                        values(&model, &replica.average(&model, grads))
                    });
                    rounds.collect::<Vec<_>>()
                })
            })
            .collect();
        for rounds in threads.into_iter().map(|thread| thread.join().unwrap()) {
            for mean in rounds {
                for (i, mean) in mean.iter().enumerate() {
                    let expected = alone.iter().map(|grads| grads[i]).sum::<f32>() / N as f32;
                    assert!((mean - expected).abs() < 1e-7 + 1e-5 * expected.abs(), "{mean} {expected}");
                }
            }
        }
    }

    #[test]
    fn one_replica_keeps_its_gradients() {
        let model = model();
        let grads = gradients(&model, 60);
        let expected = values(&model, &grads);
        assert_eq!(values(&model, &Replica::alone().average(&model, grads)), expected);
    }
}
