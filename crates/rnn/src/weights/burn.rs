//! Weight files and models on a device.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;

use super::{NamedTensor, Precision, WeightFile, save_tensors};
use crate::{Error, Model};

/// The model in a weight file, on `device`.
///
/// # Errors
/// If the bytes are no weight file of this program and version, or a tensor does not have the shape that
/// the configuration asks for.
pub fn load(bytes: &[u8], device: &Device) -> Result<Model, Error> {
    let file = WeightFile::read(bytes)?;
    let model = file.config().init(device, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0));
    replace(model, |name, expected| file.values(name, expected))
}

/// A weight file of `model` with `facts` for its model card.
///
/// # Errors
/// If the file cannot be put together.
pub fn save(model: &Model, precision: Precision, facts: &BTreeMap<String, String>) -> Result<Vec<u8>, Error> {
    save_tensors(&model.config, &tensors(model), precision, facts)
}

/// All tensors of a model, read back from its device.
#[must_use]
pub fn tensors(model: &Model) -> Vec<NamedTensor> {
    struct Collect {
        path: Vec<String>,
        tensors: Vec<NamedTensor>,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().into_data();
            let shape = data.shape().to_vec();
            let values = data.iter::<f32>().collect();
            self.tensors.push(NamedTensor { name: self.path.join("."), shape, values });
        }
    }
    let mut collect = Collect { path: Vec::new(), tensors: Vec::new() };
    model.visit(&mut collect);
    collect.tensors
}

/// The model with every tensor replaced by what `find(name, shape)` returns.
///
/// # Errors
/// The first error of `find`.
pub fn replace(
    model: Model,
    find: impl FnMut(&str, &[usize]) -> Result<Vec<f32>, Error>,
) -> Result<Model, Error> {
    struct Replace<F> {
        path: Vec<String>,
        find: F,
        failed: Option<Error>,
    }
    impl<F: FnMut(&str, &[usize]) -> Result<Vec<f32>, Error>> ModuleMapper for Replace<F> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if self.failed.is_some() {
                return param;
            }
            let shape = param.dims();
            match (self.find)(&self.path.join("."), &shape) {
                Ok(values) => param.map(|old| {
                    let tracked = old.is_require_grad();
                    let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
                    new.set_require_grad(tracked)
                }),
                Err(error) => {
                    self.failed = Some(error);
                    param
                }
            }
        }
    }
    let mut replace = Replace { path: Vec::new(), find, failed: None };
    let model = model.map(&mut replace);
    match replace.failed {
        Some(error) => Err(error),
        None => Ok(model),
    }
}
