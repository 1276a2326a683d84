//! The worker: the only part of the page that knows the network.
//!
//! Its modules belong to this program and not to the library, so that the page does not carry the network.

#[cfg(target_arch = "wasm32")]
mod listen;

fn main() {
    // Elsewhere there are no workers, and nothing to build them with.
    #[cfg(target_arch = "wasm32")]
    listen::run();
}
