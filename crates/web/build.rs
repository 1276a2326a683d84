//! Names the version of the weights, so that a browser's cache never holds an outdated file.

use std::path::Path;

fn main() {
    let weights = Path::new("../../www/weights/base.safetensors");
    println!("cargo::rerun-if-changed={}", weights.display());
    // FNV-1a, 64 bits: no secret, just another name for another content.
    let bytes = std::fs::read(weights).unwrap_or_default();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    println!("cargo::rustc-env=WEIGHTS_VERSION={hash:016x}");
}
