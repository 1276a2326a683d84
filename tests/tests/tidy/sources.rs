//! Rules on Rust sources.

/// What a crate's own code may not name, tests aside: the start of its paths, the words, and why.
const UNKNOWN: [(&str, &[&str], &str); 4] = [
    (
        "crates/performance/src/",
        &["std::fs", "std::net", "std::env", "std::process", "std::time", "burn", "rnn", "web_sys", "js_sys"],
        "performance is pure values",
    ),
    (
        "crates/rnn/src/",
        &["std::fs", "std::net", "std::env", "std::process", "web_sys", "js_sys"],
        "rnn does no input and output",
    ),
    (
        "crates/learn/src/",
        &["std::fs", "std::net", "std::env", "std::process", "std::time", "web_sys", "js_sys"],
        "learn does no input and output, and knows no clock",
    ),
    (
        "crates/session/src/",
        &[
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::time",
            "rnn",
            "burn",
            "web_sys",
            "js_sys",
            "wasm_bindgen",
            "gloo",
            "yew",
        ],
        "session knows no browser, network, clock or files",
    ),
];

/// The part of the web crate that runs in the worker, where the network lives.
const WORKER_SIDE: [&str; 2] = ["crates/web/src/worker", "crates/web/src/bin/worker"];

/// The program that runs the network on a GPU.
const GPU_SIDE: &str = "crates/web/src/bin/worker_gpu";

/// A crate names only what the design lets it know.
pub(crate) fn boundary_complaints(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let code = code_of(text);
    let complain = |words: &[&str], why: &str| -> Vec<String> {
        let named = words.iter().filter(|word| names(&code, word));
        named.map(|word| format!("{path}: names {word}, but {why}")).collect()
    };
    let is_ui =
        path.starts_with("crates/web/src/") && !WORKER_SIDE.iter().any(|start| path.starts_with(start));
    let ui = if is_ui {
        complain(&["rnn", "learn"], "only the worker side knows the network")
    } else {
        Vec::new()
    };
    let is_web = path.starts_with("crates/web/src/");
    let mut small = if is_web {
        complain(&["burn"], "what the page needs of Burn is in learn and rnn")
    } else {
        Vec::new()
    };
    if is_web && !path.starts_with(GPU_SIDE) {
        small.extend(complain(&["cubecl"], "only the worker for GPUs carries kernels"));
    }
    let unknown = UNKNOWN.iter().filter(|(start, ..)| path.starts_with(start));
    unknown.flat_map(|(_, words, why)| complain(words, why)).chain(ui).chain(small).collect()
}

/// Nothing is left for later, and no test is switched off or content with any panic.
pub(crate) fn unfinished_complaints(path: &str, text: &str) -> Vec<String> {
    // In two parts, or this file would complain about itself.
    let words =
        [("to", "do!("), ("db", "g!("), ("unimpl", "emented!("), ("#[ig", "nore"), ("#[should", "_panic")];
    let words: Vec<_> = words.iter().map(|(start, end)| format!("{start}{end}")).collect();
    let lines = text.lines().enumerate().filter(|_| path.ends_with(".rs"));
    let found = lines.flat_map(|(number, line)| {
        let code = without_comment(line);
        words.iter().filter(move |word| code.contains(word.as_str())).map(move |word| (number + 1, word))
    });
    found.map(|(number, word)| format!("{path}:{number}: {word}")).collect()
}

/// `allow` and `expect` say why.
pub(crate) fn exception_complaints(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let code: String = text.lines().map(|line| format!("{}\n", without_comment(line))).collect();
    let mut complaints = Vec::new();
    for attribute in ["[allow", "[expect"].map(|word| format!("{word}(")) {
        for (at, _) in code.match_indices(&attribute) {
            let rest = &code[at..];
            let end = rest.find(")]").unwrap_or(rest.len());
            if !rest[..end].contains("reason") {
                let number = code[..at].lines().count();
                complaints.push(format!("{path}:{number}: a lint exception without `reason = \"…\"`"));
            }
        }
    }
    complaints
}

/// The code without comments and without the test module at its end.
fn code_of(text: &str) -> String {
    let lines = text.lines().map(without_comment).take_while(|line| line.trim() != "#[cfg(test)]");
    lines.fold(String::new(), |code, line| code + line + "\n")
}

fn without_comment(line: &str) -> &str {
    // An address in a string has a colon before its slashes.
    let start = line.match_indices("//").map(|(at, _)| at).find(|at| !line[..*at].ends_with(':'));
    &line[..start.unwrap_or(line.len())]
}

/// Whether `code` uses the path `word`, written out or in a group: `std::fs`, `std::{fs, io}`, `use burn;`.
fn names(code: &str, word: &str) -> bool {
    let written_out = occurrences(code, word).any(|(before, after)| {
        word.contains("::")
            || after.starts_with("::")
            || before.ends_with("use ")
            || before.ends_with("extern crate ")
    });
    let Some((parent, child)) = word.split_once("::") else { return written_out };
    let in_group = occurrences(code, parent).any(|(_, after)| {
        let group = after.strip_prefix("::{").and_then(|group| group.split(';').next());
        group.is_some_and(|group| occurrences(group, child).next().is_some())
    });
    written_out || in_group
}

/// What stands before and after each place where `word` is a whole word.
fn occurrences<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_inside_word = |c: char| c.is_alphanumeric() || c == '_';
    let around = code.match_indices(word).map(move |(at, _)| (&code[..at], &code[at + word.len()..]));
    around.filter(move |(before, after)| {
        !before.ends_with(is_inside_word) && !after.starts_with(is_inside_word)
    })
}

#[cfg(test)]
#[track_caller]
fn check(path: &str, text: &str, expected: usize) {
    assert_eq!(boundary_complaints(path, text).len(), expected, "for {path}: {text}");
}

#[test]
fn boundaries_can_be_crossed() {
    check("crates/performance/src/a.rs", "use std::fs::File;", 1);
    check("crates/performance/src/a.rs", "use std::{io, fs};", 1);
    check("crates/performance/src/a.rs", "use std::fmt;\nfn burn_in() {}", 0);
    check("crates/performance/src/a.rs", "let t = burn::tensor::Tensor::x();", 1);
    check("crates/performance/src/a.rs", "// std::fs is for others", 0);
    check("crates/performance/src/a.rs", "#[cfg(test)]\nmod tests { use std::fs; }", 0);
    check("crates/performance/src/a.rs", "std::time::Instant::now()", 1);
    check("crates/rnn/src/a.rs", "use burn::nn;", 0);
    check("crates/rnn/src/a.rs", "web_sys::console::log_0();", 1);
    check("crates/session/src/a.rs", "use performance::{Recipe, Token};", 0);
    check("crates/session/src/a.rs", "use std::time::Instant;", 1);
    check("crates/session/src/a.rs", "use std::{fs, rc::Rc};", 1);
    check("crates/session/src/a.rs", "use rnn::Continuation;", 1);
    check("crates/session/src/a.rs", "let window = web_sys::window();", 1);
    check("crates/session/src/a.rs", "js_sys::Date::now()", 1);
    check("crates/web/src/app.rs", "use rnn::Generator;", 1);
    check("crates/web/src/app.rs", "let name = \"performance-rnn\";", 0);
    check("crates/web/src/worker.rs", "use rnn::Generator;", 0);
    check("crates/web/src/worker/engine.rs", "use burn;", 1);
    check("crates/web/src/bin/worker_cpu.rs", "use rnn::Quantized;", 0);
    check("crates/web/src/worker/engine.rs", "use cubecl::prelude::Client;", 1);
    check("crates/web/src/bin/worker_gpu.rs", "use cubecl::prelude::Client;", 0);
    check("crates/web/src/bin/worker_gpu.rs", "use burn::tensor::Device;", 1);
    check("crates/web/src/hooks/use_teach.rs", "use learn::Teaching;", 1);
    check("crates/web/src/worker/teach.rs", "use learn::Teaching;", 0);
    check("crates/learn/src/a.rs", "use std::time::Instant;", 1);
    check("crates/train/src/a.rs", "use std::fs;", 0);
}

#[test]
fn unfinished_work_is_seen() {
    for bad in [format!("to{}()", "do!("), format!("#[ig{}]", "nore"), format!("  #[should{}]", "_panic")] {
        assert_eq!(unfinished_complaints("a.rs", &bad).len(), 1, "{bad}");
        assert!(unfinished_complaints("a.rs", &format!("// {bad}")).is_empty(), "{bad}");
    }
}

#[test]
fn exceptions_without_reasons_are_seen() {
    let attribute = |inner: &str| format!("x\n#[allow{inner}]\n");
    assert_eq!(exception_complaints("a.rs", &attribute("(dead_code)")).len(), 1);
    assert!(exception_complaints("a.rs", &attribute("(dead_code, reason = \"x\")")).is_empty());
}
