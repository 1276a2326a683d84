//! The crate's one error type.

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no weight file at all.
    #[error("expected a safetensors weight file, found something else ({0})")]
    NotWeights(String),
    /// A safetensors file, but of another program.
    #[error("expected weights of `performance-rnn`, found {found}")]
    OtherFormat {
        /// What the file says it is.
        found: String,
    },
    /// Written by a newer or older program.
    #[error("expected weight file version {expected}, found {found}")]
    Version {
        /// The version this program reads.
        expected: u32,
        /// The version in the file.
        found: String,
    },
    /// The file's configuration cannot be read.
    #[error("expected a model configuration in the weight file, found {0}")]
    Config(String),
    /// A tensor is missing.
    #[error("expected a tensor `{name}` in the weight file, found none")]
    MissingTensor {
        /// The tensor's name.
        name: String,
    },
    /// A tensor does not fit the configuration.
    #[error("expected `{name}` of shape {expected:?}, found {found:?}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The file was damaged on its way.
    #[error("expected weights with the checksum {expected:08x}, found {found:08x}: the file is damaged")]
    Checksum {
        /// The file's.
        expected: u32,
        /// What its bytes have.
        found: u32,
    },
    /// A matrix in 8 bits cannot be unfolded.
    #[error("expected `{name}` in 8 bits, found {found}")]
    Packed {
        /// The tensor's name.
        name: String,
        /// What is wrong with it.
        found: String,
    },
    /// A tensor holds something else than floating-point numbers.
    #[error("expected `{name}` in 16 or 32 bit floating point, found {found}")]
    Dtype {
        /// The tensor's name.
        name: String,
        /// The element type in the file.
        found: String,
    },
    /// A tensor holds something that is no number, or a very large one.
    #[error("expected numbers within ±65504 in `{name}`, found {found}")]
    Weight {
        /// The tensor's name.
        name: String,
        /// The first wrong one.
        found: f32,
    },
    /// Writing a weight file failed.
    #[error("the weights could not be written: {0}")]
    Write(String),
    /// Something that is not about the network.
    #[error(transparent)]
    Performance(#[from] performance::Error),
    /// A setting is out of range.
    #[error("expected {name} {expected}, found {found}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What it may be.
        expected: String,
        /// What it was.
        found: String,
    },
    /// The device could not hand over its results.
    #[error("the device did not return its results: {0}")]
    Device(String),
    /// The network produced something that is no number.
    #[error("expected finite network outputs, found {0}; the weights are damaged or the device is faulty")]
    NotFinite(f32),
}
