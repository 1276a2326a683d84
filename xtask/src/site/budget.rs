//! How large the page may be: `xtask/budget.txt`.

use std::fmt::Write as _;
use std::fs;

use super::Size;
use crate::error::at;
use crate::{Error, Result, paths};

/// Limits for some of the page's files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Budget(Vec<Limit>);

#[derive(Debug, PartialEq, Eq)]
struct Limit {
    name: String,
    bytes: u64,
    form: Form,
}

/// As what a file travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Raw,
    Gzip,
    Brotli,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Gzip => "gzip",
            Self::Brotli => "brotli",
        }
    }

    /// Bytes in this form; as it is where it is not compressed.
    fn bytes(self, size: &Size) -> u64 {
        match self {
            Self::Raw => size.raw,
            Self::Gzip => size.gzip.unwrap_or(size.raw),
            Self::Brotli => size.brotli.unwrap_or(size.raw),
        }
    }
}

impl Budget {
    /// The checkout's.
    pub(super) fn read() -> Result<Self> {
        let path = paths::root().join("xtask/budget.txt");
        Self::parse(&fs::read_to_string(&path).map_err(at(&path))?)
    }

    /// A line per file: name, bytes, form. `#` begins a comment.
    fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        lines.filter(|line| !line.is_empty()).map(Limit::parse).collect::<Result<_>>().map(Self)
    }

    /// Says which files are too large.
    ///
    /// # Errors
    /// A sentence for each that is, and for each that is not there.
    pub(super) fn check(&self, sizes: &[Size]) -> Result<()> {
        let complaints: Vec<_> = self.0.iter().filter_map(|limit| limit.complaint(sizes)).collect();
        if complaints.is_empty() { Ok(()) } else { Err(Error::new(complaints.join("; "))) }
    }

    fn limit(&self, name: &str) -> Option<&Limit> {
        self.0.iter().find(|limit| limit.name == name)
    }
}

impl Limit {
    fn parse(line: &str) -> Result<Self> {
        let wrong =
            || Error::new(format!("xtask/budget.txt: expected `name bytes brotli|gzip|raw`, found `{line}`"));
        let [name, bytes, form] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(wrong());
        };
        let form = [Form::Raw, Form::Gzip, Form::Brotli].into_iter().find(|known| known.name() == form);
        let bytes = bytes.parse().map_err(|_| wrong())?;
        Ok(Self { name: name.to_owned(), bytes, form: form.ok_or_else(wrong)? })
    }

    fn complaint(&self, sizes: &[Size]) -> Option<String> {
        let Self { name, bytes, form } = self;
        let Some(size) = sizes.iter().find(|size| size.name == *name) else {
            return Some(format!("the page has no {name}, which xtask/budget.txt limits"));
        };
        let found = form.bytes(size);
        let form = form.name();
        (found > *bytes).then(|| {
            format!(
                "{name} takes {found} bytes as {form}, {} more than xtask/budget.txt allows",
                found - bytes
            )
        })
    }
}

/// The files and their sizes, and how much of its limit each takes.
pub(super) fn table(sizes: &[Size], budget: &Budget) -> String {
    let mut table = format!("{:32} {:>11} {:>10} {:>10}  of the budget\n", "bytes", "raw", "gzip", "brotli");
    let (samples, files): (Vec<&Size>, Vec<&Size>) =
        sizes.iter().partition(|size| size.name.ends_with(".mp3"));
    if !samples.is_empty() {
        let bytes: u64 = samples.iter().map(|size| size.raw).sum();
        let name = format!("{} samples (.mp3)", samples.len());
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{name:32} {bytes:>11}");
    }
    for size in files {
        let column = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let share = budget.limit(&size.name).map_or_else(String::new, |limit| {
            let percent = 100.0 * limit.form.bytes(size) as f64 / limit.bytes.max(1) as f64;
            format!("{percent:.0} % of {} {}", limit.bytes, limit.form.name())
        });
        let line = format!(
            "{:32} {:>11} {:>10} {:>10}  {share}",
            size.name,
            size.raw,
            column(size.gzip),
            column(size.brotli)
        );
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{}", line.trim_end());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(name: &str, raw: u64, brotli: Option<u64>) -> Size {
        Size { name: name.to_owned(), raw, gzip: None, brotli }
    }

    #[track_caller]
    fn check(budget: &str, expected: std::result::Result<(), &str>) {
        let sizes = [size("a.wasm", 900, Some(300)), size("b.bin", 50, None)];
        let outcome = Budget::parse(budget).and_then(|budget| budget.check(&sizes));
        assert_eq!(outcome, expected.map_err(Error::new), "for {budget}");
    }

    #[test]
    fn too_large_files_are_named() {
        check("a.wasm 300 brotli\nb.bin 50 brotli # as it is", Ok(()));
        check(
            "a.wasm 299 brotli",
            Err("a.wasm takes 300 bytes as brotli, 1 more than xtask/budget.txt allows"),
        );
        check("a.wasm 800 raw", Err("a.wasm takes 900 bytes as raw, 100 more than xtask/budget.txt allows"));
        check("b.bin 49 gzip", Err("b.bin takes 50 bytes as gzip, 1 more than xtask/budget.txt allows"));
        check("c.js 9 raw", Err("the page has no c.js, which xtask/budget.txt limits"));
        for line in ["a.wasm", "a.wasm many raw", "a.wasm 1 zip", "a.wasm 1 raw 2"] {
            let expected = format!("xtask/budget.txt: expected `name bytes brotli|gzip|raw`, found `{line}`");
            check(line, Err(&expected));
        }
    }

    #[test]
    fn the_budget_can_be_read() {
        let budget = Budget::read().unwrap();
        let bytes = budget.limit("app_bg.wasm").unwrap().bytes;
        let table = table(&[size("app_bg.wasm", 9, Some(bytes / 2)), size("x", 1, None)], &budget);
        assert!(table.contains(&format!("50 % of {bytes} brotli")), "{table}");
    }
}
