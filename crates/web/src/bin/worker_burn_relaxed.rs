//! The worker that learns with Burn on the CPU, where the browser multiplies and adds in one instruction. A browser
//! without it refuses the whole program, so it is another one than `worker_burn`.

fn main() {
    // Elsewhere there are no workers.
    #[cfg(target_arch = "wasm32")]
    web::worker::teach::run::<web::worker::teach::OnCpu>();
}
