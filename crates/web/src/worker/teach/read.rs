//! Files in: what is music in them, and what is left out and why.

use std::collections::HashSet;

use js_sys::{Array, Uint8Array};
use performance::{Event, Token, duration_secs, encode, midi};
use session::teach::{LeftOut, MusicReport, TeachReply};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use super::{Music, post};
use crate::js;
use crate::worker::now_ms;

/// Names of files that are left out, at most; the others are counted.
const NAMED: usize = 20;
/// More events than this are left out: 40 hours, more than is learned in a day.
const MAX_EVENTS: usize = 5_000_000;
/// Shorter pieces are left out: a few notes.
const MIN_EVENTS: usize = 20;
/// Milliseconds between two words on how far reading is.
const PROGRESS_MS: f64 = 200.0;

/// The music in files, in the order of their names, each piece once.
pub(super) async fn music(files: &Array) -> Music {
    let mut files: Vec<File> = files.iter().filter_map(|file| file.dyn_into().ok()).collect();
    files.sort_by_key(File::name);
    let total = files.len();
    let mut music =
        Music { report: MusicReport { files: total, ..MusicReport::default() }, ..Music::default() };
    let (mut known, mut told_ms) = (HashSet::new(), f64::NEG_INFINITY);
    for (done, file) in files.iter().enumerate() {
        if now_ms() - told_ms > PROGRESS_MS {
            told_ms = now_ms();
            post(&TeachReply::Reading { done, total });
        }
        let piece = match tokens(file).await {
            Ok(_) if music.report.events >= MAX_EVENTS => Err("is more than can be learned".to_owned()),
            Ok(tokens) if tokens.len() < MIN_EVENTS => Err("has too few notes".to_owned()),
            Ok(tokens) if known.contains(&tokens) => Err("is the same music as another file".to_owned()),
            read => read,
        };
        match piece {
            Ok(tokens) => {
                let report = &mut music.report;
                if report.pieces == 0 {
                    report.name = file.name();
                }
                report.pieces += 1;
                report.events += tokens.len();
                report.seconds += duration_secs(&tokens);
                let is_note = |&&token: &&Token| matches!(Event::from(token), Event::NoteOn(_));
                report.notes += tokens.iter().filter(is_note).count();
                known.insert(tokens.clone());
                music.pieces.push(tokens);
            }
            Err(why) => {
                let report = &mut music.report;
                report.n_left_out += 1;
                if report.left_out.len() < NAMED {
                    report.left_out.push(LeftOut { file: file.name(), why });
                }
            }
        }
    }
    music
}

async fn tokens(file: &File) -> Result<Vec<Token>, String> {
    // Checked first, so that a film is not read into memory.
    if file.size() > midi::MAX_BYTES as f64 {
        return Err(sentence(&performance::Error::TooLarge { bytes: file.size() as usize }));
    }
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|error| js::text(&error))?;
    let import = midi::read(&Uint8Array::new(&buffer).to_vec()).map_err(|error| sentence(&error))?;
    Ok(encode(&import.performance))
}

/// "it has no notes" → "has no notes"; anything else is a reason.
fn sentence(error: &performance::Error) -> String {
    let clause = error.to_string();
    match clause.strip_prefix("it ") {
        Some(rest) if rest.starts_with("has ") || rest.starts_with("is ") => rest.to_owned(),
        _ => format!("could not be read: {clause}"),
    }
}
