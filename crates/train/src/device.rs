//! The devices, each opened once.

use anyhow::{Result, bail, ensure};
use burn::tensor::Device;

use crate::cli::DeviceKind;

/// Opens a device that this program was built for.
pub(crate) fn open(kind: DeviceKind) -> Result<Device> {
    open_nth(kind, 0)
}

/// Opens several of a kind, to train on side by side.
pub(crate) fn open_all(kind: DeviceKind, numbers: &[usize]) -> Result<Vec<Device>> {
    // Burn sums up gradients across devices through NCCL.
    ensure!(
        numbers == [0] || kind == DeviceKind::Cuda,
        "expected `--device cuda` for chosen devices, found {}",
        format!("{kind:?}").to_lowercase()
    );
    let is_twice = |(i, number): (usize, &usize)| numbers[..i].contains(number);
    ensure!(!numbers.iter().enumerate().any(is_twice), "expected each device once, found {numbers:?}");
    numbers.iter().map(|&number| open_nth(kind, number)).collect()
}

fn open_nth(kind: DeviceKind, number: usize) -> Result<Device> {
    let _ = number;
    match kind {
        DeviceKind::Flex => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        DeviceKind::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => Ok(Device::cuda(number)),
        #[allow(unreachable_patterns, reason = "reachable without the GPU features")]
        kind => {
            let name = format!("{kind:?}").to_lowercase();
            bail!("this program was built without {name}; build it with `--features {name}`")
        }
    }
}
