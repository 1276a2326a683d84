//! A folder served on this machine for a browser to open, over a connection that can be made bad.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use xtask::serve::{Isolation, Server};

/// A served folder. It is served until the test program ends.
#[derive(Debug)]
pub struct Site {
    folder: PathBuf,
    address: SocketAddr,
    line: Arc<Mutex<Line>>,
}

/// What can be wrong with the answers to some requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The connection breaks after this many bytes.
    BreaksAfter(usize),
    /// At most this many bytes arrive per second.
    Slow(usize),
    /// Nothing more comes after this many bytes, and the connection stays.
    StallsAfter(usize),
    /// The page comes in place of the file, as some hosts answer for a file that they have not.
    PageInstead,
}

/// How fast a line is that all connections share: those of the page, of its workers and of the browser itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Millions of bits per second, from the server.
    pub mbits_per_second: f64,
    /// Until an answer begins.
    pub latency: Duration,
}

/// The connection between browser and server.
#[derive(Debug, Default)]
struct Line {
    requests: Vec<String>,
    troubles: Vec<(String, Trouble)>,
    speed: Option<Speed>,
    /// When what was sent so far has passed.
    is_free_at: Option<Instant>,
}

impl Line {
    /// When so many more bytes have passed.
    fn pass(&mut self, speed: Speed, n_bytes: usize) -> Instant {
        let now = Instant::now();
        let takes = Duration::from_secs_f64(n_bytes as f64 * 8e-6 / speed.mbits_per_second);
        let passed = self.is_free_at.map_or(now, |free| free.max(now)) + takes;
        self.is_free_at = Some(passed);
        passed
    }
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
        Self::behind(folder, Server::bind(folder, 0).unwrap_or_else(|error| panic!("{error}")))
    }

    /// Serves any `folder` to programs that use several threads.
    pub fn isolated(folder: &Path) -> Self {
        let server = Server::bind_any(folder, 0, Isolation::Yes);
        Self::behind(folder, server.unwrap_or_else(|error| panic!("{error}")))
    }

    fn behind(folder: &Path, server: Server) -> Self {
        let behind = server.address();
        std::thread::spawn(|| server.run());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let line = Arc::new(Mutex::new(Line::default()));
        let shared = Arc::clone(&line);
        std::thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                let line = Arc::clone(&shared);
                // A browser that hangs up early is no news.
                std::thread::spawn(move || connect(&browser, behind, &line).unwrap_or_default());
            }
        });
        Self { folder: folder.to_owned(), address, line }
    }

    /// The address of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What is served.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The paths requested so far, in order, with their queries.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.line).requests.clone()
    }

    /// From now on, requests whose path contains `part` are in `trouble`.
    pub fn trouble(&self, part: &str, trouble: Trouble) {
        lock(&self.line).troubles.push((part.to_owned(), trouble));
    }

    /// The same, and all other troubles end.
    pub fn trouble_only(&self, part: &str, trouble: Trouble) {
        lock(&self.line).troubles = vec![(part.to_owned(), trouble)];
    }

    /// From now on the line is as slow as this; `None` is as fast as the machine.
    pub fn limit(&self, speed: Option<Speed>) {
        lock(&self.line).speed = speed;
    }

    /// Ends all troubles, for the requests that come after.
    pub fn mend(&self) {
        lock(&self.line).troubles.clear();
    }
}

/// Hands one request to the server `behind`, and its answer back.
fn connect(mut browser: &TcpStream, behind: SocketAddr, line: &Mutex<Line>) -> std::io::Result<()> {
    let mut request = String::new();
    let mut reader = BufReader::new(browser);
    while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request)? > 0 {}
    let Some(path) = request.split(' ').nth(1) else { return Ok(()) };
    let (trouble, speed) = {
        let mut line = lock(line);
        line.requests.push(path.to_owned());
        let trouble = line.troubles.iter().find(|(part, _)| path.contains(part.as_str()));
        (trouble.map(|(_, trouble)| *trouble), line.speed)
    };
    if trouble == Some(Trouble::PageInstead) {
        request = request.replacen(path.to_owned().as_str(), "/", 1);
    }
    std::thread::sleep(speed.map_or(Duration::ZERO, |speed| speed.latency));
    let mut server = TcpStream::connect(behind)?;
    server.write_all(request.as_bytes())?;
    let mut buffer = vec![0; 16 * 1024];
    let mut sent = 0;
    loop {
        let limit = match trouble {
            Some(Trouble::BreaksAfter(bytes)) => bytes.saturating_sub(sent).min(buffer.len()),
            Some(Trouble::Slow(per_second)) => (per_second / 10).clamp(1, buffer.len()),
            Some(Trouble::StallsAfter(bytes)) if sent >= bytes => {
                std::thread::sleep(Duration::from_secs(600));
                return Ok(());
            }
            // A few packets, so that connections take turns.
            Some(Trouble::StallsAfter(_) | Trouble::PageInstead) | None => {
                speed.map_or(buffer.len(), |_| 4 * 1460)
            }
        };
        let received = server.read(&mut buffer[..limit])?;
        if received == 0 {
            return browser.shutdown(Shutdown::Both);
        }
        if let Some(speed) = speed {
            let passed = lock(line).pass(speed, received);
            std::thread::sleep(passed.saturating_duration_since(Instant::now()));
        }
        browser.write_all(&buffer[..received])?;
        sent += received;
        if let Some(Trouble::Slow(_)) = trouble {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}
