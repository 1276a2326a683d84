//! GPUs, and those that Burn opened.

#[cfg(feature = "burn")]
use burn::tensor::{Device, Tensor};
use cubecl::prelude::Client;

use crate::Error;

/// Opens the fastest GPU of the machine, or a software adapter. Once in a program.
///
/// # Errors
/// If there is none, or it was opened before.
#[cfg(feature = "wgpu")]
pub async fn open() -> Result<Client, Error> {
    use cubecl::wgpu::{AutoGraphicsApi, RuntimeOptions, WgpuDevice, try_init_setup_async};

    let device = WgpuDevice::default();
    let opened = try_init_setup_async::<AutoGraphicsApi>(&device, RuntimeOptions::default()).await;
    opened.map_err(|error| Error::Device(error.to_string()))?;
    Ok(cubecl::Device::Wgpu(device).client())
}

/// The queue of a device that Burn opened: its tensors and these kernels share it.
///
/// # Errors
/// If the device is no GPU of this build.
#[cfg(feature = "burn")]
pub fn client(device: &Device) -> Result<Client, Error> {
    let tensor = Tensor::<1>::zeros([1], device);
    match tensor.try_into_primitive::<burn::backend::Cube>() {
        Ok(tensor) => Ok(tensor.client),
        Err(error) => Err(Error::Device(format!("{error:?}"))),
    }
}
