//! Weight files: configuration, tensors and what is known about them, in one safetensors file.
//!
//! The header's `__metadata__` holds `format`, `version`, `config` (JSON) and free-form facts for the
//! model card. Released files are in half precision, and in 8 bits for playing (`int8`); training checkpoints
//! use the same layout in full.

#[cfg(feature = "burn")]
mod burn;
mod int8;

use std::collections::{BTreeMap, HashMap};

use half::f16;
use half::slice::HalfFloatSliceExt;
use performance::N_TOKENS;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::{Error, ModelConfig};

#[cfg(feature = "burn")]
pub use self::burn::{Handle, handles, header, load, replace, save, tensors};

/// Version of the layout of tensors and metadata; rises when old files cannot be read any more.
pub const VERSION: u32 = 1;
const FORMAT: &str = "performance-rnn";
/// The largest matrix of the largest network: `[8192, 4 * 8192]`.
const MAX_NUMBERS: usize = 8192 * 4 * 8192;

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 8 bits, deflated: released weights as the page plays them, with the same music as from [`Half`](Self::Half).
    Int8,
    /// 16 bits: released weights.
    Half,
    /// 32 bits: checkpoints, so that training resumes exactly where it stopped.
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

/// A weight file whose tensors are read one by one.
#[derive(Debug)]
pub struct WeightFile<'a> {
    config: ModelConfig,
    tensors: SafeTensors<'a>,
}

impl<'a> WeightFile<'a> {
    /// # Errors
    /// If the bytes are no weight file of this program and version, or not those that were written.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let (config, _) = read_metadata(bytes)?;
        int8::verify(bytes)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| Error::NotWeights(e.to_string()))?;
        // Before memory is taken for what a small file promises.
        for (name, shape) in shapes(&config) {
            let found = tensors.tensor(&name).map_err(|_| Error::MissingTensor { name: name.clone() })?;
            if found.dtype() == Dtype::U8 {
                int8::check(&tensors, &name, &shape)?;
            } else if found.shape() != shape {
                return Err(Error::Tensor { name, expected: shape, found: found.shape().to_vec() });
            }
        }
        Ok(Self { config, tensors })
    }

    /// The sizes of the network.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// A tensor's numbers, row by row.
    ///
    /// # Errors
    /// If there is none of this name, or it has another shape, or holds something that is no number.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let found = tensor(&self.tensors, name, shape.iter().product())?;
        if found.shape != shape {
            let (name, expected) = (name.to_owned(), shape.to_vec());
            return Err(Error::Tensor { name, expected, found: found.shape });
        }
        if let Some(&wrong) = found.values.iter().find(|value| !value.is_finite()) {
            return Err(Error::Weight { name: name.to_owned(), found: wrong });
        }
        Ok(found.values)
    }
}

/// Name and shape of each tensor of a network.
fn shapes(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let (hidden, gates) = (config.hidden, 4 * config.hidden);
    let rows = [("token", N_TOKENS), ("sounding", config.note_rows()), ("controls", config.control_width())];
    let mut shapes: Vec<_> = rows.map(|(name, rows)| (name.to_owned(), vec![rows, gates])).into();
    for layer in 0..config.layers {
        let named = |tensor: &str| format!("layers.{layer}.{tensor}");
        if layer > 0 {
            shapes.push((named("input"), vec![hidden, gates]));
        }
        shapes.extend([(named("recurrent"), vec![hidden, gates]), (named("bias"), vec![gates])]);
    }
    shapes.extend([("head".to_owned(), vec![hidden, N_TOKENS]), ("head_bias".to_owned(), vec![N_TOKENS])]);
    shapes
}

/// One tensor of a weight file or checkpoint.
///
/// # Errors
/// If the bytes are no weight file, or hold no such tensor of floating-point numbers.
pub fn load_tensor(bytes: &[u8], name: &str) -> Result<NamedTensor, Error> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| Error::NotWeights(e.to_string()))?;
    tensor(&file, name, MAX_NUMBERS)
}

/// A file in half precision in 8 bits, which plays the same music; its fact `of_sha256` names the file it was made
/// of, whose SHA-256 is given.
///
/// # Errors
/// If the bytes are no weight file of this program and version.
pub fn to_int8(bytes: &[u8], sha256: &str) -> Result<Vec<u8>, Error> {
    let (config, mut facts) = read_metadata(bytes)?;
    facts.insert("of_sha256".to_owned(), sha256.to_owned());
    let file = WeightFile::read(bytes)?;
    let read = |(name, shape): (String, Vec<usize>)| {
        let values = file.values(&name, &shape)?;
        Ok(NamedTensor { name, shape, values })
    };
    let tensors = shapes(&config).into_iter().map(read).collect::<Result<Vec<_>, Error>>()?;
    save_tensors(&config, &tensors, Precision::Int8, &facts)
}

/// `limit`: the most numbers that an 8-bit tensor may unfold to.
fn tensor(file: &SafeTensors<'_>, name: &str, limit: usize) -> Result<NamedTensor, Error> {
    let view = file.tensor(name).map_err(|_| Error::MissingTensor { name: name.to_owned() })?;
    let values = match view.dtype() {
        Dtype::U8 => return int8::matrix(file, name, limit),
        Dtype::F16 => {
            let halves: Vec<f16> =
                view.data().as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes)).collect();
            halves.to_f32_vec()
        }
        Dtype::F32 => view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
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
    let metadata = metadata(config, facts)?;
    let (dtype, bytes): (Dtype, Vec<Vec<u8>>) = match precision {
        Precision::Int8 => return int8::save(config, tensors, facts),
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

/// What stands in a file's header beside the places of its tensors.
fn metadata(
    config: &ModelConfig,
    facts: &BTreeMap<String, String>,
) -> Result<HashMap<String, String>, Error> {
    let mut metadata: HashMap<String, String> = facts.clone().into_iter().collect();
    metadata.insert("format".to_owned(), FORMAT.to_owned());
    metadata.insert("version".to_owned(), VERSION.to_string());
    let config = serde_json::to_string(config).map_err(|error| Error::Write(error.to_string()))?;
    metadata.insert("config".to_owned(), config);
    Ok(metadata)
}
