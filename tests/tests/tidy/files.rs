//! Rules on files of any kind.

/// Where splitting stops being a matter of taste.
const MAX_LINES: usize = 600;

/// A checkout is for reading: what is larger than this is published elsewhere.
const MAX_BYTES: usize = 20_000_000;

/// Rust files are at most [`MAX_LINES`] long.
pub(crate) fn length_complaints(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let is_long = path.ends_with(".rs") && lines > MAX_LINES;
    is_long.then(|| format!("{path}: {lines} lines, at most {MAX_LINES}")).into_iter().collect()
}

/// No file is larger than [`MAX_BYTES`].
pub(crate) fn size_complaints(path: &str, bytes: usize) -> Option<String> {
    (bytes > MAX_BYTES).then(|| format!("{path}: {bytes} bytes, at most {MAX_BYTES}"))
}

/// Nothing names a folder that only its author has.
pub(crate) fn place_complaints(path: &str, text: &str) -> Vec<String> {
    // In two parts, or this file would name them.
    let places = [("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/"), ("/wo", "rk/")];
    let places: Vec<_> = places.iter().map(|(start, end)| format!("{start}{end}")).collect();
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for place in &places {
            // Part of a longer path or address is something else: `https://a.example/home/`, `src/root/`.
            let is_start =
                |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}".contains(c));
            if line.match_indices(place.as_str()).any(|(at, _)| is_start(at)) {
                complaints.push(format!("{path}:{}: names {place}", number + 1));
            }
        }
    }
    complaints
}

#[test]
fn rules_can_fail() {
    assert_eq!(length_complaints("a.rs", &"x\n".repeat(601)), ["a.rs: 601 lines, at most 600"]);
    assert!(length_complaints("a.rs", &"x\n".repeat(600)).is_empty());
    assert!(length_complaints("a.csv", &"x\n".repeat(601)).is_empty());
    assert_eq!(size_complaints("a", 20_000_001).as_deref(), Some("a: 20000001 bytes, at most 20000000"));
    assert_eq!(size_complaints("a", 20_000_000), None);
    let place = format!("/ho{}ada/x", "me/");
    assert_eq!(place_complaints("a", &format!("ok\nin `{place}`")).len(), 1);
    assert!(place_complaints("a", &format!("https://example.org{place}")).is_empty());
}
