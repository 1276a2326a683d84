//! Scores from MusicXML, plain or compressed (.mxl).
//!
//! What is read: notes, rests, ties, voices, grace notes, repeats with endings and jumps (played out), meter, tempo,
//! dynamics and hairpins, articulation, slurs, fermatas, ornaments and tremolos (realized), pedal marks, transposing
//! parts. What is left out and would be heard is listed in [`Score::left_out`].

mod archive;
mod attributes;
mod direction;
mod dynamics;
mod navigation;
mod note;
mod ornament;
mod part;
mod play;

use roxmltree::{Document, Node, ParsingOptions};

use super::builder::Score;
use super::error::ScoreError;
use crate::midi::MAX_BYTES;

/// XML is ten times as large as what it says; an opera's piano score unpacked is 20 MB.
const MAX_XML_BYTES: usize = 4 * MAX_BYTES;
/// An orchestra has forty.
const MAX_PARTS: usize = 256;
/// A tag is four bytes or more, so this only bounds what entities make.
const MAX_NODES: u32 = 8_000_000;

/// Reads .mxl.
pub(super) fn read_archive(bytes: &[u8]) -> Result<Score, ScoreError> {
    read(&archive::unpack(bytes, MAX_XML_BYTES)?)
}

/// Reads plain MusicXML in UTF-8 or UTF-16.
pub(super) fn read(bytes: &[u8]) -> Result<Score, ScoreError> {
    if bytes.len() > MAX_XML_BYTES {
        return Err(ScoreError::TooLarge { bytes: bytes.len() });
    }
    let text = decode(bytes);
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(&text, options).map_err(|error| ScoreError::Xml(error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name("score-partwise") {
        return Err(ScoreError::NotPartwise(root.tag_name().name().to_owned()));
    }
    let parts: Vec<part::Part> =
        children(root, "part").take(MAX_PARTS).map(part::read).collect::<Result<_, _>>()?;
    play::play(parts)
}

fn decode(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn has(node: Node<'_, '_>, name: &str) -> bool {
    child(node, name).is_some()
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name)?.text().map(str::trim)
}

/// A finite number in a child.
fn number(node: Node<'_, '_>, name: &str) -> Option<f64> {
    text(node, name)?.parse().ok().filter(|value: &f64| value.is_finite())
}
