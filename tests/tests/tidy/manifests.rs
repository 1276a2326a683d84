//! Rules on `Cargo.toml` and `Cargo.lock`: the direction of dependencies.

use toml::{Table, Value};

/// Which packages of the workspace each may depend on.
const ARROWS: [(&str, &[&str]); 7] = [
    ("learn", &["performance", "rnn"]),
    ("performance", &[]),
    ("rnn", &["performance"]),
    ("session", &["performance"]),
    ("train", &["learn", "performance", "rnn"]),
    ("web", &["learn", "performance", "rnn", "session"]),
    ("xtask", &[]),
];

/// Packages that only some crates may use: a prefix of the name, and these crates.
const KEPT_IN: [(&str, &[&str]); 11] = [
    ("burn", &["learn", "rnn", "train", "tests"]),
    ("cubecl", &["rnn", "web"]),
    ("wgpu", &["rnn"]),
    ("web-sys", &["web"]),
    ("js-sys", &["web"]),
    ("wasm-bindgen", &["web"]),
    ("gloo", &["web"]),
    ("idb", &["web"]),
    ("yew", &["web"]),
    ("clap", &["train"]),
    ("anyhow", &["train"]),
];

/// All that `xtask` may use, so that it starts in seconds on a bare machine: what packs the page.
const XTASK_USES: [&str; 3] = ["brotli", "flate2", "sha2"];

/// The registry that everybody has.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks one package's manifest.
pub(crate) fn complaints(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let Some(name) = name else { return vec![format!("{path}: no package name")] };
    let mut complaints = Vec::new();
    for (dependency, value) in dependencies(&manifest) {
        complaints.extend(arrow_complaint(name, dependency).map(|words| format!("{path}: {words}")));
        if value.get("workspace").and_then(Value::as_bool) != Some(true) {
            complaints
                .push(format!("{path}: the version of {dependency} belongs in [workspace.dependencies]"));
        }
    }
    if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) != Some(true) {
        complaints.push(format!("{path}: [lints] must say workspace = true"));
    }
    complaints
}

/// Checks that the lock file takes every package from [`REGISTRY`].
pub(crate) fn lock_complaints(path: &str, text: &str) -> Vec<String> {
    if path != "Cargo.lock" {
        return Vec::new();
    }
    let sources = text.lines().filter_map(|line| line.strip_prefix("source = "));
    let others = sources.filter(|source| source.trim_matches('"') != REGISTRY);
    others.map(|source| format!("{path}: a package comes from {source}")).collect()
}

fn arrow_complaint(from: &str, to: &str) -> Option<String> {
    let is_ours = ARROWS.iter().any(|(name, _)| *name == to) || to == "tests";
    let allowed = ARROWS.iter().find(|(name, _)| *name == from).map(|(_, allowed)| *allowed);
    if is_ours && from != "tests" && !allowed.unwrap_or_default().contains(&to) {
        return Some(format!("{from} must not depend on {to}"));
    }
    if from == "xtask" && !XTASK_USES.contains(&to) {
        return Some(format!("xtask must build in seconds, without {to}"));
    }
    let (_, users) = KEPT_IN.iter().find(|(prefix, _)| to.starts_with(prefix))?;
    (!users.contains(&from)).then(|| format!("{from} must not depend on {to}"))
}

/// All dependencies: normal, for tests, for builds, and for some targets only.
fn dependencies(manifest: &Table) -> Vec<(&str, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let places = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table).chain([manifest]);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = places.flat_map(|place| kinds.iter().filter_map(|kind| place.get(*kind)?.as_table()));
    tables.flatten().map(|(name, value)| (name.as_str(), value)).collect()
}

#[cfg(test)]
#[track_caller]
fn check(package: &str, dependency: &str, expected: &[&str]) {
    let text = format!("package.name = \"{package}\"\nlints.workspace = true\n{dependency}");
    let expected: Vec<_> = expected.iter().map(|words| format!("x/Cargo.toml: {words}")).collect();
    assert_eq!(complaints("x/Cargo.toml", &text), expected);
}

#[test]
fn rules_can_fail() {
    check("rnn", "dependencies.performance.workspace = true", &[]);
    check("performance", "dependencies.rnn.workspace = true", &["performance must not depend on rnn"]);
    check(
        "performance",
        "dependencies.burn-wgpu.workspace = true",
        &["performance must not depend on burn-wgpu"],
    );
    check("session", "dependencies.performance.workspace = true", &[]);
    check("session", "dependencies.learn.workspace = true", &["session must not depend on learn"]);
    check("learn", "dependencies.train.workspace = true", &["learn must not depend on train"]);
    check("session", "dev-dependencies.rnn.workspace = true", &["session must not depend on rnn"]);
    check("session", "dependencies.web-sys.workspace = true", &["session must not depend on web-sys"]);
    check("rnn", "dependencies.session.workspace = true", &["rnn must not depend on session"]);
    check("web", "dependencies.session.workspace = true", &[]);
    check("rnn", "dev-dependencies.train.workspace = true", &["rnn must not depend on train"]);
    check("web", "target.'cfg(unix)'.dependencies.tests.workspace = true", &["web must not depend on tests"]);
    check("tests", "dependencies.train.workspace = true", &[]);
    check("xtask", "dependencies.toml.workspace = true", &["xtask must build in seconds, without toml"]);
    check("xtask", "dependencies.flate2.workspace = true", &[]);
    check("rnn", "dependencies.half = \"2\"", &["the version of half belongs in [workspace.dependencies]"]);
    assert_eq!(
        complaints("x/Cargo.toml", "package.name = \"a\""),
        ["x/Cargo.toml: [lints] must say workspace = true"]
    );
    assert!(complaints("Cargo.toml", "[workspace]").is_empty());
    let lock = format!("source = \"{REGISTRY}\"\nsource = \"registry+https://mirror.example\"");
    assert_eq!(lock_complaints("Cargo.lock", &lock).len(), 1);
}
