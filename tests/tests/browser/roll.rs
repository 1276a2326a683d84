//! The roll: notes that land on the keys, the overview, the position, zoom, and the lane of changes.

use std::collections::BTreeSet;

use performance::playback::micros;
use performance::{Note, decode};
use serde_json::{Value, json};
use session::roll::{Keys, Zoom, is_black};
use tests::browser::{Browser, Held, Page};
use tests::endurance::tokens;
use tests::site::Site;
use tests::steering::set_temperature;

use super::{SOON, START};

/// What the roll shows at the play-head is read to some pixels, of 10 ms each.
const TOLERANCE_US: u64 = 30_000;
/// The roll is behind what is heard by at most this, in the middle of all frames, on a machine that does other
/// things.
const LATE_SECS: f64 = 0.08;
/// Keys are lit at least this long.
const MIN_LIT_US: u64 = 60_000;
/// Above the keys, where notes are looked for as they come. On the way down they take this long from there.
const ABOVE_PX: f64 = 12.0;

/// What is seen in a frame: how far the play-head is on the overview, as a share; what is heard, in seconds;
/// the keys that are lit, and the pitches of the notes just above the keys.
type Seen = (f64, f64, Vec<u8>, Vec<u8>);

/// The keyboard is the play-head: a key is lit while its note sounds, and a note's lower edge reaches its key
/// when it begins.
#[test]
fn notes_land_on_the_keys_when_they_sound() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = playing(&site, &browser, 30);
    let seen = watched(&page, 6.0);
    let tokens = tokens(&page);
    let (music_us, notes) = (micros(&tokens) as f64, decode(&tokens).performance.notes().to_vec());
    let (mut n_lit, mut n_landing, mut late_secs) = (0, 0, Vec::new());
    for (head, heard_secs, lit, above) in &seen {
        let head_us = (head * music_us) as u64;
        late_secs.push((heard_secs - head * music_us / 1e6).abs());
        let lit: BTreeSet<u8> = lit.iter().copied().collect();
        let must = sounding(&notes, (head_us, head_us), Needs::AllThrough);
        let may = sounding(&notes, (head_us.saturating_sub(MIN_LIT_US), head_us), Needs::Sometime);
        assert!(
            lit.is_superset(&must) && lit.is_subset(&may),
            "at {head_us} µs: {lit:?}, sounding: {must:?}"
        );
        n_lit += lit.len();
        let above: BTreeSet<u8> = above.iter().copied().collect();
        let ahead_us = (ABOVE_PX / Zoom::default().px_per_sec() * 1e6) as u64;
        let there = (head_us + ahead_us, head_us + ahead_us);
        let (must, may) = (
            sounding(&notes, there, Needs::AllThrough),
            // What has just sounded shines up there.
            sounding(&notes, (head_us.saturating_sub(MIN_LIT_US), head_us + ahead_us), Needs::Sometime),
        );
        assert!(
            above.is_superset(&must) && above.is_subset(&may),
            "at {head_us} µs: {above:?}, next: {must:?}"
        );
        n_landing += above.len();
    }
    let late_secs = super::median(&late_secs);
    println!(
        "{} frames, {n_lit} lit keys, {n_landing} notes just above their keys, {:.0} ms from what is heard",
        seen.len(),
        1000.0 * late_secs
    );
    assert!(late_secs < LATE_SECS, "{late_secs} s");
    assert!(seen.len() > 40 && n_lit > 40 && n_landing > 40);
    page.button("Stop").click();
    page.assert_no_errors();
}

#[test]
fn the_overview_seeks_and_marks() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = playing(&site, &browser, 60);
    let strip = page.find("slider", "Position");
    let columns = page.evaluate(
        "(() => {
            const canvas = document.querySelector('.position canvas');
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            const isDrawn = x => Array.from({ length: canvas.height }, (_, y) => data[4 * (y * canvas.width + x) + 3]).some(a => a);
            return Array.from({ length: canvas.width / 8 }, (_, i) => isDrawn(8 * i + 1)).filter(drawn => drawn).length
                / (canvas.width / 8);
        })()",
    );
    assert!(columns.as_f64() > Some(0.8), "columns all through the minute: {columns}");
    strip.click_at((0.5, 0.5));
    seconds(&page, 29.0..33.0);
    // A drag, too, where it ends.
    strip.drag(&[], (0.6, 0.5), (0.8, 0.5));
    seconds(&page, 47.0..51.0);
    strip.drag(&[Held::Shift], (0.25, 0.5), (0.5, 0.5));
    page.wait_until("a marked span", SOON, || {
        let mark = page.evaluate("document.querySelector('.position .mark')?.getAttribute('style')");
        mark.as_str().is_some_and(|style| style.starts_with("left: 25.") || style.starts_with("left: 24.9"))
    });
    // Whatever comes and goes beside it, the overview has a pixel for each of the page's.
    set_temperature(&page, 20);
    page.button("Branch").click();
    page.wait_for_text("from No. 1 at", SOON);
    page.wait_until("an overview that is sharp", SOON, || {
        page.evaluate(
            "[...document.querySelectorAll('.roll canvas')].every(c => c.width === c.clientWidth && c.height === c.clientHeight)",
        ) == true
    });
    page.button("Stop").click();
    page.assert_no_errors();
}

/// Time, pace, loudness and key, without eyes and without a mouse.
#[test]
fn the_position_is_told_and_moved_by_keys() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = playing(&site, &browser, 120);
    let slider = page.find("slider", "Position");
    slider.focus();
    page.press("PageUp");
    seconds(&page, 30.0..45.0);
    page.press("ArrowRight");
    page.press("ArrowRight");
    seconds(&page, 40.0..56.0);
    page.press("Home");
    seconds(&page, 0.0..4.0);
    page.press("PageUp");
    page.press("PageUp");
    page.press("ArrowLeft");
    seconds(&page, 55.0..65.0);
    page.press("Space");
    let text = page.wait_for("a reading", SOON, || {
        let text = slider.attribute("aria-valuetext");
        text.starts_with("0:5").then_some(text)
    });
    println!("{text}");
    let parts: Vec<&str> = text.split(", ").collect();
    let [time, pace, loudness, key] = parts[..] else { panic!("not time, pace, loudness and key: {text}") };
    assert!(time.contains(" of 2:0"), "{time}");
    assert!(pace.ends_with("notes per second") || pace.ends_with("note per second"), "{pace}");
    assert!(["very soft", "soft", "moderately loud", "loud", "very loud"].contains(&loudness), "{loudness}");
    assert!(key.ends_with("major") || key.ends_with("minor") || key == "no clear key", "{key}");
    let now: u32 = slider.attribute("aria-valuenow").parse().expect("seconds");
    assert!((50..70).contains(&now) && slider.attribute("aria-valuemin") == "0", "{now}");
    page.press("End");
    page.wait_until("the end", SOON, || slider.attribute("aria-valuetext").starts_with("2:0"));
    // The list of sections says the same, and leads there.
    page.button("Sections").click();
    let first = page.wait_for("sections", SOON, || {
        let first = page.evaluate("document.querySelector('.sections button')?.innerText");
        first.as_str().map(str::to_owned)
    });
    assert!(first.starts_with("0:00") && first.contains("per second"), "{first}");
    page.select(".sections button").click();
    seconds(&page, 0.0..6.0);
    page.assert_no_errors();
}

/// Keys glow as likely as they are to be struck next, once that is asked for, and the music stays the same.
#[test]
fn the_keys_glow_for_what_is_considered() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let is_shaded = |page: &Page| {
        // Lit keys are those that sound: a few. Others are as they are unless they glow.
        let seen = page.evaluate(
            "(() => {
                const canvas = document.querySelector('.stage canvas');
                const row = canvas.getContext('2d').getImageData(0, canvas.height - 18, canvas.width, 1).data;
                return new Set(Array.from({ length: canvas.width }, (_, x) => row.slice(4 * x, 4 * x + 3).join())).size;
            })()",
        );
        seen.as_u64().expect("a number of colors")
    };
    let page = playing(&site, &browser, 30);
    let plain = is_shaded(&page);
    let music = tokens(&page);
    page.button("Stop").click();
    let button = page.button("What it considers");
    assert_eq!(button.attribute("aria-pressed"), "false");
    button.click();
    page.go_to(&site.url("/?backend=cpu&seed=5&length=30"));
    start(&page, 30);
    assert_eq!(page.button("What it considers").attribute("aria-pressed"), "true");
    page.wait_until("keys in many shades", SOON, || is_shaded(&page) > plain + 4);
    page.screenshot(&tests::browser::screenshots().join("considered.png"));
    // Where composing ends depends on how it was cut up, and nothing else does.
    let same = tokens(&page);
    let n = same.len().min(music.len());
    assert!(n > 200 && same[..n] == music[..n], "what is considered changes the music");
    page.button("What it considers").click();
    page.button("Stop").click();
    page.assert_no_errors();
}

/// By buttons, keys and wheel; it is the same after a reload.
#[test]
fn the_roll_is_zoomed() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = playing(&site, &browser, 60);
    let zoom =
        || page.evaluate("Number(sessionStorage['performance-rnn-zoom'] ?? 1)").as_f64().expect("a number");
    let is_about = |expected: f64| (zoom() / expected - 1.0).abs() < 0.01;
    page.button("Zoom in").click();
    page.wait_until("a larger roll", SOON, || is_about(2.0_f64.sqrt()));
    page.press("+");
    page.wait_until("a larger roll by a key", SOON, || is_about(2.0));
    // Twice as large: what lies 96 px above the keys is half a second ahead, not one.
    page.press("-");
    page.press("-");
    page.wait_until("the usual size", SOON, || is_about(1.0));
    page.select(".stage canvas").turn_wheel(&[Held::Control], -300.0);
    page.wait_until("a larger roll by the wheel", SOON, || is_about(std::f64::consts::E));
    let wide = page.evaluate("document.documentElement.scrollWidth - innerWidth").as_i64();
    assert!(
        wide <= Some(0) && page.evaluate("visualViewport.scale") == 1.0,
        "the page itself stays as it is"
    );
    page.reload();
    page.button("Zoom out").click();
    page.wait_until("the size that it had", SOON, || is_about(std::f64::consts::E / 2.0_f64.sqrt()));
    for _ in 0..8 {
        page.press("-");
    }
    page.wait_until("the smallest", SOON, || is_about(0.25) && !page.button("Zoom out").is_enabled());
    page.assert_no_errors();
}

/// Pages are turned; in between only the play-head moves.
#[test]
fn nothing_falls_for_those_who_do_not_like_it() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let moves = |is_still: bool| -> f64 {
        let page = browser.open_blank();
        if is_still {
            page.prefer_stillness();
        }
        page.go_to(&site.url("/?backend=cpu&seed=5&length=30"));
        start(&page, 30);
        // The share of frames in which the picture differs from the frame before: in the upper or the lower part
        // of the roll, whichever is calmer. The play-head goes through one of them.
        let share = page.evaluate(
            "new Promise(resolve => {
                const canvas = document.querySelector('.stage canvas');
                const [parts, changes, last] = [[0, canvas.height * 0.45], [0, 0], [null, null]];
                let frames = -1;
                const look = () => {
                    parts.forEach((top, part) => {
                        const { data } = canvas.getContext('2d').getImageData(0, top, canvas.width, canvas.height / 4);
                        let sum = 0;
                        for (let i = 0; i < data.length; i += 16) sum = (31 * sum + data[i] + data[i + 2]) | 0;
                        if (last[part] !== null) changes[part] += sum !== last[part];
                        last[part] = sum;
                    });
                    frames += 1;
                    if (frames < 90) requestAnimationFrame(look); else resolve(Math.min(...changes) / frames);
                };
                look();
            })",
        );
        page.button("Stop").click();
        share.as_f64().expect("a share")
    };
    let [falling, paged] = [false, true].map(moves);
    println!(
        "the picture changes in {:.0} % of frames, without motion in {:.0} %",
        100.0 * falling,
        100.0 * paged
    );
    assert!(falling > 0.8 && paged < 0.4, "{falling} {paged}");
}

/// A change is a point on the lane, which is moved and removed by keys and by the mouse.
#[test]
fn changes_are_on_the_lane() {
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
    let page = playing(&site, &browser, 60);
    assert!(page.try_find("list", "Changes").is_none(), "nothing was changed yet");
    set_temperature(&page, 20);
    let names = || -> Vec<String> {
        let names =
            page.evaluate("[...document.querySelectorAll('.lane .point')].map(point => point.ariaLabel)");
        serde_json::from_value(names).unwrap_or_default()
    };
    let before = page.wait_for("a change", SOON, || names().pop());
    println!("{before}");
    assert!(before.contains("0.9") && before.contains(" at 0:"), "{before}");
    let point = page.button(&before);
    point.focus();
    page.press("ArrowRight");
    page.press("ArrowRight");
    let is_later = |name: &String| (seconds_of(name) - seconds_of(&before) - 2.0).abs() < 0.15;
    page.wait_until("a point two seconds later", SOON, || names().iter().all(is_later));
    page.press("Enter");
    page.wait_until("a branch", SOON, || {
        page.text().contains("from No. 1 at") && names().len() == 1 && names().iter().all(is_later)
    });
    let later = names().pop().expect("a change");
    page.button(&format!("Remove {later}")).focus();
    page.press("Enter");
    page.wait_until("no change", SOON, || names().is_empty());
    page.button("Stop").click();
    page.assert_no_errors();
}

/// The time in the name of a change: "Density 8.0 at 0:42.5".
#[track_caller]
fn seconds_of(name: &str) -> f64 {
    let (_, clock) = name.rsplit_once(" at ").expect("a time");
    let (minutes, secs) = clock.split_once(':').expect("minutes and seconds");
    60.0 * minutes.parse::<f64>().expect("minutes") + secs.parse::<f64>().expect("seconds")
}

/// Plays a performance of a fixed length, once all of it is composed.
#[track_caller]
fn playing(site: &Site, browser: &Browser, secs: u32) -> Page {
    let page = browser.open(&site.url(&format!("/?backend=cpu&seed=5&length={secs}")));
    start(&page, secs);
    page
}

#[track_caller]
fn start(page: &Page, secs: u32) {
    page.button("Generate").click();
    page.wait_until("all of the music", START, || {
        let end = page.find("slider", "Position").attribute("aria-valuemax");
        end.parse::<u32>().is_ok_and(|end| end >= secs)
    });
    page.wait_until("music", START, || page.evaluate("performanceRnn.playback()") == "Playing");
}

/// Waits until the play-head is there.
#[track_caller]
fn seconds(page: &Page, range: std::ops::Range<f64>) {
    page.wait_until(&format!("the play-head at {range:?} s"), SOON, || {
        page.evaluate("performanceRnn.played()").as_f64().is_some_and(|secs| range.contains(&secs))
    });
}

/// Looks at the roll's pixels for so many seconds.
#[track_caller]
fn watched(page: &Page, secs: f64) -> Vec<Seen> {
    let size = page.evaluate(
        "(() => { const c = document.querySelector('.stage canvas'); return [c.clientWidth, c.clientHeight, c.width]; })()",
    );
    let [width, height, pixels]: [f64; 3] = serde_json::from_value(size).expect("a canvas");
    assert_eq!(width, pixels, "a canvas pixel for each of the page's");
    let keys = Keys::new(width, 0.0);
    let top = height - (keys.white_px * 5.2).clamp(64.0, 104.0).round();
    let place = |white: bool| -> Value {
        let of_color = Keys::all().filter(|&pitch| is_black(pitch) != white);
        of_color
            .map(|pitch| {
                let (x, width) = keys.placement(pitch);
                // Black keys lie off the crack between white ones, where no other note is drawn.
                let middle = match pitch.get() % 12 {
                    1 | 6 => 0.7,
                    3 | 10 => 0.3,
                    _ => 0.5,
                };
                json!([pitch.get(), (x + middle * width).round()])
            })
            .collect()
    };
    let seen = page.evaluate(&format!(
        "new Promise(resolve => {{
            const canvas = document.querySelector('.stage canvas');
            const context = canvas.getContext('2d');
            const [white, black, top, above, until] = [{white}, {black}, {top}, {ABOVE_PX}, performance.now() + {ms}];
            const row = y => context.getImageData(0, Math.round(y), canvas.width, 1).data;
            const near = (data, x, [r, g, b]) =>
                Math.abs(data[4 * x] - r) + Math.abs(data[4 * x + 1] - g) + Math.abs(data[4 * x + 2] - b) < 60;
            const color = name => getComputedStyle(canvas).getPropertyValue(name).trim().match(/[0-9a-f]{{2}}/g).map(h => parseInt(h, 16));
            const [ivory, ebony] = [color('--ivory'), color('--ebony')];
            const seen = [];
            const look = () => {{
                const x = /-?[0-9.]+/.exec(document.querySelector('.position .head').style.transform);
                const head = Number(x) / document.querySelector('.position').clientWidth;
                const [low, high, air] = [row(canvas.height - 18), row(top + 20), row(top - above)];
                const lit = [
                    ...white.filter(([, x]) => !near(low, x, ivory)),
                    ...black.filter(([, x]) => !near(high, x, ebony)),
                ].map(([pitch]) => pitch);
                // A note is blue and dark against the paper, light on its lane is not.
                const isNote = x => air[4 * x + 3] > 150 && air[4 * x + 2] - air[4 * x] > 24;
                const next = [...white, ...black].filter(([, x]) => isNote(x)).map(([pitch]) => pitch);
                seen.push([head, performanceRnn.played(), lit, next]);
                if (performance.now() < until) requestAnimationFrame(look); else resolve(seen);
            }};
            requestAnimationFrame(look);
        }})",
        white = place(true),
        black = place(false),
        ms = 1000.0 * secs,
    ));
    serde_json::from_value(seen).expect("what was seen")
}

enum Needs {
    /// All the time, give or take the tolerance.
    AllThrough,
    /// At some time, give or take the tolerance.
    Sometime,
}

/// The pitches that sound in a piece of time.
fn sounding(notes: &[Note], (from_us, to_us): (u64, u64), needs: Needs) -> BTreeSet<u8> {
    let (early_us, late_us) = (from_us.saturating_sub(TOLERANCE_US), to_us + TOLERANCE_US);
    let is_there = |note: &&Note| match needs {
        Needs::AllThrough => note.start_us <= early_us && late_us < note.end_us,
        Needs::Sometime => note.start_us <= late_us && early_us < note.end_us,
    };
    notes.iter().filter(is_there).map(|note| note.pitch.get()).collect()
}
