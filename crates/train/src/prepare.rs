//! `prepare`: folders of MIDI files to one file of tokens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use performance::{Event, EventCounts, Token, duration_secs, encode, midi};
use rayon::prelude::*;
use serde::Serialize;

use crate::cli::PrepareArgs;
use crate::corpus::{INDEX_FILE, INDEX_VERSION, Index, Piece, TOKENS_FILE};
use crate::files::write_atomically;
use crate::{progress, provenance};

/// What `--json` prints.
#[derive(Serialize)]
struct Summary {
    files: usize,
    refused: Vec<(String, String)>,
    dropped: Vec<(String, String)>,
    events: usize,
    hours: f64,
}

/// A MIDI file that was found.
pub(crate) struct Source {
    /// Below the folder that was searched, with forward slashes.
    pub(crate) path: String,
    pub(crate) file: PathBuf,
}

struct Prepared {
    piece: Piece,
    tokens: Vec<Token>,
    dropped: Vec<String>,
}

pub(crate) fn run(args: &PrepareArgs) -> Result<()> {
    let sources = find(&args.dirs)?;
    ensure!(!sources.is_empty(), "no .mid or .midi file was found in {}", list(&args.dirs));
    let composers = match &args.manifest {
        Some(manifest) => read_composers(manifest)?,
        None => BTreeMap::new(),
    };
    let cache = args.out.join("cache");
    fs::create_dir_all(&cache).with_context(|| format!("{} cannot be created", cache.display()))?;
    let bar = progress::bar(sources.len() as u64, "files");
    let results: Vec<(String, Result<Prepared>)> = sources
        .par_iter()
        .map(|source| {
            let prepared = prepare_file(source, composers.get(&source.path), &cache);
            bar.inc(1);
            (source.path.clone(), prepared)
        })
        .collect();
    bar.finish_and_clear();

    let mut index = Index { version: INDEX_VERSION, pieces: Vec::new() };
    let mut summary =
        Summary { files: sources.len(), refused: Vec::new(), dropped: Vec::new(), events: 0, hours: 0.0 };
    let mut bytes = Vec::new();
    for (path, result) in results {
        match result {
            Ok(Prepared { mut piece, tokens, dropped }) => {
                piece.start = bytes.len() / 2;
                summary.events += tokens.len();
                summary.hours += piece.seconds / 3600.0;
                summary.dropped.extend(dropped.into_iter().map(|what| (path.clone(), what)));
                bytes.extend(tokens.iter().flat_map(|token| token.get().to_le_bytes()));
                index.pieces.push(piece);
            }
            Err(why) => summary.refused.push((path, format!("{why:#}"))),
        }
    }
    ensure!(!index.pieces.is_empty(), "none of the {} files could be used", summary.files);
    write_atomically(&args.out.join(TOKENS_FILE), &bytes)?;
    write_atomically(&args.out.join(INDEX_FILE), &serde_json::to_vec_pretty(&index)?)?;
    report(args, &summary)
}

fn report(args: &PrepareArgs, summary: &Summary) -> Result<()> {
    if args.json {
        println!("{}", serde_json::to_string(summary)?);
        return Ok(());
    }
    for (path, why) in summary.refused.iter().chain(&summary.dropped) {
        eprintln!("{path}: {why}");
    }
    println!(
        "{} of {} files, {} events, {:.1} hours, in {}",
        summary.files - summary.refused.len(),
        summary.files,
        summary.events,
        summary.hours,
        args.out.display()
    );
    Ok(())
}

fn prepare_file(source: &Source, composer: Option<&String>, cache: &Path) -> Result<Prepared> {
    let bytes = fs::read(&source.file)?;
    let sha256 = provenance::sha256(&bytes);
    let cached = cache.join(format!("{sha256}.v{INDEX_VERSION}.json"));
    let (tokens, dropped) = match read_cached(&cached) {
        Some(found) => found,
        None => {
            let import = midi::read(&bytes)?;
            let tokens = encode(&import.performance);
            let dropped: Vec<String> = import.report.dropped.iter().map(ToString::to_string).collect();
            let numbers: Vec<u16> = tokens.iter().map(|token| token.get()).collect();
            write_atomically(&cached, &serde_json::to_vec(&(numbers, &dropped))?)?;
            (tokens, dropped)
        }
    };
    let pitches = || {
        tokens.iter().filter_map(|&token| match Event::from(token) {
            Event::NoteOn(pitch) => Some(pitch.get()),
            _ => None,
        })
    };
    let piece = Piece {
        path: source.path.clone(),
        composer: composer.cloned(),
        sha256,
        start: 0,
        len: tokens.len(),
        seconds: duration_secs(&tokens),
        notes: EventCounts::of(&tokens).note_on,
        pitch_range: (pitches().min().unwrap_or(0), pitches().max().unwrap_or(127)),
    };
    Ok(Prepared { piece, tokens, dropped })
}

/// What an earlier, perhaps interrupted, run left for this file's content.
fn read_cached(path: &Path) -> Option<(Vec<Token>, Vec<String>)> {
    let (numbers, dropped): (Vec<u16>, Vec<String>) = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let tokens = numbers.into_iter().map(Token::new).collect::<Result<_, _>>().ok()?;
    Some((tokens, dropped))
}

/// The MIDI files below folders, by path.
pub(crate) fn find(dirs: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for dir in dirs {
        let mut pending = vec![dir.clone()];
        while let Some(folder) = pending.pop() {
            let entries =
                fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
            for entry in entries {
                let file = entry?.path();
                if file.is_dir() {
                    pending.push(file);
                } else if is_midi(&file) {
                    let path = file.strip_prefix(dir).unwrap_or(&file).to_string_lossy().replace('\\', "/");
                    sources.push(Source { path, file });
                }
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

pub(crate) fn is_midi(file: &Path) -> bool {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("mid" | "midi" | "smf" | "kar" | "rmi"))
}

/// Composers' last names by path, from a CSV with the columns `path` and `composer`, or MAESTRO's
/// `midi_filename` and `canonical_composer`.
fn read_composers(manifest: &Path) -> Result<BTreeMap<String, String>> {
    let mut reader =
        csv::Reader::from_path(manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    let headers = reader.headers()?.clone();
    let column = |names: [&str; 2]| headers.iter().position(|header| names.contains(&header));
    let (path, composer) =
        match (column(["path", "midi_filename"]), column(["composer", "canonical_composer"])) {
            (Some(path), Some(composer)) => (path, composer),
            _ => anyhow::bail!("{}: expected the columns `path` and `composer`", manifest.display()),
        };
    let mut composers = BTreeMap::new();
    for record in reader.records() {
        let record = record?;
        // "Franz Schubert / Franz Liszt" is Schubert, transcribed.
        let name = record[composer].split(['/', '(']).next().and_then(|name| name.split_whitespace().last());
        if let Some(name) = name {
            composers.insert(record[path].to_owned(), name.to_owned());
        }
    }
    Ok(composers)
}

fn list(dirs: &[PathBuf]) -> String {
    dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
}
