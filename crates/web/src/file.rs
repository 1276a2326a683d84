//! Files in and out.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, HtmlAnchorElement, Url};

use std::rc::Rc;

use crate::js;
use performance::midi::{self, FileKind};
use performance::score::{self, Expression, Rendition, Score};
use session::format::file_name;
use session::saved::{self, Opened, SavedError};
use session::{Notice, Piece, Primer, Received};

/// The address of bytes in memory; they stay there as long as it lives.
#[derive(Debug)]
pub struct ObjectUrl(String);

impl ObjectUrl {
    /// # Errors
    /// The browser's error, if it has no memory for them.
    pub fn new(bytes: &[u8], media_type: &str) -> Result<Self, JsValue> {
        Self::of_parts(&Array::of1(&Uint8Array::from(bytes)), media_type)
    }

    /// The address of arrays of bytes, one after the other.
    ///
    /// # Errors
    /// The browser's error, if it has no memory for them.
    pub fn of_parts(parts: &Array, media_type: &str) -> Result<Self, JsValue> {
        let options = BlobPropertyBag::new();
        options.set_type(media_type);
        let blob = Blob::new_with_u8_array_sequence_and_options(parts, &options)?;
        Ok(Self(Url::create_object_url_with_blob(&blob)?))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        if let Err(error) = Url::revoke_object_url(&self.0) {
            web_sys::console::debug_1(&error);
        }
    }
}

/// Lets the browser save a file. The file is gone when the returned value is dropped.
///
/// # Errors
/// A notice for the visitor.
pub fn save(bytes: &[u8], media_type: &str, name: &str) -> Result<ObjectUrl, Notice> {
    save_parts(&Array::of1(&Uint8Array::from(bytes)), media_type, name)
}

/// The same with arrays of bytes, one after the other.
///
/// # Errors
/// A notice for the visitor.
pub fn save_parts(parts: &Array, media_type: &str, name: &str) -> Result<ObjectUrl, Notice> {
    let save = || {
        let url = ObjectUrl::of_parts(parts, media_type)?;
        let anchor: HtmlAnchorElement = gloo::utils::document().create_element("a")?.unchecked_into();
        anchor.set_href(url.as_str());
        anchor.set_download(name);
        anchor.click();
        Ok(url)
    };
    save().map_err(|error: JsValue| Notice::DownloadFailed { why: js::text(&error) })
}

/// The bytes of a file that the visitor chose, or of a part of it.
///
/// # Errors
/// A notice for the visitor.
pub async fn read(file: &Blob, name: &str) -> Result<Vec<u8>, Notice> {
    match JsFuture::from(file.array_buffer()).await {
        Ok(buffer) => Ok(Uint8Array::new(&buffer).to_vec()),
        Err(error) => Err(unreadable(name, &error)),
    }
}

/// A file's name, as sentences have it.
#[must_use]
pub fn name(file: &File) -> String {
    file_name(&file.name())
}

/// What a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// To be continued, unless it cannot be but a score.
    Primer,
    /// To be continued, also if it is a score.
    GoOn,
    /// To be performed.
    Score,
    /// Whatever it is.
    Anything,
}

/// What a file is.
#[derive(Debug)]
pub enum Found {
    /// A performance to continue, or its first seconds.
    Primer(Primer),
    /// A primer that was written, not played.
    WrittenPrimer(Primer),
    /// A score to perform, and what was left out of it.
    Score(Rc<Piece>, Vec<String>),
    /// A performance of a score.
    Rendition(Rendition),
    /// A performance with what it follows from.
    Take(Received),
    /// A session, as far as it can be read.
    Session(Result<Opened, SavedError>),
}

/// A file that the visitor chose or dropped.
///
/// # Errors
/// A notice for the visitor, if it is neither a session nor music.
pub async fn read_any(file: &File, wanted: Wanted, primer_secs: Option<f64>) -> Result<Found, Notice> {
    let name = name(file);
    let refused = |error| refused(name.clone(), &error);
    let too_large = || performance::Error::TooLarge { bytes: file.size() as usize };
    // Checked first, so that a film dropped by mistake is not read into memory.
    if file.size() > saved::MAX_FILE_BYTES as f64 {
        return Err(refused(too_large()));
    }
    let head =
        read(&file.slice_with_i32_and_i32(0, 8).map_err(|error| unreadable(&name, &error))?, &name).await?;
    if saved::is_file(&head) {
        return Ok(Found::Session(saved::read_file(&read(file, &name).await?)));
    }
    if file.size() > midi::MAX_BYTES as f64 {
        return Err(refused(too_large()));
    }
    let bytes = read(file, &name).await?;
    let mut import = match midi::read(&bytes) {
        Err(performance::Error::OtherKind(FileKind::MusicXml | FileKind::CompressedMusicXml)) => {
            let score = Score::read(&bytes).map_err(|error| score_refused(&name, &error))?;
            if wanted != Wanted::GoOn {
                return found_score(name, &score);
            }
            let tokens = performance::encode(&Expression::written(&score).apply(&score));
            return Ok(Found::Primer(Primer::of(name, tokens)));
        }
        read => read.map_err(refused)?,
    };
    if let (Wanted::Anything, Some(lineage)) = (wanted, import.lineage.take()) {
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        let primer_name = format!("the primer of {stem}");
        return Ok(Found::Take(Received { lineage, name: Some(stem.to_owned()), primer_name }));
    }
    if let Some(rendition) = (wanted == Wanted::Anything).then(|| score::carried(&bytes)).flatten() {
        return Ok(Found::Rendition(rendition));
    }
    let score = Score::read(&bytes).ok().filter(|score| wanted == Wanted::Score || score.is_quantized());
    let primer = || Primer::of_import(&name, &import, primer_secs);
    match (wanted, score) {
        (Wanted::Anything | Wanted::Score, Some(score)) => found_score(name, &score),
        (Wanted::Primer, Some(_)) => Ok(Found::WrittenPrimer(primer())),
        _ => Ok(Found::Primer(primer())),
    }
}

fn found_score(name: String, score: &Score) -> Result<Found, Notice> {
    let left_out = score.left_out().to_vec();
    let piece = Piece::new(name.clone(), score).map_err(|error| score_refused(&name, &error))?;
    Ok(Found::Score(Rc::new(piece), left_out))
}

fn score_refused(file: &str, error: &score::ScoreError) -> Notice {
    Notice::PrimerRefused {
        file: file.to_owned(),
        why: format!("could not be read: {error}"),
        remedy: "Try exporting it again as MusicXML or MIDI.".into(),
    }
}

fn unreadable(name: &str, error: &JsValue) -> Notice {
    Notice::FileUnreadable { file: name.to_owned(), why: js::text(error) }
}

fn refused(file: String, error: &performance::Error) -> Notice {
    let clause = error.to_string();
    // "it has no notes" → "sonata.mid has no notes"; anything else is a reason.
    let why = match clause.strip_prefix("it ") {
        Some(rest) if rest.starts_with("has ") || rest.starts_with("is ") => rest.to_owned(),
        _ => format!("could not be read: {clause}"),
    };
    let is_damaged = !why.starts_with("has ");
    let remedy = if is_damaged { "Try exporting it again as MIDI." } else { "Choose another file." };
    Notice::PrimerRefused { file, why, remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_sentences_about_the_file() {
        let sentence = |error| refused("sonata.mid".into(), &error).to_string();
        assert_eq!(
            sentence(performance::Error::DrumsOnly),
            "sonata.mid has drums only, so there is nothing for a piano to continue. Choose another file."
        );
        assert_eq!(
            sentence(performance::Error::CutOff { bytes: 120 }),
            "sonata.mid could not be read: it stops after 120 bytes, in the middle of a track. Try exporting \
             it again as MIDI."
        );
    }
}
