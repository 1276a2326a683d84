//! The worker that plays on the CPU: small, and without Burn.

fn main() {
    // Elsewhere there are no workers.
    #[cfg(target_arch = "wasm32")]
    web::worker::run::<web::worker::Processor>();
}
