//! The page on which a recurrent network improvises, and the worker in which it composes.
//!
//! Three programs: `app` is the page; beside it composes either `worker_cpu` or `worker_gpu`, which differ in what
//! runs the network. Between them goes plain data, `session::protocol`. One pure reducer, `session::State`, knows
//! everything that is shown; components show it; hooks are its effects on the world: the worker, the sound, MIDI
//! devices, the keyboard.
//!
//! Of the music there is one copy, the tokens in `session::Take`. The schedule that plays them, the roll
//! that shows them and the file that is saved all read those. Of time there is one clock, that of the audio
//! hardware (`output::Clock`).
//!
//! **The page does not** know how music is composed: only `worker` and its two programs may name `rnn`, and of those
//! only `worker_gpu` may name `cubecl`.

#![expect(unreachable_pub, reason = "an application: `pub` is for the crate's other modules")]

mod adapter;
mod app;
mod bench;
mod components;
mod engine;
mod file;
mod hooks;
pub mod js;
mod output;
mod player;
pub mod queue;
mod roll;
mod storage;
mod store;
#[cfg(target_arch = "wasm32")]
pub mod worker;

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
