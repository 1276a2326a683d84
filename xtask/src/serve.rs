//! A web server for a folder on this machine: enough HTTP for a browser, and not a byte more.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::error::at;
use crate::site::{self, FOR_GOOD};
use crate::{Error, Result, browser, paths};

/// How long a reader that does not get on is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Compressed files that may lie beside a file: the name's ending and what HTTP calls it, smallest first.
const ENCODINGS: [(&str, &str); 2] = [("br", "br"), ("gz", "gzip")];

/// Who can reach the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// This computer.
    #[default]
    Loopback,
    /// All computers in its network.
    Network,
}

impl Reach {
    fn address(self) -> IpAddr {
        match self {
            Self::Loopback => Ipv4Addr::LOCALHOST.into(),
            Self::Network => Ipv4Addr::UNSPECIFIED.into(),
        }
    }
}

/// Whether the page is opened once it is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Opens {
    /// By the visitor.
    #[default]
    Nothing,
    /// In the browser that the computer opens pages with.
    Browser,
}

/// Has `dist/` built and serves it until the program is ended. The port is taken first.
///
/// # Errors
/// The port is taken, or the page does not build.
pub fn forever(port: u16, reach: Reach, opens: Opens, build: impl FnOnce() -> Result<()>) -> Result<()> {
    let server = Server::bind_to(&paths::dist(), reach.address(), port, Isolation::No)?;
    build()?;
    let port = server.address().port();
    let address = format!("http://127.0.0.1:{port}");
    println!("\nserving {} on {address} (Ctrl-C ends it)", paths::dist().display());
    if reach == Reach::Network {
        println!(
            "Others in this network reach it at http://THIS-COMPUTER:{port}. Browsers treat such an address as not \
             secure: the page plays there, but they offer Web MIDI, WebGPU, offline use and the cache for the model to \
             https pages only. For these, put dist/ on a host with https (docs/hosting.md)."
        );
    }
    if opens == Opens::Browser
        && let Err(error) = browser::open(&address)
    {
        println!("note: {error}");
    }
    server.run();
    Ok(())
}

/// A folder served over HTTP, with the headers that docs/hosting.md recommends.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    listener: TcpListener,
    address: SocketAddr,
    isolation: Isolation,
}

/// Whether pages are alone in their process, which programs with several threads ask for. Ours has no need of
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// As any page.
    No,
    /// `Cross-Origin-Opener-Policy` and `Cross-Origin-Embedder-Policy` are sent.
    Yes,
}

impl Server {
    /// Listens on `port`, or on any free one for 0.
    ///
    /// # Errors
    /// `folder` holds no page, or the port is taken.
    pub fn bind(folder: &Path, port: u16) -> Result<Self> {
        let index = folder.join("index.html");
        fs::metadata(&index).map_err(at(&index))?;
        Self::bind_any(folder, port, Isolation::No)
    }

    /// Like [`bind`](Self::bind), for a folder of any files.
    ///
    /// # Errors
    /// The port is taken.
    pub fn bind_any(folder: &Path, port: u16, isolation: Isolation) -> Result<Self> {
        Self::bind_to(folder, Ipv4Addr::LOCALHOST.into(), port, isolation)
    }

    fn bind_to(folder: &Path, ip: IpAddr, port: u16, isolation: Isolation) -> Result<Self> {
        let refused =
            |error| Error::new(format!("port {port} cannot be used: {error}; choose another with --port"));
        let listener = TcpListener::bind((ip, port)).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { folder: folder.to_owned(), listener, address, isolation })
    }

    /// The address to open.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests, each on its own thread, for as long as the program runs.
    pub fn run(self) {
        for stream in self.listener.incoming().flatten() {
            let (folder, isolation) = (self.folder.clone(), self.isolation);
            std::thread::spawn(move || {
                if let Err(error) = answer(&folder, isolation, &stream) {
                    // A tab that was closed is no news.
                    let quiet = [std::io::ErrorKind::BrokenPipe, std::io::ErrorKind::ConnectionReset];
                    if !quiet.contains(&error.kind()) {
                        eprintln!("serve: {error}");
                    }
                }
            });
        }
    }
}

fn answer(folder: &Path, isolation: Isolation, mut stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = String::new();
    let mut reader = BufReader::new(stream.take(16 * 1024));
    reader.read_line(&mut request)?;
    if request.is_empty() {
        return Ok(()); // A connection the browser opened to have one in hand.
    }
    let (mut header, mut accepted) = (String::new(), String::new());
    while reader.read_line(&mut header)? > 2 {
        let (name, value) = header.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("accept-encoding") {
            value.trim().clone_into(&mut accepted);
        }
        header.clear();
    }
    let mut words = request.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut answer = match method {
        "GET" | "HEAD" => file_for(folder, target)
            .and_then(|file| Answer::with(&file, &accepted))
            .unwrap_or_else(|| Answer::words("404 Not Found", "no such file\n")),
        _ => Answer::words("405 Method Not Allowed", "only GET and HEAD\n"),
    };
    if isolation == Isolation::Yes {
        answer.headers +=
            "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n";
    }
    let Answer { status, headers, body } = answer;
    let n = body.len()?;
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {n}\r\nConnection: close\r\n\r\n")?;
    if method != "HEAD" {
        body.write_to(stream)?;
    }
    stream.flush()
}

/// What a request gets.
struct Answer {
    status: &'static str,
    /// Lines that end in CRLF.
    headers: String,
    body: Body,
}

/// What comes after the headers. Files are passed on piece by piece: a reader that stalls holds none in memory.
enum Body {
    Words(&'static str),
    File(fs::File),
}

impl Body {
    fn len(&self) -> std::io::Result<u64> {
        match self {
            Self::Words(words) => Ok(words.len() as u64),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }

    fn write_to(self, mut stream: &TcpStream) -> std::io::Result<()> {
        match self {
            Self::Words(words) => stream.write_all(words.as_bytes()),
            Self::File(mut file) => std::io::copy(&mut file, &mut stream).map(drop),
        }
    }
}

impl Answer {
    fn words(status: &'static str, words: &'static str) -> Self {
        let headers = "Content-Type: text/plain\r\nCache-Control: no-cache\r\n".to_owned();
        Self { status, headers, body: Body::Words(words) }
    }

    /// The file, compressed if there is a form that the browser takes.
    fn with(file: &Path, accepted: &str) -> Option<Self> {
        let name = file.file_name()?.to_string_lossy();
        let keep = if site::is_named_after_content(&name) { FOR_GOOD } else { "no-cache" };
        let mut headers = format!("Content-Type: {}\r\nCache-Control: {keep}\r\n", content_type(file));
        let body = open(file)?;
        if name.ends_with(".html") && fs::read_to_string(file).is_ok_and(|html| site::carries_policy(&html)) {
            headers += &format!("Content-Security-Policy: {}\r\n", site::policy_header());
        }
        let forms = ENCODINGS
            .iter()
            .filter_map(|(ending, encoding)| Some((encoding, open(&site::with_ending(file, ending))?)));
        let forms: Vec<_> = forms.collect();
        if !forms.is_empty() {
            // A cache in between must keep the forms apart.
            headers += "Vary: Accept-Encoding\r\n";
        }
        let body = match forms.into_iter().find(|(encoding, _)| accepts(accepted, encoding)) {
            Some((encoding, packed)) => {
                headers += &format!("Content-Encoding: {encoding}\r\n");
                packed
            }
            None => body,
        };
        Some(Self { status: "200 OK", headers, body: Body::File(body) })
    }
}

fn open(file: &Path) -> Option<fs::File> {
    let file = fs::File::open(file).ok()?;
    file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)
}

/// Whether an `Accept-Encoding` has this one: `gzip, deflate;q=0.5, br`.
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, quality) = one.split_once(';').unwrap_or((one, "q=1"));
        let quality = quality.trim().strip_prefix("q=").and_then(|quality| quality.parse().ok());
        name.trim().eq_ignore_ascii_case(encoding) && quality.unwrap_or(1.0) > 0.0
    })
}

/// The file that a request target names, if it stays inside `folder`.
fn file_for(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = percent_decoded(target.split(['?', '#']).next()?)?;
    let relative = Path::new(path.strip_prefix('/')?);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = folder.join(relative);
    Some(if file.is_dir() { file.join("index.html") } else { file })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let code = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The media type by the file's extension. Browsers compile wasm while it downloads only if it has the right
/// type.
fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "md" | "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "mid" | "midi" => "audio/midi",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_file(target: &str, expected: Option<&str>) {
        assert_eq!(file_for(Path::new("/d"), target).as_deref(), expected.map(Path::new), "for {target}");
    }

    #[test]
    fn requests_stay_inside_the_folder() {
        check_file("/a.js", Some("/d/a.js"));
        check_file("/a%20b.mid?v=1#x", Some("/d/a b.mid"));
        check_file("/sub/a.css", Some("/d/sub/a.css"));
        check_file("/../secret", None);
        check_file("/%2e%2e/secret", None);
        check_file("//etc/passwd", None);
        check_file("/%zz", None);
        check_file("/%", None);
        check_file("relative", None);
    }

    #[test]
    fn a_page_is_served() {
        let folder = std::env::temp_dir().join(format!("xtask-serve-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.html"), "<p>hello").unwrap();
        fs::write(folder.join("a.wasm"), [0]).unwrap();
        fs::write(folder.join("a-0123456789abcdef.js"), "plain").unwrap();
        fs::write(folder.join("a-0123456789abcdef.js.br"), "brotli").unwrap();
        fs::write(folder.join("a-0123456789abcdef.js.gz"), "gzip").unwrap();
        let server = Server::bind(&folder, 0).unwrap();
        let address = server.address();
        std::thread::spawn(|| server.run());
        let get = |request: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "{request}\r\nHost: x\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let page = get("GET / HTTP/1.1");
        assert!(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"), "{page}");
        assert!(page.ends_with("\r\n\r\n<p>hello"), "{page}");
        assert!(get("HEAD / HTTP/1.1").ends_with("\r\n\r\n"));
        assert!(get("GET /a.wasm HTTP/1.1").contains("application/wasm"));
        assert!(page.contains("\r\nCache-Control: no-cache\r\n") && !page.contains("Vary"), "{page}");
        for (accepted, body, encoding) in [
            ("gzip, deflate, br, zstd", "brotli", Some("br")),
            ("br;q=0, gzip;q=0.5", "gzip", Some("gzip")),
            ("identity", "plain", None),
        ] {
            let script = get(&format!("GET /a-0123456789abcdef.js HTTP/1.1\r\naccept-encoding: {accepted}"));
            assert!(script.ends_with(&format!("\r\n\r\n{body}")), "for {accepted}: {script}");
            assert!(script.contains("immutable") && script.contains("Vary: Accept-Encoding"), "{script}");
            assert!(script.contains("Content-Type: text/javascript"), "{script}");
            let found = script.lines().find_map(|line| line.strip_prefix("Content-Encoding: "));
            assert_eq!(found, encoding, "for {accepted}");
        }
        assert!(get("GET /b HTTP/1.1").starts_with("HTTP/1.1 404"));
        assert!(get("POST / HTTP/1.1").starts_with("HTTP/1.1 405"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_port_that_is_taken_is_said_before_anything_is_built() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = forever(port, Reach::Loopback, Opens::Nothing, || unreachable!("nothing is built"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("port {port} cannot be used: ")), "{error}");
        assert!(error.ends_with("; choose another with --port"), "{error}");
    }

    /// Thirty readers that ask for 20 MB and read none of it.
    #[cfg(target_os = "linux")]
    #[test]
    fn readers_that_stall_hold_no_file_in_memory() {
        let folder = std::env::temp_dir().join(format!("xtask-stall-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.html"), "").unwrap();
        fs::File::create(folder.join("large.bin")).unwrap().set_len(20 << 20).unwrap();
        let server = Server::bind(&folder, 0).unwrap();
        let address = server.address();
        std::thread::spawn(|| server.run());
        let resident_kb = || -> u64 {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            line.trim().trim_end_matches(" kB").trim().parse().unwrap()
        };
        let before = resident_kb();
        let readers: Vec<TcpStream> = (0..30)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                write!(stream, "GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
                // The answer has begun.
                stream.read_exact(&mut [0; 15]).unwrap();
                stream
            })
            .collect();
        let more = resident_kb().saturating_sub(before);
        assert!(more < 100_000, "{more} kB for {} readers", readers.len());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_without_a_page_is_refused() {
        let error = Server::bind(Path::new("/nowhere"), 0).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/index.html: "), "{error}");
    }
}
