//! The page on which a recurrent network improvises, and the worker in which it composes.
//!
//! One program runs as two: [`run_app`] in the page, [`run_worker`] in a worker. Between them goes plain
//! data, [`protocol`]. In the page one pure reducer ([`state`]) knows everything that is shown; components
//! show it; hooks are its effects on the world: the worker, the sound, MIDI devices, the keyboard.
//!
//! Of the music there is one copy, the tokens in [`state::Take`]. The schedule that plays them, the roll
//! that shows them and the file that is saved all read those. Of time there is one clock, that of the audio
//! hardware ([`output::Clock`]).
//!
//! **This crate does not** know how music is composed: outside `worker`, nothing may name `rnn` or `burn`.

#![expect(unreachable_pub, reason = "an application: `pub` is for the crate's other modules")]

mod app;
mod components;
mod engine;
mod file;
mod format;
mod hooks;
mod js;
mod notice;
mod output;
mod player;
mod protocol;
mod roll;
mod state;
#[cfg(target_arch = "wasm32")]
mod worker;

#[cfg(target_arch = "wasm32")]
pub use worker::run_worker;

/// Starts the page.
pub fn run_app() {
    console_error_panic_hook::set_once();
    yew::Renderer::<app::App>::new().render();
}

/// The worker runs in browsers only.
#[cfg(not(target_arch = "wasm32"))]
pub fn run_worker() {}
