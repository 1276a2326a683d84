//! Scores in the page: one to drop, and how soon it and changes of it are heard.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::browser::Page;

/// Reading, rendering and the piano's first samples, on a slow machine.
const START: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_secs(20);

/// Sixteenths of a fugue in three voices after Bach's in C minor (BWV 847): the subject, and what goes against it.
/// 0 is a rest.
const SUBJECT: [&[(u8, u8)]; 2] = [
    &[(0, 2), (72, 1), (71, 1), (72, 2), (67, 2), (68, 2), (72, 1), (71, 1), (72, 2), (74, 2)],
    &[(67, 2), (72, 1), (71, 1), (72, 2), (74, 2), (65, 1), (67, 1), (68, 4), (67, 1), (65, 1)],
];
const AGAINST: &[(u8, u8)] = &[
    (63, 1),
    (72, 1),
    (71, 1),
    (69, 1),
    (67, 1),
    (65, 1),
    (63, 1),
    (62, 1),
    (60, 2),
    (75, 2),
    (74, 2),
    (72, 2),
];
const REST: &[(u8, u8)] = &[(0, 16)];

/// The fugue as MusicXML, a part for each voice; about 33 notes a bar.
#[must_use]
pub fn fugue(n_bars: usize) -> String {
    let mut xml = String::from("<score-partwise version=\"4.0\"><part-list>");
    for part in 1..=3 {
        write!(xml, "<score-part id=\"P{part}\"><part-name>Voice {part}</part-name></score-part>")
            .expect("a String takes everything");
    }
    xml.push_str("</part-list>");
    for (part, lower) in [(1, 0), (2, 5), (3, 12)] {
        write!(xml, "<part id=\"P{part}\">").expect("a String takes everything");
        for bar in 0..n_bars {
            write!(xml, "<measure number=\"{}\">", bar + 1).expect("a String takes everything");
            if bar == 0 {
                xml.push_str(
                    "<attributes><divisions>4</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>\
                     <direction><direction-type><dynamics><mf/></dynamics></direction-type><sound tempo=\"80\"/></direction>",
                );
            }
            if bar % 16 == 8 {
                xml.push_str(
                    "<direction><direction-type><dynamics><p/></dynamics></direction-type></direction>",
                );
            }
            let entry = 2 * (part as usize - 1);
            let notes = match bar {
                bar if bar < entry => REST,
                bar if (bar - entry) % 6 < 2 => SUBJECT[(bar - entry) % 6],
                _ => AGAINST,
            };
            for &(pitch, sixteenths) in notes {
                note(&mut xml, pitch.checked_sub(lower).filter(|_| pitch > 0), sixteenths);
            }
            xml.push_str("</measure>");
        }
        xml.push_str("</part>");
    }
    xml.push_str("</score-partwise>");
    xml
}

fn note(xml: &mut String, pitch: Option<u8>, sixteenths: u8) {
    const STEPS: [(&str, u8); 12] = [
        ("C", 0),
        ("C", 1),
        ("D", 0),
        ("E", 2),
        ("E", 0),
        ("F", 0),
        ("F", 1),
        ("G", 0),
        ("A", 2),
        ("A", 0),
        ("B", 2),
        ("B", 0),
    ];
    let sound = pitch.map_or("<rest/>".to_owned(), |pitch| {
        let (step, sign) = STEPS[usize::from(pitch % 12)];
        let alter = match sign {
            1 => "<alter>1</alter>",
            2 => "<alter>-1</alter>",
            _ => "",
        };
        format!("<pitch><step>{step}</step>{alter}<octave>{}</octave></pitch>", pitch / 12 - 1)
    });
    write!(xml, "<note>{sound}<duration>{sixteenths}</duration></note>").expect("a String takes everything");
}

/// Drops a score on the page, which may sound. Returns the milliseconds to the first note at the loudspeaker.
///
/// # Panics
/// If none comes.
#[track_caller]
#[must_use]
pub fn drop_score(page: &Page, file: &Path) -> f64 {
    page.select("main").drop_files(&[file]);
    page.wait_for("the first note", START, || page.first_note_after_click())
}

/// Moves the slider "Expression" while a score plays. Returns the milliseconds to the first strike after it that the
/// piano gets, the output's latency included; with the time until the score has a note.
///
/// # Panics
/// If none comes.
#[track_caller]
#[must_use]
pub fn change_expression(page: &Page, percent: i32) -> f64 {
    page.evaluate(&format!(
        "(() => {{
            window.__first = null;
            const start = window.__start ??= AudioBufferSourceNode.prototype.start;
            const slider = document.getElementById('expression');
            const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
            set.call(slider, {percent});
            const moved = performance.now();
            AudioBufferSourceNode.prototype.start = function (when, ...rest) {{
                const ahead = ((when ?? 0) - this.context.currentTime + (this.context.outputLatency || 0)) * 1000;
                window.__first ??= performance.now() - moved + ahead;
                return start.call(this, when, ...rest);
            }};
            slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
        }})()"
    ));
    page.wait_for("a strike after the change", SOON, || page.evaluate("window.__first").as_f64())
}
