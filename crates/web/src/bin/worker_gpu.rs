//! The worker that plays on a GPU: the only part of the page that knows Burn.
//!
//! Its device belongs to this program and not to the library, so that nobody else carries Burn.

#[cfg(target_arch = "wasm32")]
mod gpu {
    use burn::tensor::Device;
    use rnn::Model;
    use web::notice::Notice;

    /// The browser's GPU.
    pub(super) struct Gpu(Device);

    impl web::worker::Device for Gpu {
        type Network = Model;

        /// Once only: opening the same device again is an error, and a failed attempt counts, too.
        async fn open() -> Result<Self, Notice> {
            match Device::wgpu_options().init_async().await {
                Ok(device) => Ok(Self(device)),
                Err(error) => {
                    Err(Notice::GpuFailed { why: error.to_string().trim_end_matches('.').to_owned() })
                }
            }
        }

        fn load(&self, bytes: &[u8]) -> Result<Model, rnn::Error> {
            rnn::weights::load(bytes, &self.0)
        }
    }
}

fn main() {
    // Elsewhere there are no workers, and nothing to build them with.
    #[cfg(target_arch = "wasm32")]
    web::worker::run::<gpu::Gpu>();
}
