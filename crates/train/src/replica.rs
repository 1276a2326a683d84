//! The same network on several devices, each with sequences of its own.
//!
//! Every device computes its gradients, Burn averages them across devices (NCCL on CUDA), and every device takes
//! the same step, so that all copies of the weights stay equal (Li et al., arXiv 2006.15704).

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::distributed::{DistributedConfig, DistributedContext, ReduceOperation, all_reduce};
use burn::tensor::{Device, Tensor};
use rnn::Model;

use crate::loader::Share;

/// One of the devices.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    index: usize,
    /// All devices; empty where there is only one, which has nothing to average.
    devices: Vec<Device>,
}

/// Lets the devices talk to each other until what is returned is dropped.
pub(crate) fn connect(devices: &[Device]) -> Option<DistributedContext> {
    let config = DistributedConfig { all_reduce_op: ReduceOperation::Mean };
    (devices.len() > 1).then(|| DistributedContext::init(devices.to_vec(), config))
}

impl Replica {
    /// The only one.
    pub(crate) fn alone() -> Self {
        Self { index: 0, devices: Vec::new() }
    }

    pub(crate) fn new(index: usize, devices: &[Device]) -> Self {
        if devices.len() == 1 { Self::alone() } else { Self { index, devices: devices.to_vec() } }
    }

    /// Its share of the training pieces.
    pub(crate) fn share(&self) -> Share {
        if self.devices.is_empty() {
            return Share::WHOLE;
        }
        Share { index: self.index, of: self.devices.len() }
    }

    /// The mean of all devices' gradients. Waits until every device has called it.
    pub(crate) fn average(&self, model: &Model, grads: GradientsParams) -> GradientsParams {
        if self.devices.is_empty() {
            return grads;
        }
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
        let mut average = Average { devices: &self.devices, own: grads, mean: GradientsParams::new() };
        model.visit(&mut average);
        average.mean
    }
}
