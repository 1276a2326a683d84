//! The device, opened once.

use anyhow::{Result, bail};
use burn::tensor::Device;

use crate::cli::DeviceKind;

/// Opens a device that this program was built for.
pub(crate) fn open(kind: DeviceKind) -> Result<Device> {
    match kind {
        DeviceKind::Flex => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        DeviceKind::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => Ok(Device::cuda(0)),
        #[allow(unreachable_patterns, reason = "reachable without the GPU features")]
        kind => {
            let name = format!("{kind:?}").to_lowercase();
            bail!("this program was built without {name}; build it with `--features {name}`")
        }
    }
}
