//! A folder served on this machine for a browser to open.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use xtask::serve::Server;

/// A served folder. It is served until the test program ends.
#[derive(Debug)]
pub struct Site {
    folder: PathBuf,
    address: SocketAddr,
}

impl Site {
    /// The built page, named by `PERFORMANCE_RNN_DIST`; prints why there is none.
    ///
    /// `cargo xtask test` builds the page and sets the variable; plain `cargo test` leaves it out.
    pub fn built() -> Option<Self> {
        let folder = std::env::var_os("PERFORMANCE_RNN_DIST");
        if folder.is_none() {
            println!("skipped: PERFORMANCE_RNN_DIST does not name a built page (`cargo xtask test` does)");
        }
        Some(Self::of(Path::new(&folder?)))
    }

    /// Serves `folder`, which must hold an `index.html`.
    pub fn of(folder: &Path) -> Self {
        let server = Server::bind(folder, 0).unwrap_or_else(|error| panic!("{error}"));
        let address = server.address();
        std::thread::spawn(|| server.run());
        Self { folder: folder.to_owned(), address }
    }

    /// The address of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What is served.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
