//! An app: it opens without a network, and a new version comes whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tests::browser::{Browser, Page};
use tests::site::{Site, Trouble};

use super::{SOON, START, asked_for, play};

/// The built page, copied to a folder where another version can take its place.
struct Deployed {
    folder: TempDir,
    site: Site,
}

impl Deployed {
    fn new(built: &Site) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in files(built.folder()) {
            let (from, to) = (built.folder().join(&file), folder.path().join(&file));
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            // What is compressed is changed as it is.
            if !file.extension().is_some_and(|ending| ending == "br" || ending == "gz") {
                fs::copy(from, to).expect("a copy");
            }
        }
        let site = Site::of(folder.path());
        Self { folder, site }
    }

    /// Another version in the place of this one: the same content, under other names all but the weights, which the page
    /// holds to their name.
    fn renew(&self) {
        let old = files(self.folder.path());
        let mut hashes: BTreeMap<String, String> = BTreeMap::new();
        let names =
            old.iter().map(|file| file.to_string_lossy().into_owned()).chain([version_of(&self.site)]);
        for name in names.filter(|name| !name.ends_with(".safetensors")) {
            hashes.extend(hash_in(&name).map(|hash| (hash.to_owned(), other(hash))));
        }
        let renamed =
            |text: &str| hashes.iter().fold(text.to_owned(), |text, (hash, other)| text.replace(hash, other));
        // Files first, then those that name them, and only then the old ones go.
        let (naming, named): (Vec<&PathBuf>, Vec<&PathBuf>) = old.iter().partition(|file| names_others(file));
        for file in named {
            let new = renamed(&file.to_string_lossy());
            if file.as_path() == Path::new(&new) {
                continue;
            }
            fs::copy(self.folder.path().join(file), self.folder.path().join(new)).expect("a copy");
        }
        for file in naming {
            let text = fs::read_to_string(self.folder.path().join(file)).expect("text");
            let new = renamed(&file.to_string_lossy());
            fs::write(self.folder.path().join(new), renamed(&text)).expect("a file");
        }
        for file in old.iter().filter(|file| renamed(&file.to_string_lossy()) != file.to_string_lossy()) {
            fs::remove_file(self.folder.path().join(file)).expect("no file");
        }
    }
}

/// The files below a folder, as paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inside)).expect("a folder").flatten() {
            let path = inside.join(entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn names_others(file: &Path) -> bool {
    let name = file.to_string_lossy();
    [".html", ".webmanifest"].iter().any(|ending| name.ends_with(ending))
        || name == "service.js"
        || name.starts_with("start-")
}

/// The name of a content in a file's name.
fn hash_in(name: &str) -> Option<&str> {
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    name.split(|c| !is_digit(c)).find(|part| (12..=16).contains(&part.len()))
}

/// Each digit's complement.
fn other(hash: &str) -> String {
    let digit = |c: char| char::from_digit(15 - c.to_digit(16).expect("a digit"), 16).expect("a digit");
    hash.chars().map(digit).collect()
}

/// The version that is deployed.
pub(super) fn version_of(site: &Site) -> String {
    let html = fs::read_to_string(site.folder().join("index.html")).expect("the page");
    let (_, rest) = html.split_once("<meta name=\"version\" content=\"").expect("a version");
    rest.split('"').next().expect("a version").to_owned()
}

/// The version that a tab shows.
fn version(page: &Page) -> String {
    let content = page.evaluate("document.querySelector('meta[name=version]')?.content ?? ''");
    content.as_str().unwrap_or_default().to_owned()
}

/// Whether the browser has all of a version.
fn is_complete(page: &Page, version: &str) -> bool {
    let cache = format!("performance-rnn-page-{version}");
    let has = format!("caches.match(new URL('./', location), {{ cacheName: '{cache}' }}).then(Boolean)");
    page.evaluate(&has) == true
}

#[track_caller]
pub(super) fn wait_until_complete(page: &Page, version: &str) {
    page.wait_until("all of the page to be kept", START, || is_complete(page, version));
}

#[track_caller]
fn stop(page: &Page) {
    page.button("Stop").click();
    page.wait_until("a stop", SOON, || page.evaluate("performanceRnn.playback()") == "Stopped");
}

#[test]
fn after_the_first_visit_it_opens_and_plays_without_a_network() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = browser.open(&site.url("/?backend=cpu"));
    play(&page, 7);
    wait_until_complete(&page, &version_of(&site));
    stop(&page);
    assert_eq!(page.installation_errors(), Vec::<String>::new());
    assert_eq!(asked_for(&site, "worker_gpu"), 0, "no program for a GPU where none plays");
    page.close();

    site.trouble("/", Trouble::BreaksAfter(0));
    let page = browser.open(&site.url("/?backend=cpu"));
    page.forget_http_cache();
    page.reload();
    // Notes of all loudnesses and pitches: the whole piano is there.
    for seed in [7, 8] {
        play(&page, seed);
        stop(&page);
    }
    let file = page.download(|| page.button("Download MIDI").click());
    assert!(fs::metadata(file).expect("the download").len() > 100);
    page.reload();
    page.wait_until("the performances", START, || page.text().contains("No. 2"));
    assert!(!page.status().contains("could not"), "{}", page.status());
    page.close();
    let page = browser.open(&site.url("/bench.html"));
    assert_eq!(version(&page), version_of(&site));
}

/// The network is cut at each file of a new version. Samples are all of one kind: a few of them do.
#[test]
fn wherever_the_network_is_cut_the_page_is_whole() {
    let (Some(built), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let deployed = Deployed::new(&built);
    let site = &deployed.site;
    let page = browser.open(&site.url("/?backend=cpu"));
    page.button("Generate");
    let old = version_of(site);
    wait_until_complete(&page, &old);
    deployed.renew();
    let new = version_of(site);
    assert_ne!(old, new);
    let service = fs::read_to_string(deployed.folder.path().join("service.js")).expect("the service worker");
    let list = service.lines().find(|line| line.starts_with("const FILES")).expect("the files");
    let all: Vec<&str> = list.split('\'').skip(1).step_by(2).collect();
    let samples = all.iter().filter(|file| file.ends_with(".mp3")).step_by(40);
    // The weights are there already.
    let others = all.iter().filter(|file| !file.ends_with(".mp3") && !file.ends_with(".safetensors"));
    let mut cut: Vec<&str> = others.chain(samples).copied().collect();
    cut.extend(["service.js", "/"]);
    // In the order in which they are fetched: those before are there already.
    cut.sort_by_key(|file| all.iter().position(|other| other == file).unwrap_or(all.len()));
    for (i, file) in cut.iter().enumerate() {
        // At once, or within the shortest file.
        site.trouble_only(file, Trouble::BreaksAfter(if i % 2 == 0 { 0 } else { 300 }));
        let asked = asked_for(site, file);
        page.reload();
        page.button("Generate");
        page.wait_until(file, SOON, || asked_for(site, file) > asked);
        assert_eq!(version(&page), old, "cut at {file}");
        if i % 5 == 0 {
            play(&page, 7);
            stop(&page);
        }
        assert!(!is_complete(&page, &new), "cut at {file}");
    }
    site.mend();
    println!("cut at {} of {} files", cut.len(), all.len() + 2);
    page.reload();
    wait_until_complete(&page, &new);
    page.reload();
    assert_eq!(version(&page), new);
    play(&page, 7);
}

/// While one tab plays, a new version is deployed, and the old one's files are gone from the server.
#[test]
fn a_new_version_comes_with_the_next_reload_and_leaves_other_tabs_alone() {
    let (Some(built), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let deployed = Deployed::new(&built);
    let site = &deployed.site;
    let page = browser.open(&site.url("/?backend=cpu"));
    play(&page, 7);
    let old = version_of(site);
    wait_until_complete(&page, &old);
    deployed.renew();
    let new = version_of(site);

    let other = browser.open(&site.url("/?backend=cpu"));
    other.button("Generate");
    assert_eq!(version(&other), old, "the new one is not complete yet");
    other.wait_for_text("A new version of this page is here. It comes with the next reload.", START);
    assert!(page.status().contains("A new version of this page is here."), "{}", page.status());
    assert_eq!(page.evaluate("performanceRnn.playback()"), "Playing");
    other.reload();
    assert_eq!(version(&other), new);
    assert!(!other.status().contains("A new version"), "{}", other.status());
    play(&other, 8);
    stop(&other);

    // The tab of the old version finds its own files.
    stop(&page);
    play(&page, 9);
    stop(&page);
    assert_eq!(version(&page), old);
    page.reload();
    assert_eq!(version(&page), new);
    play(&page, 7);
    page.close();
    other.close();
    // Nobody needs the old one any more, once the tabs are gone.
    std::thread::sleep(Duration::from_secs(3));
    let page = browser.open(&site.url("/?backend=cpu"));
    page.wait_until("the old version to go", START, || !is_complete(&page, &old));
    assert_eq!(version(&page), new);
    page.assert_no_errors();
}

#[test]
fn a_full_disk_never_stops_the_page() {
    let (Some(built), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let deployed = Deployed::new(&built);
    let site = &deployed.site;
    let page = browser.open(&site.url("/?backend=cpu"));
    page.limit_storage(Some(4_000_000));
    play(&page, 7);
    stop(&page);
    page.wait_until("the attempt to keep the page", START, || asked_for(site, "service.js") > 0);
    std::thread::sleep(Duration::from_secs(3));
    assert!(!is_complete(&page, &version_of(site)));
    // The next version comes, too.
    deployed.renew();
    page.reload();
    assert_eq!(version(&page), version_of(site));
    play(&page, 8);
}
