//! What is no MIDI file says what it is.

use expect_test::expect;

use super::{MS, check, file};

/// A local header of a ZIP archive.
fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
    let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let head = [&b"PK\x03\x04\x14\0\0\0\0\0"[..], &[0; 8], &size, &size, &name_len, &[0, 0]].concat();
    [&head[..], name.as_bytes(), content].concat()
}

#[test]
fn what_is_no_midi_file_says_what_it_is() {
    let archive =
        || expect!["refused: it is an archive (such as ZIP): unpack it, and open a MIDI file from it"];
    let midi = file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 0]]);
    check(&zipped("song.mid", &midi), archive());
    check(b"Rar!\x1A\x07\0", archive());
    check(b"7z\xBC\xAF\x27\x1C", archive());

    let score = || {
        expect![
            "refused: it is a score (compressed MusicXML), not a performance: perform it first, or export it as MIDI"
        ]
    };
    check(&zipped("META-INF/container.xml", b"<container/>"), score());
    check(
        &[zipped("mimetype", b"application/vnd.recordare.musicxml"), zipped("score.musicxml", b"")].concat(),
        score(),
    );
    check(
        &zipped("score.mscx", b""),
        expect!["refused: it is a score of MuseScore: export it as MusicXML or MIDI there"],
    );
    let score = || {
        expect![
            "refused: it is a score (MusicXML), not a performance: perform it first, or export it as MIDI"
        ]
    };
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE score-partwise PUBLIC \"\">\n<score-partwise/>";
    check(xml.as_bytes(), score());
    check(&[b"\xEF\xBB\xBF\r\n", xml.as_bytes()].concat(), score());
    check(b"<score-timewise version=\"4.0\">", score());
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(xml.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    check(&utf16, score());

    let compressed =
        || expect!["refused: it is compressed (such as gzip): decompress it, and open the MIDI file in it"];
    check(b"\x1F\x8B\x08\0", compressed());
    check(b"BZh91AY", compressed());
    check(b"\xFD7zXZ\0", compressed());

    let page = || expect!["refused: it is a web page, so the download failed: download the MIDI file again"];
    check(b"<!DOCTYPE html>\r\n<html>", page());
    check(b"\n\n  <HTML lang=\"en\">", page());
    check(b"<head><title>404 Not Found</title></head>", page());
    check(b"<!-- nginx --><p>404</p>", page());
    check(
        b"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\"><html>MThd\0\0\0\x06</html>",
        page(),
    );
    check(b"<svg xmlns=\"x\"/>", expect!["refused: it is an XML file of another kind: open a MIDI file"]);
    check(b"{ \"error\": 404 }", expect!["refused: it is a JSON file: open a MIDI file"]);

    let midi2 = || expect!["refused: it is a MIDI 2.0 clip: export it as a Standard MIDI File (MIDI 1.0)"];
    check(b"SMF2CLIP\0\0\0\0", midi2());
    check(b"SMF2CON1\0\0\0\0", midi2());
    check(
        b"%PDF-1.7",
        expect![
            "refused: it is a PDF: sheet music has to be turned into MusicXML or MIDI by a scanning program first"
        ],
    );
    check(
        b"\x89PNG\r\n\x1A\n",
        expect![
            "refused: it is an image: sheet music has to be turned into MusicXML or MIDI by a scanning program first"
        ],
    );
    check(
        b"RIFF\0\0\0\0sfbkLIST",
        expect![
            "refused: it is a bank of sounds (such as a SoundFont), which has no notes: open a MIDI file"
        ],
    );
    check(
        b"\x18FICHIER GUITAR PRO v4.06",
        expect!["refused: it is a tablature of Guitar Pro: export it as MIDI there"],
    );
    // What an editor for text leaves of a MIDI file.
    let text =
        || expect!["refused: it was saved as text (UTF-8), which destroys its notes: get the file again"];
    check(String::from_utf8_lossy(&midi).as_bytes(), text());
    let recoded: String = midi.iter().map(|&byte| char::from(byte)).collect();
    check(recoded.as_bytes(), text());
    let other =
        || expect!["refused: it is not a MIDI file but text: if it was downloaded, the download failed"];
    check(b"404: Not Found", other());
    check("Übung\r\n".as_bytes(), other());
    check(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", other());
    check(b"hello", expect!["refused: it is not a MIDI file: it has no MThd header"]);
}

#[test]
fn recordings_are_told_from_performances() {
    let recordings: [(&str, &[u8]); 13] = [
        ("WAV", b"RIFF\x24\0\0\0WAVEfmt "),
        ("WAV", b"RF64\xFF\xFF\xFF\xFFWAVEds64"),
        ("MP3", b"ID3\x03\0"),
        ("MP3", b"\xFF\xFB\x90\x64\0"),
        ("MP3", b"\xFF\xF3\x40\xC4\0"),
        ("AAC", b"\xFF\xF1\x50\x80\0"),
        ("Ogg", b"OggS\0\x02"),
        ("FLAC", b"fLaC\0\0"),
        ("AIFF", b"FORM\0\0\0\0AIFFCOMM"),
        ("AIFF", b"FORM\0\0\0\0AIFCFVER"),
        ("MP4", b"\0\0\0\x20ftypM4A \0"),
        ("WMA", b"\x30\x26\xB2\x75\x8E"),
        ("CAF", b"caff\0\x01"),
    ];
    for (name, bytes) in recordings {
        let err = performance::midi::read(bytes).unwrap_err().to_string();
        assert_eq!(
            err,
            format!("it is an audio recording ({name}), which has no notes: transcribe it to MIDI first")
        );
    }
}
