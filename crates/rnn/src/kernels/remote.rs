//! The recurrence on a device of another machine: it travels as one operation each way, and the kernels run
//! there.

use burn::backend::ir::{BackendIr, CustomOpIr, HandleContainer, ScalarIr, TensorIr};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, Remote, TensorMetadata};
use burn::remote::CustomOpClient;
use burn::server::RemoteServer;
use burn::tensor::{DType, Device, Shape};

use super::Compute;
use super::fused::{Crop, Fused, Trace};

/// Names of the operations. The number is raised when their tensors change, so that programs of different
/// ages refuse each other instead of computing nonsense.
const FORWARD: &str = "performance-rnn/recurrence/1";
const BACKWARD: &str = "performance-rnn/recurrence-backward/1";

/// A server that lends devices of one backend, with the kernels that [`crate::Model`] asks for.
#[must_use]
pub fn server(devices: Vec<Device>) -> RemoteServer {
    let is_processor = devices.iter().all(|device| device.clone().inner() == Device::flex());
    let server = RemoteServer::new(devices);
    #[cfg(feature = "burn-gpu")]
    if !is_processor {
        return with_kernels::<burn::backend::Cube>(server);
    }
    let _ = is_processor;
    with_kernels::<Flex>(server)
}

fn with_kernels<B: Fused + BackendIr>(server: RemoteServer) -> RemoteServer {
    server
        .with_custom_op::<B, _>(FORWARD, |handles, op, _| run_forward::<B>(handles, op))
        .with_custom_op::<B, _>(BACKWARD, |handles, op, _| run_backward::<B>(handles, op))
}

/// The server's side of [`FORWARD`]: projections, weights, `h0`, `c0` to `h`, `c`, gates.
fn run_forward<B: Fused + BackendIr>(handles: &mut HandleContainer<B::Handle>, op: &CustomOpIr) {
    let (inputs, outputs) = op.as_fixed::<4, 3>();
    let [xp, weights, h0, c0] = inputs.each_ref().map(|tensor| handles.get_float_tensor::<B>(tensor));
    let crop = Crop { xp, weights, h0, c0, compute: compute(op) };
    let Some(trace) = B::forward(crop) else { unreachable!("the client asks for 32-bit floats") };
    for (output, tensor) in outputs.iter().zip([trace.h, trace.c, trace.gates]) {
        handles.register_float_tensor::<B>(&output.id, tensor);
    }
}

/// The server's side of [`BACKWARD`]: `dh`, weights, `h`, `c`, gates to the gradients of projections and
/// weights.
fn run_backward<B: Fused + BackendIr>(handles: &mut HandleContainer<B::Handle>, op: &CustomOpIr) {
    let (inputs, outputs) = op.as_fixed::<5, 2>();
    let [dh, weights, h, c, gates] = inputs.each_ref().map(|tensor| handles.get_float_tensor::<B>(tensor));
    let (dz, dw) = B::backward(dh, Trace { weights, h, c, gates, compute: compute(op) }, true);
    let Some(dw) = dw else { unreachable!("it was asked for") };
    for (output, tensor) in outputs.iter().zip([dz, dw]) {
        handles.register_float_tensor::<B>(&output.id, tensor);
    }
}

fn compute(op: &CustomOpIr) -> Compute {
    match op.scalars.first() {
        Some(ScalarIr::Bool(true)) => Compute::Bf16,
        _ => Compute::F32,
    }
}

impl Fused for Remote {
    fn forward(crop: Crop<Self>) -> Option<Trace<Self>> {
        let Crop { xp, weights, h0, c0, compute } = crop;
        let inputs = [xp, weights.clone(), h0, c0];
        let [time, batch, gates] = inputs[0].shape().dims();
        let are_floats = inputs.iter().all(|tensor| tensor.dtype() == DType::F32);
        // As many as the kernels of a GPU can index.
        if !are_floats || u32::try_from(time * batch * gates).is_err() {
            return None;
        }
        let states = [time + 1, batch, gates / 4];
        let [h, c, gates] =
            run(FORWARD, inputs, [states, states, [time, batch, gates]].map(Shape::new), compute);
        Some(Trace { weights, h, c, gates, compute })
    }

    fn backward(
        dh: FloatTensor<Self>,
        trace: Trace<Self>,
        _wants_weights: bool,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>) {
        let Trace { weights, h, c, gates, compute } = trace;
        let shapes = [gates.shape(), weights.shape()];
        let [dz, dw] = run(BACKWARD, [dh, weights, h, c, gates], shapes, compute);
        (dz, Some(dw))
    }
}

/// Has the server run an operation on 32-bit floats.
fn run<const IN: usize, const OUT: usize>(
    name: &'static str,
    inputs: [FloatTensor<Remote>; IN],
    shapes: [Shape; OUT],
    compute: Compute,
) -> [FloatTensor<Remote>; OUT] {
    let client = CustomOpClient::new(&inputs[0].device());
    let inputs = inputs.map(|tensor| tensor.into_ir());
    let outputs = shapes.map(|shape| TensorIr::uninit(client.create_empty_handle(), shape, DType::F32));
    let scalars = vec![ScalarIr::Bool(compute == Compute::Bf16)];
    match client.register(CustomOpIr::with_scalars(name, &inputs, &outputs, scalars)).try_into() {
        Ok(outputs) => outputs,
        Err(_) => unreachable!("an operation has the outputs that it was declared with"),
    }
}
