//! Weight files: configuration, tensors and what is known about them, in one safetensors file.
//!
//! The header's `__metadata__` holds `format`, `version`, `config` (JSON) and free-form facts for the
//! model card. Released files are in half precision; training checkpoints use the same layout in full.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use rand::SeedableRng;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::{Error, Model, ModelConfig};

/// Version of the layout of tensors and metadata; rises when old files cannot be read any more.
pub const VERSION: u32 = 1;
const FORMAT: &str = "performance-rnn";

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 16 bits: released weights.
    Half,
    /// 32 bits: checkpoints, so that training goes on exactly where it stopped.
    Full,
}

/// A tensor of the model by name, e.g. `layers.0.recurrent`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// The path of fields that leads to it.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub values: Vec<f32>,
}

/// The model in a weight file, on `device`.
///
/// # Errors
/// If the bytes are no weight file of this program and version, or a tensor does not have the shape that
/// the configuration asks for.
pub fn load(bytes: &[u8], device: &Device) -> Result<Model, Error> {
    let (config, _) = read_metadata(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| Error::NotWeights(e.to_string()))?;
    let model = config.init(device, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0));
    replace(model, |name, expected| {
        let found = tensor(&file, name)?;
        if found.shape != expected {
            return Err(Error::Tensor {
                name: name.to_owned(),
                expected: expected.to_vec(),
                found: found.shape,
            });
        }
        Ok(found.values)
    })
}

/// One tensor of a weight file or checkpoint.
///
/// # Errors
/// If the bytes are no weight file, or hold no such tensor of floating-point numbers.
pub fn load_tensor(bytes: &[u8], name: &str) -> Result<NamedTensor, Error> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| Error::NotWeights(e.to_string()))?;
    tensor(&file, name)
}

fn tensor(file: &SafeTensors<'_>, name: &str) -> Result<NamedTensor, Error> {
    let view = file.tensor(name).map_err(|_| Error::MissingTensor { name: name.to_owned() })?;
    let values = match view.dtype() {
        Dtype::F16 => {
            view.data().chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
        }
        Dtype::F32 => {
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        }
        other => {
            return Err(Error::Dtype { name: name.to_owned(), found: format!("{other:?}") });
        }
    };
    Ok(NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values })
}

/// The configuration and the facts in a weight file, without its tensors.
///
/// # Errors
/// If the bytes are no weight file of this program and version.
pub fn read_metadata(bytes: &[u8]) -> Result<(ModelConfig, BTreeMap<String, String>), Error> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| Error::NotWeights(e.to_string()))?;
    let mut facts: BTreeMap<String, String> =
        header.metadata().clone().unwrap_or_default().into_iter().collect();
    let found = facts.remove("format").unwrap_or_else(|| "no format name".to_owned());
    if found != FORMAT {
        return Err(Error::OtherFormat { found });
    }
    let found = facts.remove("version").unwrap_or_else(|| "none".to_owned());
    if found != VERSION.to_string() {
        return Err(Error::Version { expected: VERSION, found });
    }
    let json = facts.remove("config").ok_or_else(|| Error::Config("none".to_owned()))?;
    let config: ModelConfig = serde_json::from_str(&json).map_err(|e| Error::Config(e.to_string()))?;
    config.check()?;
    Ok((config, facts))
}

/// A weight file of `model` with `facts` for its model card.
///
/// # Errors
/// If the file cannot be put together.
pub fn save(model: &Model, precision: Precision, facts: &BTreeMap<String, String>) -> Result<Vec<u8>, Error> {
    save_tensors(&model.config, &tensors(model), precision, facts)
}

/// A weight file of tensors that are already on the host.
///
/// # Errors
/// If the file cannot be put together.
pub fn save_tensors(
    config: &ModelConfig,
    tensors: &[NamedTensor],
    precision: Precision,
    facts: &BTreeMap<String, String>,
) -> Result<Vec<u8>, Error> {
    let write = |e: &dyn std::fmt::Display| Error::Write(e.to_string());
    let mut metadata: HashMap<String, String> = facts.clone().into_iter().collect();
    metadata.insert("format".to_owned(), FORMAT.to_owned());
    metadata.insert("version".to_owned(), VERSION.to_string());
    metadata.insert("config".to_owned(), serde_json::to_string(config).map_err(|e| write(&e))?);
    let (dtype, bytes): (Dtype, Vec<Vec<u8>>) = match precision {
        Precision::Half => (
            Dtype::F16,
            tensors
                .iter()
                .map(|t| t.values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect())
                .collect(),
        ),
        Precision::Full => (
            Dtype::F32,
            tensors.iter().map(|t| t.values.iter().flat_map(|x| x.to_le_bytes()).collect()).collect(),
        ),
    };
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(t, bytes)| TensorView::new(dtype, t.shape.clone(), bytes).map(|view| (t.name.as_str(), view)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| write(&e))?;
    safetensors::serialize(views, Some(metadata)).map_err(|e| write(&e))
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
