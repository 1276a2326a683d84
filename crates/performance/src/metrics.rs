//! What can be counted in a sequence of events: statistics for training and evaluation, and the
//! forward windows that the network's controls are made of.

use crate::{Event, STEP_MICROS, Token};

/// Number of pitch classes; 0 is C.
pub const N_PITCH_CLASSES: usize = 12;

/// How many events there are of each type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// NOTE_ONs.
    pub note_on: usize,
    /// NOTE_OFFs.
    pub note_off: usize,
    /// TIME_SHIFTs.
    pub time_shift: usize,
    /// VELOCITYs.
    pub velocity: usize,
}

impl EventCounts {
    /// Counts the events.
    ///
    /// ```
    /// use performance::{Event, EventCounts, Pitch, Shift};
    /// let tokens = [Event::NoteOn(Pitch::new(60)?).into(), Event::TimeShift(Shift::MAX).into()];
    /// let counts = EventCounts::of(&tokens);
    /// assert_eq!((counts.note_on, counts.time_shift, counts.total()), (1, 1, 2));
    /// # Ok::<(), performance::Error>(())
    /// ```
    #[must_use]
    pub fn of(tokens: &[Token]) -> Self {
        let mut counts = Self::default();
        for &token in tokens {
            *match token.into() {
                Event::NoteOn(_) => &mut counts.note_on,
                Event::NoteOff(_) => &mut counts.note_off,
                Event::TimeShift(_) => &mut counts.time_shift,
                Event::Velocity(_) => &mut counts.velocity,
            } += 1;
        }
        counts
    }

    /// All events.
    #[must_use]
    pub fn total(&self) -> usize {
        self.note_on + self.note_off + self.time_shift + self.velocity
    }
}

/// How much time the events take, in seconds.
#[must_use]
pub fn duration_secs(tokens: &[Token]) -> f64 {
    let steps: u64 = tokens.iter().map(|&token| steps(token)).sum();
    secs(steps)
}

/// Notes per second that start in the first `window_secs` of the events.
///
/// Events that end earlier count as silence to the end of the window, so that a last chord is not
/// taken for a storm. (Magenta's Performance RNN has a control of the same name that looks forward in
/// the same way.)
#[must_use]
pub fn note_density(tokens: &[Token], window_secs: f64) -> f32 {
    first_window(tokens, window_secs).note_density()
}

/// How often each pitch class is struck in the first `window_secs` of the events, as parts of 1; all 0
/// when nothing is.
#[must_use]
pub fn pitch_class_histogram(tokens: &[Token], window_secs: f64) -> [f32; N_PITCH_CLASSES] {
    first_window(tokens, window_secs).pitch_class_histogram()
}

/// What starts within a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    n_steps: u64,
    strikes: [u32; N_PITCH_CLASSES],
}

impl Window {
    /// Notes per second.
    #[must_use]
    pub fn note_density(&self) -> f32 {
        (f64::from(self.n_notes()) / secs(self.n_steps)) as f32
    }

    /// The share of each pitch class in the notes; all 0 when there are none.
    #[must_use]
    pub fn pitch_class_histogram(&self) -> [f32; N_PITCH_CLASSES] {
        let n_notes = self.n_notes().max(1) as f32;
        self.strikes.map(|n| n as f32 / n_notes)
    }

    /// Number of notes.
    #[must_use]
    pub fn n_notes(&self) -> u32 {
        self.strikes.iter().sum()
    }
}

/// For every event the window of `window_secs` that begins with it, in one pass: the same as
/// [`note_density`] and [`pitch_class_histogram`] of `&tokens[idx..]`, for each `idx`.
///
/// ```
/// use performance::{Event, Pitch, Shift, forward_windows};
/// let on = |pitch| Pitch::new(pitch).map(|pitch| Event::NoteOn(pitch).into());
/// let tokens = [on(60)?, Event::TimeShift(Shift::MAX).into(), on(64)?];
/// let densities: Vec<f32> = forward_windows(&tokens, 2.0).map(|window| window.note_density()).collect();
/// assert_eq!(densities, [1.0, 0.5, 0.5]);
/// # Ok::<(), performance::Error>(())
/// ```
pub fn forward_windows(tokens: &[Token], window_secs: f64) -> impl Iterator<Item = Window> {
    let n_steps = window_steps(window_secs);
    let mut strikes = [0; N_PITCH_CLASSES];
    let mut unseen = tokens.iter();
    let mut seen_step = 0;
    let mut now_step = 0;
    tokens.iter().map(move |&token| {
        while seen_step < n_steps.saturating_add(now_step) {
            let Some(&ahead) = unseen.next() else { break };
            seen_step += steps(ahead);
            if let Some(class) = struck_class(ahead) {
                strikes[class] += 1;
            }
        }
        let window = Window { n_steps, strikes };
        // The next window begins after this event.
        now_step += steps(token);
        if let Some(class) = struck_class(token) {
            strikes[class] -= 1;
        }
        window
    })
}

fn first_window(tokens: &[Token], window_secs: f64) -> Window {
    forward_windows(tokens, window_secs)
        .next()
        .unwrap_or(Window { n_steps: window_steps(window_secs), strikes: [0; N_PITCH_CLASSES] })
}

/// At least one step, so that a density is always a number.
fn window_steps(window_secs: f64) -> u64 {
    // `as` saturates, and makes 0 of a NaN.
    ((window_secs * 1e6 / STEP_MICROS as f64).round() as u64).max(1)
}

fn secs(steps: u64) -> f64 {
    steps as f64 * STEP_MICROS as f64 / 1e6
}

fn steps(token: Token) -> u64 {
    match token.into() {
        Event::TimeShift(shift) => u64::from(shift.steps()),
        Event::NoteOn(_) | Event::NoteOff(_) | Event::Velocity(_) => 0,
    }
}

fn struck_class(token: Token) -> Option<usize> {
    match token.into() {
        Event::NoteOn(pitch) => Some(pitch.index() % N_PITCH_CLASSES),
        Event::NoteOff(_) | Event::TimeShift(_) | Event::Velocity(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::tokens;

    #[test]
    fn counts_and_durations() {
        let tokens = tokens("v16 +60 >125 +64 -60 >25 -64 >100");
        let expected = EventCounts { note_on: 2, note_off: 2, time_shift: 3, velocity: 1 };
        assert_eq!(EventCounts::of(&tokens), expected);
        assert_eq!(expected.total(), tokens.len());
        assert_eq!(duration_secs(&tokens), 2.0);
        assert_eq!(duration_secs(&[]), 0.0);
    }

    #[test]
    fn windows_take_what_starts_before_their_end() {
        let tokens = tokens("+60 +64 >125 +72 >125 +62");
        assert_eq!(note_density(&tokens, 1.0), 2.0);
        assert_eq!(note_density(&tokens, 1.008), (3.0 / 1.008_f64) as f32);
        // What is missing at the end counts as silence.
        assert_eq!(note_density(&tokens, 8.0), 0.5);
        assert_eq!(note_density(&[], 8.0), 0.0);

        let mut expected = [0.0; N_PITCH_CLASSES];
        (expected[0], expected[4]) = (2.0 / 3.0, 1.0 / 3.0);
        assert_eq!(pitch_class_histogram(&tokens, 2.0), expected);
        assert_eq!(pitch_class_histogram(&[], 2.0), [0.0; N_PITCH_CLASSES]);
    }

    #[test]
    fn any_length_of_a_window_will_do() {
        for secs in [0.0, -1.0, f64::NAN] {
            assert_eq!(note_density(&tokens("+60 >1 +62"), secs), 125.0);
        }
        assert!(note_density(&tokens("+60 >1 +62"), f64::INFINITY) < 1e-9);
    }

    #[test]
    fn one_pass_is_as_good_as_many() {
        let tokens = tokens("v3 +60 >50 +64 -60 >10 +67 +72 >125 >125 -64 +61 >3 +61 -61 >125 +60");
        for secs in [0.1, 0.5, 1.0, 2.0, 60.0] {
            let windows: Vec<_> = forward_windows(&tokens, secs).collect();
            assert_eq!(windows.len(), tokens.len());
            for (idx, window) in windows.iter().enumerate() {
                assert_eq!(window.note_density(), note_density(&tokens[idx..], secs));
                assert_eq!(window.pitch_class_histogram(), pitch_class_histogram(&tokens[idx..], secs));
            }
        }
    }
}
