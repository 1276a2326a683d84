//! Weight files in 8 bits: the integers that [`Quantized`](crate::Quantized) computes with, deflated.
//!
//! Each matrix is a tensor of bytes, a zlib stream of its int8 numbers row by row; `NAME.highest` has the largest
//! magnitude of each column in half precision, which the integer 127 (in gates 63) stands for. Vectors are in half
//! precision. `checksum` is the Adler-32 of the file with zeros in that place, so that no damage is played.
//!
//! Deflate, because its decoder is small.

use std::collections::BTreeMap;

use adler2::Adler32;
use half::f16;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::{NamedTensor, metadata};
use crate::quantized::rounding::{GATES_MAX, MAX, column_maxima, integer, inverse, number};
use crate::{Error, ModelConfig};

/// The tensor that holds the checksum.
const CHECKSUM: &str = "checksum";
/// The smallest output.
const LEVEL: u8 = 9;

/// A file of these tensors.
///
/// # Errors
/// If it cannot be put together.
pub(super) fn save(
    config: &ModelConfig,
    tensors: &[NamedTensor],
    facts: &BTreeMap<String, String>,
) -> Result<Vec<u8>, Error> {
    let write = |error: &dyn std::fmt::Display| Error::Write(error.to_string());
    let halves: Vec<NamedTensor> = tensors.iter().map(in_half_precision).collect();
    let mut parts = vec![(CHECKSUM.to_owned(), Dtype::U32, vec![1], vec![0; 4])];
    for tensor in &halves {
        let NamedTensor { name, shape, values } = tensor;
        let &[_, width] = shape.as_slice() else {
            parts.push((name.clone(), Dtype::F16, shape.clone(), bytes_of(values)));
            continue;
        };
        let stacked: Vec<&[f32]> =
            halves.iter().filter(|other| share(name, &other.name)).map(|t| &t.values[..]).collect();
        let highest = column_maxima(&stacked, width);
        let inverses: Vec<f32> = highest.iter().map(|&highest| inverse(highest, max(name))).collect();
        let rows = values.chunks_exact(width.max(1));
        let integers: Vec<u8> = rows
            .flat_map(|row| {
                row.iter().zip(&inverses).map(|(&x, &inverse)| integer(x, inverse).cast_unsigned())
            })
            .collect();
        let packed = compress_to_vec_zlib(&integers, LEVEL);
        parts.push((name.clone(), Dtype::U8, vec![packed.len()], packed));
        parts.push((of_columns(name), Dtype::F16, vec![width], bytes_of(&highest)));
    }
    let views = parts
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| write(&e))?;
    let mut file = safetensors::serialize(views, Some(metadata(config, facts)?)).map_err(|e| write(&e))?;
    let place = place(&file).ok_or_else(|| write(&"the checksum has no place"))?;
    let sum = sum(&file, place).to_le_bytes();
    file[place..place + sum.len()].copy_from_slice(&sum);
    Ok(file)
}

/// Whether the file was compared with its checksum, and a matrix in 8 bits can be of this shape, before memory is taken
/// for it: deflate saves a factor of 1032 at most.
///
/// # Errors
/// If it cannot.
pub(super) fn check(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<(), Error> {
    let found = |found| Error::Tensor { name: name.to_owned(), expected: shape.to_vec(), found };
    let &[rows, width] = shape else { return Err(found(Vec::new())) };
    if !file.tensor(CHECKSUM).is_ok_and(|sum| sum.dtype() == Dtype::U32) {
        return Err(Error::MissingTensor { name: CHECKSUM.to_owned() });
    }
    let columns = of_columns(name);
    let highest = file.tensor(&columns).map_err(|_| Error::MissingTensor { name: columns })?;
    let n_packed = file.tensor(name).map_or(0, |packed| packed.data().len());
    let most = n_packed.saturating_mul(1032);
    if highest.shape() != [width] || most < rows * width {
        return Err(found(highest.shape().to_vec()));
    }
    Ok(())
}

/// A matrix of at most `limit` numbers, if the file has this one in 8 bits.
///
/// # Errors
/// If its bytes or its columns are damaged.
pub(super) fn matrix(file: &SafeTensors<'_>, name: &str, limit: usize) -> Result<NamedTensor, Error> {
    let damaged = |found: String| Error::Packed { name: name.to_owned(), found };
    let packed = file.tensor(name).map_err(|e| damaged(e.to_string()))?;
    let highest = super::tensor(file, &of_columns(name), limit)?.values;
    let integers =
        decompress_to_vec_zlib_with_limit(packed.data(), limit).map_err(|e| damaged(e.to_string()))?;
    let width = highest.len();
    if width == 0 || !integers.len().is_multiple_of(width) {
        return Err(damaged(format!("{} numbers in {width} columns", integers.len())));
    }
    let max = max(name);
    let numbers = |row: &[u8]| -> Vec<f32> {
        row.iter().zip(&highest).map(|(q, &highest)| number(q.cast_signed(), highest, max)).collect()
    };
    let values = integers.chunks_exact(width).flat_map(numbers).collect();
    Ok(NamedTensor { name: name.to_owned(), shape: vec![integers.len() / width, width], values })
}

/// Compares the file with its checksum, if it has one.
///
/// # Errors
/// If they differ.
pub(super) fn verify(file: &[u8]) -> Result<(), Error> {
    let Some(place) = place(file) else { return Ok(()) };
    let expected = u32::from_le_bytes(std::array::from_fn(|i| file[place + i]));
    let found = sum(file, place);
    if expected == found { Ok(()) } else { Err(Error::Checksum { expected, found }) }
}

/// Where the checksum stands.
fn place(file: &[u8]) -> Option<usize> {
    let (n, header) = SafeTensors::read_metadata(file).ok()?;
    let info = header.info(CHECKSUM).filter(|info| info.dtype == Dtype::U32)?;
    let place = size_of::<u64>() + n + info.data_offsets.0;
    (place + size_of::<u32>() <= file.len()).then_some(place)
}

fn sum(file: &[u8], place: usize) -> u32 {
    let (before, rest) = file.split_at(place);
    let mut sum = Adler32::new();
    [before, &[0; 4], &rest[4..]].into_iter().for_each(|part| sum.write_slice(part));
    sum.checksum()
}

/// The largest integer of a matrix.
fn max(name: &str) -> i32 {
    if layer(name).is_some() { GATES_MAX } else { MAX }
}

/// Whether the columns of two tensors have their scales in common: those of a layer's gates do.
fn share(name: &str, other: &str) -> bool {
    name == other || layer(name).is_some_and(|own| layer(other) == Some(own))
}

/// Whose gates a matrix feeds.
fn layer(name: &str) -> Option<&str> {
    name.strip_suffix(".recurrent").or_else(|| name.strip_suffix(".input"))
}

fn of_columns(name: &str) -> String {
    format!("{name}.highest")
}

fn in_half_precision(tensor: &NamedTensor) -> NamedTensor {
    let values = tensor.values.iter().map(|&x| f16::from_f32(x).to_f32()).collect();
    NamedTensor { values, ..tensor.clone() }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect()
}
