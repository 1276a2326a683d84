//! From one performance of a score to another, at the same place.

use std::rc::Rc;

use performance::Event;
use performance::playback::Cursor;
use session::{Performed, Take};

use super::Player;

/// The piano goes over this long after the change: messages that it has can be taken back.
const PIANO_LEAD_US: u64 = 40_000;

impl Player {
    /// Plays on where the score is now. What rings goes on ringing.
    pub(super) fn turn(&mut self, before: &Performed, now: &Performed, take: &Rc<Take>) {
        let now_us = self.clock.now_us();
        let lead_us = self.midi.as_ref().map_or(PIANO_LEAD_US, |_| self.midi_lookahead.us());
        let heard_us = self.heard_us();
        let Some(run) = &mut self.run else { return };
        if run.is_paused || !run.has_begun {
            let is_paused = run.is_paused;
            self.begin(before.us_in(now, heard_us));
            if let Some(run) = &mut self.run {
                run.is_paused = is_paused;
            }
            return self.feed(take);
        }
        let at_us = now_us + lead_us;
        let from_us = run.schedule.music_time_us(at_us);
        let (turn_us, to_us) = before.turn(now, from_us);
        let tokens = take.heard(0);
        let taken_back = run.schedule.turn(&tokens, at_us + (turn_us - from_us), to_us, now_us);
        run.schedule.end();
        run.take = Some(Rc::clone(take));
        (run.n_fed, run.n_splices) = (tokens.len(), take.kept_since(0).0);
        // The look-ahead grows anew: while a slider moves, what was handed out is taken back again and again.
        run.from_us = to_us;
        run.upcoming.clear();
        run.end = Cursor::default();
        for &token in &tokens {
            let timed = run.end.step(token);
            if let Event::NoteOn(pitch) = timed.event
                && timed.at_us >= to_us
            {
                run.upcoming.push_back((timed.at_us, pitch, timed.velocity.velocity()));
            }
        }
        self.forget(&taken_back);
    }
}
