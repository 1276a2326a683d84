//! The page on which a recurrent network improvises, and the worker that runs the network.
//!
//! `app` is the page; the other programs are its workers. Either `worker_cpu` or `worker_gpu` composes; they
//! differ in the backend. `worker_burn` (`worker_burn_relaxed`, `worker_burn_gpu`: the same on other devices)
//! learns, when it is asked to. They exchange plain data, `session::protocol` and `session::teach`. The state
//! and its one pure reducer are `session::State`. Components show it. Hooks are its effects: the worker, the
//! sound, MIDI devices, the keyboard.
//!
//! There is one copy of the music, the tokens in `session::Take`. The schedule, the roll and the saved file
//! all read those. There is one clock, that of the audio hardware (`output::Clock`).
//!
//! **The page does not** know how music is composed: only `worker` and its programs may name `rnn`, and of those
//! only `worker_gpu` may name `cubecl`.

#![expect(unreachable_pub, reason = "an application: `pub` is for the crate's other modules")]
#![allow(missing_docs, reason = "an application: most names say enough")]

mod adapter;
mod app;
mod bench;
mod components;
mod database;
mod dropped;
mod engine;
mod file;
mod hooks;
pub mod js;
mod locks;
mod models;
mod output;
mod player;
pub mod queue;
mod roll;
mod sessions;
mod storage;
mod store;
mod teacher;
#[cfg(target_arch = "wasm32")]
pub mod worker;
mod worker_port;

/// Starts the page, or the benchmark if the address says so: `bench.html`.
pub fn run_app() {
    console_error_panic_hook::set_once();
    let path = js::window().location().pathname().unwrap_or_default();
    if path.ends_with("/bench.html") {
        yew::Renderer::<bench::BenchPage>::new().render();
    } else {
        yew::Renderer::<app::App>::new().render();
    }
}
