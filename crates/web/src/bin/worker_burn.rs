//! The worker that learns, with Burn on the CPU.

fn main() {
    // Elsewhere there are no workers.
    #[cfg(target_arch = "wasm32")]
    web::worker::teach::run();
}
