//! What a file is that is no MIDI file: by its first bytes.

use std::fmt;

/// How far into a text a name is looked for.
const SEARCHED_BYTES: usize = 4096;
/// Fewer letters may be the beginning of anything.
const MIN_TEXT_BYTES: usize = 8;
/// How far into an archive file names are looked for.
const SEARCHED_ARCHIVE_BYTES: usize = 1 << 16;

/// A file of another kind. Its `Display` is a clause about the file ("it …") with the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A ZIP, 7z or RAR archive.
    Archive,
    /// A single file, compressed with gzip, bzip2, xz or Zstandard.
    Compressed,
    /// HTML.
    WebPage,
    /// A score as XML text.
    MusicXml,
    /// A score as a ZIP archive of XML.
    CompressedMusicXml,
    /// A score of MuseScore's own format.
    MuseScore,
    /// A MIDI 2.0 clip or container file.
    Midi2,
    /// A recording. The name is its format's.
    Audio(&'static str),
    /// A PDF document.
    Pdf,
    /// A PNG, JPEG or GIF image.
    Image,
    /// A SoundFont or a bank of downloadable sounds.
    SoundBank,
    /// A tablature of Guitar Pro.
    GuitarPro,
    /// XML of another kind.
    Xml,
    /// JSON.
    Json,
    /// Text of another kind.
    Text,
    /// A MIDI file that a text editor or a text download turned into UTF-8.
    SavedAsText,
}

impl FileKind {
    /// Recognizes a file that certainly is no MIDI file, whatever else is in it.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let kind = match *bytes {
            [b'P', b'K', 3 | 5 | 7, 4 | 6 | 8, ..] => archive(bytes),
            [0x1F, 0x8B, ..] | [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Compressed,
            [0xFD, b'7', b'z', b'X', b'Z', ..] | [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Compressed,
            [b'7', b'z', 0xBC, 0xAF, ..] | [b'R', b'a', b'r', b'!', ..] => Self::Archive,
            [b'%', b'P', b'D', b'F', ..] => Self::Pdf,
            [0x89, b'P', b'N', b'G', ..] | [b'G', b'I', b'F', b'8', ..] | [0xFF, 0xD8, 0xFF, ..] => {
                Self::Image
            }
            [b'S', b'M', b'F', b'2', ..] => Self::Midi2,
            [b'I', b'D', b'3', ..] => Self::Audio("MP3"),
            [b'O', b'g', b'g', b'S', ..] => Self::Audio("Ogg"),
            [b'f', b'L', b'a', b'C', ..] => Self::Audio("FLAC"),
            [b'c', b'a', b'f', b'f', ..] => Self::Audio("CAF"),
            [b'.', b's', b'n', b'd', ..] => Self::Audio("AU"),
            [0x30, 0x26, 0xB2, 0x75, ..] => Self::Audio("WMA"),
            [b'R', b'I', b'F', b'F' | b'X', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Self::Audio("WAV"),
            [b'R', b'F', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Self::Audio("WAV"),
            [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', b'F' | b'C', ..] => Self::Audio("AIFF"),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Self::Audio("MP4"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b's', b'f', b'b', b'k', ..] => Self::SoundBank,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'D', b'L', b'S', b' ', ..] => Self::SoundBank,
            [_, b'F', b'I', b'C', b'H', b'I', b'E', b'R', b' ', b'G', ..] => Self::GuitarPro,
            _ => return text(bytes),
        };
        Some(kind)
    }

    /// Recognizes what had a header once. A status is no text, so a MIDI file with notes is never UTF-8 by chance.
    pub(super) fn of_destroyed(bytes: &[u8]) -> Option<Self> {
        let is_text = std::str::from_utf8(bytes).is_ok_and(|text| !text.is_ascii() && text.contains("MThd"));
        is_text.then_some(Self::SavedAsText)
    }

    /// Recognizes a file by bytes that may also stand in a MIDI file with something before it.
    pub(super) fn likely(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            // A frame of MPEG audio, layer II or III, or of AAC.
            [0xFF, second, third, ..]
                if second & 0xE0 == 0xE0 && second & 0x06 != 0 && third >> 4 != 0x0F =>
            {
                Some(Self::Audio("MP3"))
            }
            [0xFF, 0xF0 | 0xF1 | 0xF8 | 0xF9, ..] => Some(Self::Audio("AAC")),
            _ => is_text(bytes).then_some(Self::Text),
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    let is_printed = |letter: char| !letter.is_control() || letter.is_ascii_whitespace();
    bytes.len() >= MIN_TEXT_BYTES && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_printed))
}

fn archive(bytes: &[u8]) -> FileKind {
    let names = &bytes[..bytes.len().min(SEARCHED_ARCHIVE_BYTES)];
    if contains(names, b"META-INF/container.xml") || contains(names, b".musicxml") {
        // MuseScore's archives have a container, too.
        return if contains(names, b".mscx") { FileKind::MuseScore } else { FileKind::CompressedMusicXml };
    }
    if contains(names, b".mscx") { FileKind::MuseScore } else { FileKind::Archive }
}

/// Recognizes text, in UTF-8 or UTF-16, by its first word.
fn text(bytes: &[u8]) -> Option<FileKind> {
    let searched = &bytes[..bytes.len().min(SEARCHED_BYTES)];
    // In UTF-16, letters of ASCII have a zero beside them.
    let is_utf16 = searched.starts_with(&[0xFF, 0xFE]) || searched.starts_with(&[0xFE, 0xFF]);
    let text: Vec<u8> =
        searched.iter().filter(|&&byte| !(is_utf16 && byte == 0)).map(u8::to_ascii_lowercase).collect();
    let text = [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b"\xFE\xFF"]
        .into_iter()
        .find_map(|mark| text.strip_prefix(mark))
        .unwrap_or(&text)
        .trim_ascii_start();
    if text.starts_with(b"{") && text[1..].trim_ascii_start().starts_with(b"\"") {
        return Some(FileKind::Json);
    }
    if !text.starts_with(b"<") {
        return None;
    }
    let names: [(&[u8], FileKind); 9] = [
        (b"<score-partwise", FileKind::MusicXml),
        (b"<score-timewise", FileKind::MusicXml),
        (b"<!doctype score-", FileKind::MusicXml),
        (b"<opus", FileKind::MusicXml),
        (b"<musescore", FileKind::MuseScore),
        (b"<!doctype html", FileKind::WebPage),
        (b"<html", FileKind::WebPage),
        (b"<head", FileKind::WebPage),
        (b"<body", FileKind::WebPage),
    ];
    let named = names.into_iter().find(|(name, _)| contains(text, name)).map(|(_, kind)| kind);
    // An error of a server may have a comment or a script only.
    let is_markup = text.starts_with(b"<!--") || text.starts_with(b"<script") || text.starts_with(b"<title");
    let is_xml = text.starts_with(b"<?xml") || text.get(1).is_some_and(u8::is_ascii_alphabetic);
    named.or(is_markup.then_some(FileKind::WebPage)).or(is_xml.then_some(FileKind::Xml))
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::Archive => "it is an archive (such as ZIP): unpack it, and open a MIDI file from it",
            Self::Compressed => "it is compressed (such as gzip): decompress it, and open the MIDI file in it",
            Self::WebPage => "it is a web page, so the download failed: download the MIDI file again",
            Self::MusicXml => {
                "it is a score (MusicXML), not a performance: perform it first, or export it as MIDI"
            }
            Self::CompressedMusicXml => {
                "it is a score (compressed MusicXML), not a performance: perform it first, or export it as MIDI"
            }
            Self::MuseScore => "it is a score of MuseScore: export it as MusicXML or MIDI there",
            Self::Midi2 => "it is a MIDI 2.0 clip: export it as a Standard MIDI File (MIDI 1.0)",
            Self::Audio(format) => {
                return write!(
                    f,
                    "it is an audio recording ({format}), which has no notes: transcribe it to MIDI first"
                );
            }
            Self::Pdf => "it is a PDF: sheet music has to be turned into MusicXML or MIDI by a scanning program first",
            Self::Image => "it is an image: sheet music has to be turned into MusicXML or MIDI by a scanning program first",
            Self::SoundBank => "it is a bank of sounds (such as a SoundFont), which has no notes: open a MIDI file",
            Self::GuitarPro => "it is a tablature of Guitar Pro: export it as MIDI there",
            Self::Xml => "it is an XML file of another kind: open a MIDI file",
            Self::Json => "it is a JSON file: open a MIDI file",
            Self::Text => "it is not a MIDI file but text: if it was downloaded, the download failed",
            Self::SavedAsText => "it was saved as text (UTF-8), which destroys its notes: get the file again",
        })
    }
}
