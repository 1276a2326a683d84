//! Weight files: what is written comes back, and what is wrong is named.

use std::collections::BTreeMap;

use burn::tensor::Device;
use expect_test::{Expect, expect};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rnn::weights::{
    NamedTensor, Precision, load, load_tensor, read_metadata, save, save_tensors, tensors, to_int8,
};
use rnn::{ModelConfig, Quantized};

fn config() -> ModelConfig {
    ModelConfig {
        layers: 2,
        hidden: 4,
        composers: vec!["Bach".into(), "Ravel".into()],
        ..ModelConfig::default()
    }
}

fn parts() -> Vec<NamedTensor> {
    tensors(&config().init(&Device::flex(), &mut ChaCha8Rng::seed_from_u64(1)))
}

#[track_caller]
fn refused(bytes: &[u8], expected: Expect) {
    expected.assert_eq(&load(bytes, &Device::flex()).expect_err("it is refused").to_string());
}

#[test]
fn full_precision_comes_back_exactly_and_half_nearly() {
    let model = config().init(&Device::flex(), &mut ChaCha8Rng::seed_from_u64(1));
    let facts = BTreeMap::from([("license".to_owned(), "CC BY-NC-SA 4.0".to_owned())]);
    for (precision, tolerance) in [(Precision::Full, 0.0), (Precision::Half, 1.0 / 2048.0)] {
        let bytes = save(&model, precision, &facts).unwrap();
        assert_eq!(read_metadata(&bytes).unwrap(), (config(), facts.clone()));
        let again = load(&bytes, &Device::flex()).unwrap();
        for (old, new) in tensors(&model).iter().zip(tensors(&again)) {
            assert_eq!((&old.name, &old.shape), (&new.name, &new.shape));
            assert!(
                old.values
                    .iter()
                    .zip(&new.values)
                    .all(|(a, b)| (a - b).abs() <= a.abs() * tolerance + tolerance / 1e4),
                "{}",
                old.name
            );
        }
    }
}

#[test]
fn tensors_have_names_that_say_where_they_belong() {
    let names: Vec<String> =
        parts().into_iter().map(|tensor| format!("{} {:?}", tensor.name, tensor.shape)).collect();
    expect![[r#"
        token [413, 16]
        sounding [128, 16]
        controls [25, 16]
        layers.0.recurrent [4, 16]
        layers.0.bias [16]
        layers.1.input [4, 16]
        layers.1.recurrent [4, 16]
        layers.1.bias [16]
        head [4, 413]
        head_bias [413]"#]]
    .assert_eq(&names.join("\n"));
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let mut parts = parts();
    parts[0].shape = vec![16, 413];
    let bytes = save_tensors(&config(), &parts, Precision::Half, &BTreeMap::new()).unwrap();
    refused(&bytes, expect!["expected `token` of shape [413, 16], found [16, 413]"]);
}

#[test]
fn a_missing_tensor_is_named() {
    let bytes = save_tensors(&config(), &parts()[1..], Precision::Half, &BTreeMap::new()).unwrap();
    refused(&bytes, expect!["expected a tensor `token` in the weight file, found none"]);
}

#[test]
fn other_files_are_refused() {
    refused(b"MThd", expect!["expected a safetensors weight file, found something else (header too small)"]);
    let foreign =
        safetensors::serialize(Vec::<(&str, safetensors::tensor::TensorView<'_>)>::new(), None).unwrap();
    refused(&foreign, expect!["expected weights of `performance-rnn`, found no format name"]);
    let bytes = save_tensors(&config(), &parts(), Precision::Half, &BTreeMap::new()).unwrap();
    let other_version = String::from_utf8_lossy(&bytes[8..]).contains(r#""version":"1""#);
    assert!(other_version, "the version stands in the header");
    let position = bytes.windows(13).position(|window| window == br#""version":"1""#).unwrap();
    let mut newer = bytes.clone();
    newer[position + 11] = b'9';
    refused(&newer, expect!["expected weight file version 1, found 9"]);
}

#[test]
fn damaged_files_are_refused_and_never_panic() {
    let bytes = save_tensors(&config(), &parts(), Precision::Half, &BTreeMap::new()).unwrap();
    for end in (0..bytes.len()).step_by(97) {
        assert!(load(&bytes[..end], &Device::flex()).is_err(), "cut at {end}");
    }
    for at in 0..600 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x15;
        let _ = load(&damaged, &Device::flex()).map(|model| tensors(&model).len());
    }
}

#[test]
fn in_8_bits_the_file_is_small_and_gives_the_numbers_that_are_played() {
    let half = save_tensors(&config(), &parts(), Precision::Half, &BTreeMap::new()).unwrap();
    let small = to_int8(&half, "00").unwrap();
    assert!(small.len() < half.len() * 3 / 4, "{} of {} bytes", small.len(), half.len());
    assert_eq!(read_metadata(&small).unwrap().1["of_sha256"], "00");
    // Not the bytes: the facts in a header have no order.
    let twice = to_int8(&small, "00").unwrap();
    for part in parts() {
        let [once, twice] = [&small, &twice].map(|file| load_tensor(file, &part.name).unwrap());
        assert_eq!(once, twice, "rounding again changes nothing");
    }
    let again = load(&small, &Device::flex()).unwrap();
    for (old, new) in parts().iter().zip(tensors(&again)) {
        assert_eq!((&old.name, &old.shape), (&new.name, &new.shape));
        let highest = old.values.iter().fold(0.0f32, |highest, x| highest.max(x.abs()));
        let is_near = |(a, b): (&f32, &f32)| (a - b).abs() <= highest / 25.0;
        assert!(old.values.iter().zip(&new.values).all(is_near), "{}", old.name);
    }
}

#[test]
fn no_damaged_byte_is_played() {
    let half = save_tensors(&config(), &parts(), Precision::Half, &BTreeMap::new()).unwrap();
    let small = to_int8(&half, "00").unwrap();
    for at in (0..small.len()).step_by(7) {
        let mut damaged = small.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(Quantized::load(&damaged).is_err(), "byte {at} of {}", small.len());
    }
    for n in [0, 7, 100, small.len() / 2, small.len() - 1] {
        assert!(Quantized::load(&small[..n]).is_err(), "{n} bytes of {}", small.len());
    }
    let mut damaged = small;
    *damaged.last_mut().unwrap() ^= 1;
    let found = load(&damaged, &Device::flex()).unwrap_err().to_string();
    assert!(found.starts_with("expected weights with the checksum "), "{found}");
}
