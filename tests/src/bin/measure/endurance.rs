//! `endurance`: an hour of music, composed and played.

use std::path::PathBuf;
use std::time::Duration;

use tests::browser::{Browser, Setup};
use tests::endurance::endure;
use tests::midi_device::MidiDevice;
use tests::site::Site;

use crate::{keep, value};

/// How much to endure.
#[derive(Debug)]
pub(crate) struct Options {
    music_minutes: u32,
    heard_minutes: u32,
    json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { music_minutes: 60, heard_minutes: 60, json: None };
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--minutes" => options.music_minutes = value(option, arguments.next())?,
                "--listen" => options.heard_minutes = value(option, arguments.next())?,
                "--json" => options.json = Some(value(option, arguments.next())?),
                other => return Err(format!("endurance does not take {other}; see --help")),
            }
        }
        // What the page's list of lengths has.
        let minutes = options.music_minutes;
        if ![1, 2, 5, 10, 60].contains(&minutes) {
            return Err(format!("--minutes: expected 1, 2, 5, 10 or 60, found {minutes}"));
        }
        options.heard_minutes = options.heard_minutes.min(minutes);
        Ok(options)
    }
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let device = MidiDevice::plug_in();
    let setup = Setup { midi: device.as_ref(), ..Setup::default() };
    let (Some(site), Some(browser)) = (Site::built(), Browser::launch_with(&setup)) else {
        return Err("there is no built page, or no browser to open it".to_owned());
    };
    browser.allow_midi();
    let heard = Duration::from_secs(u64::from(options.heard_minutes) * 60);
    let endured = endure(&site, &browser, device.as_ref(), options.music_minutes * 60, heard);
    endured.to_lines().iter().for_each(|line| println!("{line}"));
    keep(options.json.as_deref(), &endured.to_json())
}
