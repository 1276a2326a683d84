//! What commands print. A reader that has read enough, like `head -1`, ends nothing; a full disk is an error.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Prints a line on standard output; see [`say!`].
pub(crate) fn line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("standard output cannot be written"),
    }
}

/// Prints a line on standard error, where somebody may read it; see [`remark!`].
pub(crate) fn aside(text: &str) {
    // There is no other place to say that nobody reads this.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Like `println!`, but returns an error instead of a panic.
macro_rules! say {
    ($($part:tt)*) => { $crate::say::line(&format!($($part)*)) };
}

/// Like `eprintln!`, but never panics.
macro_rules! remark {
    ($($part:tt)*) => { $crate::say::aside(&format!($($part)*)) };
}

pub(crate) use {remark, say};

/// `1 event`, `2 events`.
pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// One line about files that could not be used, with the reasons of the first ones.
pub(crate) fn left_out(n_files: usize, refused: &[(String, String)]) -> Option<String> {
    /// So many are named.
    const NAMED: usize = 3;
    let named: Vec<String> = refused.iter().take(NAMED).map(|(path, why)| format!("{path}: {why}")).collect();
    let more = refused.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!refused.is_empty()).then(|| {
        format!("left out {} of {} ({}{more})", refused.len(), count(n_files, "file"), named.join("; "))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn files_that_are_left_out_fit_on_a_line() {
        let refused =
            |n: usize| -> Vec<_> { (0..n).map(|i| (format!("{i}.mid"), "it is empty".to_owned())).collect() };
        assert_eq!(left_out(3, &[]), None);
        expect!["left out 1 of 1 file (0.mid: it is empty)"].assert_eq(&left_out(1, &refused(1)).unwrap());
        expect![
            "left out 5 of 9 files (0.mid: it is empty; 1.mid: it is empty; 2.mid: it is empty; and 2 more)"
        ]
        .assert_eq(&left_out(9, &refused(5)).unwrap());
    }
}
