//! The one place that knows Burn: its devices and these kernels share what was opened once.

use burn::tensor::{Device, Tensor};
use cubecl::prelude::Client;

use crate::Error;

/// The queue of a device that Burn opened.
///
/// # Errors
/// If the device is no GPU of this build.
pub fn client(device: &Device) -> Result<Client, Error> {
    let tensor = Tensor::<1>::zeros([1], device);
    match tensor.try_into_primitive::<burn::backend::Cube>() {
        Ok(tensor) => Ok(tensor.client),
        Err(error) => Err(Error::Device(format!("{error:?}"))),
    }
}
