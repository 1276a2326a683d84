//! Numbers as people read them.

/// `0:42`, `1:02:03`.
#[must_use]
pub fn clock(secs: u64) -> String {
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes}:{secs:02}") }
}

/// `482 913`, with a no-break space.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    grouped
}

/// `7.3`: millions of bytes, with one decimal.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// `1 note`, `3 120 notes`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{}\u{a0}{noun}{plural}", grouped(number as u64))
}

/// How many times faster than playing: `21×`, `1.3×`, `0.4×`.
#[must_use]
pub fn times(speed: f64) -> String {
    if speed >= 9.95 { format!("{speed:.0}×") } else { format!("{speed:.1}×") }
}

/// The name of a file, so short that it fits into a line: a long one is cut in the middle.
///
/// ```
/// use session::format::file_name;
/// assert_eq!(file_name("sonata.mid"), "sonata.mid");
/// assert_eq!(file_name(&format!("{}.mid", "a".repeat(10_000))).chars().count(), 60);
/// ```
#[must_use]
pub fn file_name(name: &str) -> String {
    const MOST: usize = 60;
    const END: usize = 15;
    let letters: Vec<char> =
        name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if letters.len() <= MOST {
        return letters.into_iter().collect();
    }
    let (begin, end) = (&letters[..MOST - END - 1], &letters[letters.len() - END..]);
    begin.iter().chain(&['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 42, 62, 3723].map(clock), ["0:00", "0:42", "1:02", "1:02:03"]);
        assert_eq!([7, 1234, 482_913].map(grouped), ["7", "1\u{a0}234", "482\u{a0}913"]);
        assert_eq!(megabytes(12_600_000), "12.6");
        assert_eq!((count(1, "note"), count(2, "track")), ("1\u{a0}note".into(), "2\u{a0}tracks".into()));
        assert_eq!([21.3, 9.97, 1.26, 0.4].map(times), ["21×", "10×", "1.3×", "0.4×"]);
    }
}
