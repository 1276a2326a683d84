//! Weight files and models on a device.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::{NamedTensor, Precision, WeightFile, metadata, save_tensors};
use crate::{Error, Model, ModelConfig};

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
    let read = |Handle { name, shape, values }: Handle| NamedTensor {
        name,
        shape,
        values: values.into_data().iter::<f32>().collect(),
    };
    handles(model).into_iter().map(read).collect()
}

/// A tensor by name, still on its device.
#[derive(Clone, Debug)]
pub struct Handle {
    /// As in [`NamedTensor`].
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub values: Tensor<1>,
}

impl Handle {
    /// Its numbers.
    ///
    /// # Errors
    /// If the device does not return them.
    pub async fn read(self) -> Result<NamedTensor, Error> {
        let Self { name, shape, values } = self;
        let data = values.into_data_async().await.map_err(|error| Error::Device(error.to_string()))?;
        Ok(NamedTensor { name, shape, values: data.iter::<f32>().collect() })
    }

    /// Its numbers in full precision, as they stand in a file.
    ///
    /// # Errors
    /// If the device does not return them.
    pub async fn bytes(self) -> Result<Vec<u8>, Error> {
        Ok(self.read().await?.values.into_iter().flat_map(f32::to_le_bytes).collect())
    }
}

/// All tensors of a model, as they lie on its device.
#[must_use]
pub fn handles(model: &Model) -> Vec<Handle> {
    struct Collect {
        path: Vec<String>,
        handles: Vec<Handle>,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let (shape, values) = (param.dims().to_vec(), param.val().flatten(0, D - 1));
            self.handles.push(Handle { name: self.path.join("."), shape, values });
        }
    }
    let mut collect = Collect { path: Vec::new(), handles: Vec::new() };
    model.visit(&mut collect);
    collect.handles
}

/// The beginning of a weight file in full precision; each tensor's [`Handle::bytes`] follow, in this order.
///
/// # Errors
/// If it cannot be put together.
pub fn header(
    config: &ModelConfig,
    tensors: &[Handle],
    facts: &BTreeMap<String, String>,
) -> Result<Vec<u8>, Error> {
    let mut start = 0;
    let places = tensors.iter().map(|Handle { name, shape, .. }| {
        let end = start + size_of::<f32>() * shape.iter().product::<usize>();
        let info = TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) };
        start = end;
        (name.clone(), info)
    });
    let write = |error: &dyn std::fmt::Display| Error::Write(error.to_string());
    let places = Metadata::new(Some(metadata(config, facts)?), places.collect()).map_err(|e| write(&e))?;
    let mut json = serde_json::to_vec(&places).map_err(|e| write(&e))?;
    // Tensors are aligned.
    json.resize(json.len().next_multiple_of(size_of::<u64>()), b' ');
    Ok([&(json.len() as u64).to_le_bytes(), json.as_slice()].concat())
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
