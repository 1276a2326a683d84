//! Keys, as the browser's protocol describes them.

/// Leaves a field.
pub(super) const ENTER: &str = "Enter";

/// A key as the debugging protocol describes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) key: String,
    pub(super) code: String,
    pub(super) virtual_code: u32,
    /// What it types.
    pub(super) text: String,
}

/// The key called `name`: a character, or a name as in JavaScript's `KeyboardEvent.key`.
#[track_caller]
pub(super) fn key(name: &str) -> Key {
    let (key, code, virtual_code, text) = match name {
        "Space" | " " => (" ", "Space".to_owned(), 32, " "),
        "Enter" => ("Enter", "Enter".to_owned(), 13, "\r"),
        "Tab" => ("Tab", "Tab".to_owned(), 9, ""),
        "Escape" => ("Escape", "Escape".to_owned(), 27, ""),
        "ArrowLeft" => ("ArrowLeft", "ArrowLeft".to_owned(), 37, ""),
        "ArrowUp" => ("ArrowUp", "ArrowUp".to_owned(), 38, ""),
        "ArrowRight" => ("ArrowRight", "ArrowRight".to_owned(), 39, ""),
        "ArrowDown" => ("ArrowDown", "ArrowDown".to_owned(), 40, ""),
        "?" => ("?", "Slash".to_owned(), 191, "?"),
        "Delete" => ("Delete", "Delete".to_owned(), 46, ""),
        "End" => ("End", "End".to_owned(), 35, ""),
        "Home" => ("Home", "Home".to_owned(), 36, ""),
        "PageDown" => ("PageDown", "PageDown".to_owned(), 34, ""),
        "PageUp" => ("PageUp", "PageUp".to_owned(), 33, ""),
        "+" => ("+", "Equal".to_owned(), 187, "+"),
        "-" => ("-", "Minus".to_owned(), 189, "-"),
        other => match other.as_bytes() {
            [letter] if letter.is_ascii_alphabetic() => {
                let upper = letter.to_ascii_uppercase();
                (other, format!("Key{}", char::from(upper)), upper.into(), other)
            }
            [digit] if digit.is_ascii_digit() => (other, format!("Digit{other}"), (*digit).into(), other),
            _ => panic!("no key is called {other:?}"),
        },
    };
    Key { key: key.to_owned(), code, virtual_code, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters() {
        let d = key("d");
        assert_eq!((d.code.as_str(), d.virtual_code, d.text.as_str()), ("KeyD", 68, "d"));
        assert_eq!(key("Space").text, " ");
        assert_eq!(key("Escape").text, "");
    }
}
