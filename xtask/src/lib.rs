//! Set-up, build, serve and test for the whole workspace, with few dependencies so that it starts in seconds.
//!
//! [`site`] makes the page, [`serve`] shows it, [`check`] runs what CI runs. What those need and a fresh
//! machine lacks is found or installed by [`wasm`], [`tools`], [`browser`] and, where there is nothing but
//! the distribution's archive, [`debian`]. The `tests` package uses [`serve::Server`] and [`browser`] too.
//!
//! What this crate does not do: it knows nothing about music, the network or the page's contents.

pub mod cli;

pub mod check;
mod checkout;
pub mod serve;
pub mod site;

pub mod browser;
pub mod debian;
pub mod tools;
pub mod wasm;

pub mod error;
pub mod paths;
pub mod process;

pub use error::{Error, Result};
