//! The devices, each opened once.

use anyhow::{Result, bail, ensure};
use burn::tensor::Device;

use crate::cli::{DeviceKind, ServeDeviceArgs};

/// Opens a device that this program was built for.
pub(crate) fn open(kind: DeviceKind) -> Result<Device> {
    open_nth(kind, None)
}

/// Opens several of a kind, to train on side by side.
///
/// The CPU is one device: chosen twice, two networks share it.
pub(crate) fn open_all(kind: DeviceKind, numbers: &[usize]) -> Result<Vec<Device>> {
    check(numbers)?;
    match numbers {
        [0] => Ok(vec![open(kind)?]),
        _ => numbers.iter().map(|&number| open_nth(kind, Some(number))).collect(),
    }
}

/// Opens devices that `serve-device` lends at `url`.
#[cfg(feature = "remote")]
pub(crate) fn open_remote(url: &str, token: Option<&str>, numbers: &[usize]) -> Result<Vec<Device>> {
    use anyhow::Context;
    use burn::remote::RemoteHost;

    check(numbers)?;
    ensure!(url.starts_with("ws://"), "expected an address like ws://HOST:PORT, found {url}");
    let host = RemoteHost::websocket(url);
    let host = match token {
        Some(token) => host.with_credential(token),
        None => host,
    };
    let open = |&number: &usize| {
        let device = Device::remote_options(&host).device_index(number).init();
        device.with_context(|| format!("device {number} of {url} cannot be had"))
    };
    numbers.iter().map(open).collect()
}

#[cfg(not(feature = "remote"))]
pub(crate) fn open_remote(_: &str, _: Option<&str>, _: &[usize]) -> Result<Vec<Device>> {
    bail!("{NO_REMOTE}")
}

/// Lends devices until the program is ended.
#[cfg(feature = "remote")]
pub(crate) fn serve(args: &ServeDeviceArgs) -> Result<()> {
    use std::net::TcpListener;

    use anyhow::Context;
    use burn::server::{TokenAuthorizer, WebSocketTransport};

    let listener =
        TcpListener::bind(args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    let server = rnn::server(open_all(args.device, &args.devices)?);
    let server = match &args.token {
        Some(token) => server.with_authorizer(TokenAuthorizer::new(token.as_str())?),
        None => server,
    };
    let name = format!("{:?}", args.device).to_lowercase();
    crate::say::say!("lending {name} {:?} at ws://{}", args.devices, listener.local_addr()?)?;
    Ok(server.serve(WebSocketTransport::from_listener(listener))?)
}

#[cfg(not(feature = "remote"))]
pub(crate) fn serve(_: &ServeDeviceArgs) -> Result<()> {
    bail!("{NO_REMOTE}")
}

#[cfg(not(feature = "remote"))]
const NO_REMOTE: &str = "this program was built without remote devices; build it with `--features remote`";

fn check(numbers: &[usize]) -> Result<()> {
    let is_twice = |(i, number): (usize, &usize)| numbers[..i].contains(number);
    ensure!(!numbers.iter().enumerate().any(is_twice), "expected each device once, found {numbers:?}");
    Ok(())
}

/// Without a number, the best there is.
fn open_nth(kind: DeviceKind, number: Option<usize>) -> Result<Device> {
    let _ = number;
    match kind {
        DeviceKind::Flex => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        DeviceKind::Wgpu => Ok(Device::wgpu(match number {
            None => burn::tensor::DeviceKind::DefaultDevice,
            Some(number) => burn::tensor::DeviceKind::DiscreteGpu(number),
        })),
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => Ok(Device::cuda(number.unwrap_or(0))),
        #[allow(unreachable_patterns, reason = "reachable without the GPU features")]
        kind => {
            let name = format!("{kind:?}").to_lowercase();
            bail!("this program was built without {name}; build it with `--features {name}`")
        }
    }
}
