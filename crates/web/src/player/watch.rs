//! Watches over the sound: it may be held back, taken away, or have no device.

use session::{ClockSource, Notice};

use super::Player;
use crate::js;

/// The sound counts as held back by the browser after this long.
const HELD_MS: f64 = 700.0;
/// Milliseconds between two attempts to get it back ...
const RESUME_MS: f64 = 1000.0;
/// ... and between two to open another where it stands still.
const REOPEN_MS: f64 = 5000.0;

impl Player {
    /// Adds a notice when the clock stands still, and tries to resume it.
    pub(super) fn watch_for_held_sound(&mut self) {
        let Some(run) = &mut self.run else { return };
        if self.clock.is_running() {
            run.held_since_ms = None;
            run.has_told_held = false;
            return;
        }
        let now_ms = js::now_ms();
        let held_ms = now_ms - *run.held_since_ms.get_or_insert(now_ms);
        if held_ms > HELD_MS && !run.has_told_held {
            run.has_told_held = true;
            match (run.has_begun, js::was_pressed()) {
                (true, _) => self.notices.push(Notice::SoundInterrupted),
                (false, false) => self.notices.push(Notice::SoundHeld),
                // The browser may sound; the clock will tell whether it can.
                (false, true) => {}
            }
        }
        // Some browsers need another request when whatever took the sound is over.
        if held_ms > HELD_MS && now_ms - run.resumed_ms > RESUME_MS {
            run.resumed_ms = now_ms;
            if let Some(piano) = &self.piano {
                piano.resume();
            }
        }
    }

    /// Goes by the computer's clock where the sound's stands still, and comes back when it goes again. What had begun
    /// on the piano waits for a sound that was merely taken away (a call, a lock, another program).
    pub(super) fn watch_the_clock(&mut self) {
        let is_taken_away = !self.clock.is_running() && self.midi.is_none();
        let run = self.run.as_ref().filter(|run| !(run.is_paused || run.has_begun && is_taken_away));
        let (Some(_), Some(sound_ms)) = (run, self.clock.sound_ms()) else {
            return self.watch.look_away();
        };
        let now_ms = js::now_ms();
        match self.watch.look(sound_ms, now_ms) {
            Some(source @ ClockSource::Computer) => {
                self.go_by(source);
                self.reopened_ms = now_ms;
                self.notices.push(Notice::NoSoundDevice);
            }
            Some(source @ ClockSource::Sound) => {
                self.go_by(source);
                self.settled.push(Notice::NoSoundDevice);
            }
            None => {}
        }
        if self.clock.source() == ClockSource::Computer && now_ms - self.reopened_ms > REOPEN_MS {
            self.reopened_ms = now_ms;
            // Some browsers never start a context again whose device was not there.
            if let Err(error) = self.open_piano() {
                web_sys::console::debug_1(&error);
            }
        }
    }

    /// The same performance, from the same place on, by another clock.
    fn go_by(&mut self, source: ClockSource) {
        let Some(run) = &self.run else { return };
        let (take, has_begun) = (run.take.clone(), run.has_begun);
        let at_us = if has_begun { self.heard_us() } else { run.from_us };
        self.stop();
        self.clock.set_source(source);
        self.begin(at_us);
        if let Some(take) = take {
            self.feed(&take);
        }
    }
}
