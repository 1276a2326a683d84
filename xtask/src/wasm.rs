//! A compiler for `wasm32-unknown-unknown`: chosen at run time, since not every machine can have the same
//! one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{self, command, output, run_within, which};
use crate::{Error, Result, debian, paths};

/// The name of the browser's target.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's own compiler for its browsers, with the sources of the standard library.
const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "lld-19"];

/// rustup tries long before it admits that there is no network.
const RUSTUP_LIMIT: Duration = Duration::from_secs(300);

/// Where the compiler for the page comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that builds everything else: its sysroot has the target.
    Native,
    /// Debian's `rustc-web`, which builds the standard library itself: `/usr/bin/cargo`.
    Debian,
}

impl Toolchain {
    /// Finds a compiler, or installs one.
    ///
    /// # Errors
    /// None could be had: the sentence says what to install.
    pub fn ensure() -> Result<Self> {
        let forced = env::var("PERFORMANCE_RNN_WASM").unwrap_or_default();
        match forced.as_str() {
            "debian" => {
                return debian::ensure(&DEBIAN_PACKAGES, "compiling for the browser").map(|()| Self::Debian);
            }
            "" | "rustup" => {}
            other => {
                return Err(Error::new(format!("PERFORMANCE_RNN_WASM is rustup or debian, not `{other}`")));
            }
        }
        if sysroot_has_target() {
            return Ok(Self::Native);
        }
        let rustup = add_target();
        if rustup.is_ok() && sysroot_has_target() {
            return Ok(Self::Native);
        }
        let wanted =
            format!("the page needs a Rust compiler with the target {TARGET}: `rustup target add {TARGET}`");
        if forced.is_empty() && debian::is_debian() {
            println!("no {TARGET} from rustup, so Debian's compiler builds the page");
            let installed = debian::ensure(&DEBIAN_PACKAGES, "compiling for the browser");
            return installed
                .map(|()| Self::Debian)
                .map_err(|error| Error::new(format!("{wanted}, or else {error}")));
        }
        match rustup {
            Err(error) => Err(Error::new(format!("{wanted} ({error})"))),
            Ok(()) => Err(Error::new(wanted)),
        }
    }

    /// Makes `command`, and any Cargo below it, compile with this toolchain into [`paths::target_wasm`].
    pub fn apply(self, command: &mut Command) {
        command.env("CARGO_TARGET_DIR", paths::target_wasm());
        // These would override the flags in .cargo/config.toml.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if self == Self::Debian {
            process::prepend_path(command, &[PathBuf::from("/usr/bin")]);
            command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/usr/bin/wasm-ld-19")
                // `cargo run` put the other compiler's libraries there.
                .env_remove("LD_LIBRARY_PATH");
        }
    }

    /// Cargo with this toolchain.
    pub fn cargo(self, subcommand: &str) -> Command {
        let mut cargo = match self {
            Self::Native => process::cargo(subcommand),
            Self::Debian => {
                let mut cargo = command("/usr/bin/cargo");
                cargo.arg(subcommand);
                cargo
            }
        };
        self.apply(&mut cargo);
        cargo.args(["--target", TARGET]);
        cargo
    }
}

fn sysroot_has_target() -> bool {
    let sysroot = output(command("rustc").args(["--print", "sysroot"])).unwrap_or_default();
    Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

fn add_target() -> Result<()> {
    let rustup = which("rustup").ok_or_else(|| Error::new("there is no rustup on this machine"))?;
    run_within(command(rustup).args(["target", "add", TARGET]), RUSTUP_LIMIT)
}
