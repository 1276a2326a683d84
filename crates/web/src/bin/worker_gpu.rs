//! The worker that plays on a GPU: the only part of the page that knows CubeCL.
//!
//! Its device is in this program and not in the library, so that no other program carries the kernels.

#[cfg(target_arch = "wasm32")]
mod gpu {
    use cubecl::prelude::Client;
    use rnn::gpu::{self, Network, Tuning};
    use session::Notice;
    use session::protocol::Placement;

    /// The browser's GPU.
    pub(super) struct Gpu {
        client: Client,
        tuning: Tuning,
    }

    impl web::worker::Device for Gpu {
        type Backend = Network;

        /// Length of a chunk, which ends with a read-back. It is well below what Stop or a new temperature
        /// may take.
        const CHUNK_MS: f64 = 100.0;

        /// Once only: opening the same device again is an error, and a failed attempt counts, too.
        async fn open(placement: &Placement) -> Result<Self, Notice> {
            let tuning = if placement.is_software { Tuning::Software } else { Tuning::Gpu };
            match gpu::open().await {
                Ok(client) => Ok(Self { client, tuning }),
                Err(error) => {
                    Err(Notice::GpuFailed { why: error.to_string().trim_end_matches('.').to_owned() })
                }
            }
        }

        fn load(&self, bytes: &[u8]) -> Result<Network, rnn::Error> {
            Network::load(bytes, &self.client, self.tuning)
        }
    }
}

#[cfg(target_arch = "wasm32")]
unsafe extern "C" {
    /// Runs what CubeCL has run before `main` (`inventory`'s lists of its operations). If nothing calls it,
    /// the linker has every call from JavaScript run all of it again, and the worker runs at a tenth of its
    /// speed.
    fn __wasm_call_ctors();
}

fn main() {
    // Elsewhere there are no workers, and nothing to build them with.
    #[cfg(target_arch = "wasm32")]
    {
        // SAFETY: once, and before anything else, as the linker would.
        unsafe { __wasm_call_ctors() };
        web::worker::run::<gpu::Gpu>();
    }
}
