//! `prepare`: folders of MIDI files to one file of tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use performance::{Event, EventCounts, Token, duration_secs, encode, midi};
use rayon::prelude::*;
use serde::Serialize;

use crate::cli::PrepareArgs;
use crate::corpus::{INDEX_FILE, INDEX_VERSION, Index, Piece, TOKENS_FILE};
use crate::files::{Others, read_midi, remove_parts, write_atomically};
use crate::say::{count, left_out, remark, say};
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
    let composers = match &args.manifest {
        Some(manifest) => read_composers(manifest)?,
        None => BTreeMap::new(),
    };
    let cache = args.out.join("cache");
    fs::create_dir_all(&cache).with_context(|| format!("{} cannot be created", cache.display()))?;
    remove_parts(&args.out, Others::Possible);
    remove_parts(&cache, Others::Possible);
    let Folder { pieces, tokens, n_files, refused, dropped } =
        Folder::read_all(&args.dirs, &composers, Some(&cache))?;
    let summary = Summary {
        files: n_files,
        refused,
        dropped,
        events: tokens.len() / 2,
        hours: pieces.iter().map(|piece| piece.seconds / 3600.0).sum(),
    };
    write_atomically(&args.out.join(TOKENS_FILE), &tokens)?;
    let index = Index { version: INDEX_VERSION, pieces };
    write_atomically(&args.out.join(INDEX_FILE), &serde_json::to_vec_pretty(&index)?)?;
    report(args, &summary)
}

fn report(args: &PrepareArgs, summary: &Summary) -> Result<()> {
    if args.json {
        return say!("{}", serde_json::to_string(summary)?);
    }
    if let Some(line) = left_out(summary.files, &summary.refused) {
        remark!("{line}");
    }
    if let Some((path, what)) = summary.dropped.first() {
        let more = summary.dropped.len() - 1;
        let more = if more > 0 { format!("; and {more} more, which --json lists") } else { String::new() };
        remark!("not all of what was read could be used ({path}: {what}{more})");
    }
    say!(
        "{} of {}, {}, {:.1} hours, in {}",
        summary.files - summary.refused.len(),
        count(summary.files, "file"),
        count(summary.events, "event"),
        summary.hours,
        args.out.display()
    )
}

/// The music below a folder.
pub(crate) struct Folder {
    /// By path.
    pub(crate) pieces: Vec<Piece>,
    /// Of all pieces, 16 bits each, little-endian.
    pub(crate) tokens: Vec<u8>,
    n_files: usize,
    /// Files that could not be used, and why.
    refused: Vec<(String, String)>,
    /// Files of which something could not be used.
    dropped: Vec<(String, String)>,
}

impl Folder {
    /// All MIDI files below a folder; a line on standard error says what was left out.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let folder = Self::read_all(&[dir.to_owned()], &BTreeMap::new(), None)?;
        if let Some(line) = left_out(folder.n_files, &folder.refused) {
            remark!("{line}");
        }
        Ok(folder)
    }

    fn read_all(
        dirs: &[PathBuf],
        composers: &BTreeMap<String, String>,
        cache: Option<&Path>,
    ) -> Result<Self> {
        let sources = find(dirs)?;
        ensure!(!sources.is_empty(), "no .mid or .midi file was found in {}", list(dirs));
        let bar = progress::bar(sources.len() as u64, "files");
        let prepare = |source: &Source| {
            let prepared = prepare_file(source, composers.get(&source.path), cache);
            bar.inc(1);
            (source.path.clone(), prepared)
        };
        let results: Vec<(String, Result<Prepared>)> = sources.par_iter().map(prepare).collect();
        bar.finish_and_clear();
        let mut folder = Self {
            pieces: Vec::new(),
            tokens: Vec::new(),
            n_files: sources.len(),
            refused: Vec::new(),
            dropped: Vec::new(),
        };
        for (path, result) in results {
            match result {
                Ok(Prepared { piece, tokens, dropped }) => {
                    folder.pieces.push(Piece { start: folder.tokens.len() / 2, ..piece });
                    folder.tokens.extend(tokens.iter().flat_map(|token| token.get().to_le_bytes()));
                    folder.dropped.extend(dropped.into_iter().map(|what| (path.clone(), what)));
                }
                Err(why) => folder.refused.push((path, format!("{why:#}"))),
            }
        }
        if folder.pieces.is_empty() {
            let (path, why) = folder.refused.first().cloned().unwrap_or_default();
            bail!("none of {} could be used ({path}: {why})", count(folder.n_files, "file"));
        }
        Ok(folder)
    }
}

fn prepare_file(source: &Source, composer: Option<&String>, cache: Option<&Path>) -> Result<Prepared> {
    let bytes = read_midi(&source.file)?;
    let sha256 = provenance::sha256(&bytes);
    let cached = cache.map(|cache| cache.join(format!("{sha256}.v{INDEX_VERSION}.json")));
    let (tokens, dropped) = match cached.as_deref().and_then(read_cached) {
        Some(found) => found,
        None => {
            let import = midi::read(&bytes)?;
            let tokens = encode(&import.performance);
            let dropped: Vec<String> = import.report.dropped.iter().map(ToString::to_string).collect();
            if let Some(cached) = cached {
                let numbers: Vec<u16> = tokens.iter().map(|token| token.get()).collect();
                write_atomically(&cached, &serde_json::to_vec(&(numbers, &dropped))?)?;
            }
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

/// The MIDI files below folders, by path. A folder that links lead to several times counts once.
///
/// # Errors
/// If one of `dirs` cannot be read; what cannot be read below them is left out with a remark.
pub(crate) fn find(dirs: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for dir in dirs {
        let mut pending = vec![dir.clone()];
        let mut seen = BTreeSet::new();
        while let Some(folder) = pending.pop() {
            if fs::canonicalize(&folder).is_ok_and(|folder| !seen.insert(folder)) {
                continue;
            }
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if folder != *dir => {
                    remark!("left out {}: {error}", folder.display());
                    continue;
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("{} cannot be read", folder.display()));
                }
            };
            for entry in entries.flatten() {
                let file = entry.path();
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
