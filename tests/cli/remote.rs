//! Training on a device that another process lends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::learning::{config_with, losses};
use crate::{pieces, run, succeed, text};

/// A process that lends the CPU, and ends with this value.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_performance-rnn"))
            .args(["serve-device", "--listen", "127.0.0.1:0", "--token", "open sesame"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        assert!(line.starts_with("lending flex [0] at ws://127.0.0.1:"), "{line}");
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_lent_device_learns_what_a_local_one_learns() {
    let dir = tempfile::tempdir().unwrap();
    let midi_dir = pieces(&dir.path().join("midi"));
    let data = dir.path().join("tokens");
    succeed(&["prepare", text(&midi_dir), "--out", text(&data)]);
    let config = config_with(dir.path(), 10_000, "precision = \"f32\"\n");
    let train = |out: &Path, more: &[&str]| {
        let args = ["train", "--config", text(&config), "--data", text(&data), "--out", text(out)];
        run(&[&args, more].concat())
    };
    let server = Server::start();
    let out = |name: &str| dir.path().join(name);
    for (name, more) in
        [("local", &[][..]), ("lent", &["--remote", server.url.as_str(), "--token", "open sesame"][..])]
    {
        let output = train(&out(name), more);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let [local, lent] = ["local", "lent"].map(|name| losses(&out(name)));
    assert!(lent[lent.len() - 1] < lent[0] - 1.5, "the loss falls: {lent:?}");
    assert_eq!(local.len(), lent.len());
    for (local_loss, lent_loss) in local.iter().zip(&lent) {
        assert!((local_loss - lent_loss).abs() < 0.01, "{local:?} {lent:?}");
    }

    let refused = train(&out("stranger"), &["--remote", &server.url, "--token", "let me in"]);
    assert_eq!(refused.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(errors.contains("cannot be had"), "{errors}");
    let missing = train(&out("nobody"), &["--remote", "ws://127.0.0.1:1"]);
    assert_eq!(missing.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&missing.stderr);
    assert!(errors.contains("device 0 of ws://127.0.0.1:1 cannot be had"), "{errors}");
}
