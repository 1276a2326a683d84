//! The worker that learns, and the network in 32 bits to play: Burn on WebGPU.
//!
//! Its device is in this program and not in the library, so that no other program carries Burn's kernels.

#[cfg(target_arch = "wasm32")]
mod gpu {
    use web::worker::teach::Place;

    /// The browser's GPU.
    #[derive(Debug)]
    pub(super) struct OnWebGpu;

    impl Place for OnWebGpu {
        const CAN_BE_LOST: bool = true;

        async fn open() -> Result<learn::Device, learn::Error> {
            learn::gpu().await
        }
    }
}

#[cfg(target_arch = "wasm32")]
unsafe extern "C" {
    /// See `worker_gpu`: CubeCL's lists of its operations, made once instead of at every call.
    fn __wasm_call_ctors();
}

fn main() {
    // Elsewhere there are no workers, and nothing to build them with.
    #[cfg(target_arch = "wasm32")]
    {
        // SAFETY: once, and before anything else, as the linker would.
        unsafe { __wasm_call_ctors() };
        web::worker::teach::run::<gpu::OnWebGpu>();
    }
}
