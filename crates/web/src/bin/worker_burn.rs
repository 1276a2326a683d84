//! The worker that learns, and the network in 32 bits to play: Burn on the CPU.

fn main() {
    // Elsewhere there are no workers.
    #[cfg(target_arch = "wasm32")]
    web::worker::teach::run::<web::worker::teach::OnCpu>();
}
