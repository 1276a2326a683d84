//! From logits to the next event: temperature, legality mask, top-p.

use performance::{
    Controls, Event, N_PITCHES, N_TOKENS, NoteTracker, ReturnRate, STEP_MICROS, Sampling, Sounding, Token,
};
use rand::{Rng, RngExt};

use crate::Error;
use performance::math::exp;

/// Notes that have sounded for longer get a release bias. Shorter also cuts long notes that the network
/// intends.
pub(crate) const RELEASE_AFTER_SECS: f32 = 2.0;
/// How fast that bias grows. Larger makes the lengths of notes more alike.
pub(crate) const RELEASE_NATS_PER_SEC: f32 = 1.0;
/// Where more notes sound, each of them gets a release bias. Fewer also thins out chords that the network
/// intends.
pub(crate) const CROWD_NOTES: f32 = 12.0;
/// How fast that bias grows. Larger hides the pedal; smaller lets harmonies run into each other.
pub(crate) const CROWD_NATS_PER_NOTE: f32 = 0.08;
/// When no note has begun for longer, new notes get a bias. Shorter fills rests.
pub(crate) const REST_AFTER_SECS: f32 = 3.0;
/// How fast that bias grows. Smaller allows long silences.
pub(crate) const REST_NATS_PER_SEC: f32 = 2.0;
/// When strikes run ahead of 31 a second by more steps ([`NoteTracker::strike_excess`]), the next one gets a
/// penalty. Smaller also slows chords and runs.
pub(crate) const STRIKE_EXCESS_AFTER_STEPS: f32 = 96.0;
/// How fast that penalty grows.
pub(crate) const STRIKE_EXCESS_NATS_PER_STEP: f32 = 0.05;
/// When strikes of one key run ahead of 8 a second by more steps ([`NoteTracker::strike_excess_on`]), the
/// next one gets a penalty. Smaller also slows trills.
pub(crate) const PITCH_STRIKE_EXCESS_AFTER_STEPS: f32 = 16.0;
/// How fast that penalty grows.
pub(crate) const PITCH_STRIKE_EXCESS_NATS_PER_STEP: f32 = 0.1;
/// Bias of a TIME_SHIFT for each doubling of its length, unless a density is asked for. Larger slows the
/// music down. Without it, slow passages pick up sooner than people's, and performances are nearly half as
/// dense again (`docs/listening.md`).
const PACE_NATS_PER_DOUBLING: f32 = 0.04;
/// And this much more where themes come back: after a passage that it did not choose itself a network goes on more
/// densely, and without this performances become a fifth denser.
const THEMES_PACE_NATS_PER_DOUBLING: f32 = 0.035;
pub(crate) const STEP_SECS: f32 = STEP_MICROS as f32 / 1e6;

/// Draws the next event.
///
/// Only legal events are drawn: never a NOTE_ON of a sounding pitch or a NOTE_OFF of a silent one, nor a
/// NOTE_ON that [`Sampling::only`] leaves out. Six logit biases keep the music close to what people play:
///
/// - NOTE_OFF: +1 nat for each second that the note has sounded beyond 2.
/// - NOTE_OFF: +0.08 nats for each note beyond 12 that sounds at once.
/// - NOTE_ON and VELOCITY: +2 nats for each second beyond 3 in which no note has begun.
/// - NOTE_ON and VELOCITY: −0.2 nats for each strike beyond 24 that is ahead of 31 strikes a second.
/// - NOTE_ON of a pitch: −1.6 nats for each strike beyond one by which that pitch is ahead of 8 a second.
/// - TIME_SHIFT: +0.04 nats for each doubling of its length, or 0.075 if themes come back, unless a density is
///   asked for.
///
/// # Shapes
/// `logits`: 413 numbers, before softmax.
///
/// # Errors
/// If a logit is not a finite number.
pub fn sample(
    logits: &[f32],
    held: &NoteTracker,
    sampling: Sampling,
    asked: &Controls,
    rng: &mut impl Rng,
) -> Result<Token, Error> {
    debug_assert_eq!(logits.len(), N_TOKENS);
    if let Some(&broken) = logits.iter().find(|logit| !logit.is_finite()) {
        return Err(Error::NotFinite(broken));
    }
    let help = LogitBias::of(held, sampling, asked);
    let mut legal: Vec<(Token, f32)> = Vec::with_capacity(N_TOKENS);
    for (token, &logit) in Token::all().zip(logits) {
        let event = Event::from(token);
        if held.sounding().allows(event) && sampling.allows(event) {
            legal.push((token, logit + help.with(event, held)));
        }
    }
    let highest = legal.iter().map(|&(_, logit)| logit).fold(f32::NEG_INFINITY, f32::max);
    let mut legal: Vec<(Token, f64)> = legal
        .into_iter()
        .map(|(token, logit)| (token, f64::from(exp((logit - highest) / sampling.temperature))))
        .collect();
    if sampling.top_p < 1.0 {
        keep_likeliest(&mut legal, f64::from(sampling.top_p));
    }
    let total: f64 = legal.iter().map(|&(_, weight)| weight).sum();
    let mut left = rng.random::<f64>() * total;
    for &(token, weight) in &legal {
        left -= weight;
        if left < 0.0 {
            return Ok(token);
        }
    }
    // Rounding can leave a small remainder, which goes to the last event. TIME_SHIFTs are always legal.
    match legal.last() {
        Some(&(token, _)) => Ok(token),
        None => unreachable!("time shifts are always legal"),
    }
}

/// The probability of each pitch if the next event strikes a key: softmax over the NOTE_ONs that [`sample`] may
/// draw, at its temperature. Without the biases, which hardly tell pitches apart.
///
/// # Shapes
/// `logits`: 413 numbers, before softmax. Returned: 128 numbers with a sum of 1, or zeros where no key can be struck.
pub(crate) fn strike_probabilities(logits: &[f32], sounding: Sounding, sampling: Sampling) -> Vec<f32> {
    let mut weights = vec![f32::NEG_INFINITY; N_PITCHES];
    for (token, &logit) in Token::all().zip(logits) {
        let event = Event::from(token);
        if let Event::NoteOn(pitch) = event
            && sounding.allows(event)
            && sampling.allows(event)
            && logit.is_finite()
        {
            weights[pitch.index()] = logit / sampling.temperature;
        }
    }
    let highest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if highest == f32::NEG_INFINITY {
        return vec![0.0; N_PITCHES];
    }
    let weights: Vec<f32> =
        weights.iter().map(|&weight| if weight.is_finite() { exp(weight - highest) } else { 0.0 }).collect();
    let total: f32 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// What is added to logits, in nats, so that the music stays close to what people play.
///
/// A network trained on people's performances has hardly seen a note that nobody released, forty notes at
/// once, a rest of ten seconds or a key that is struck ten times a second. Once sampling has led it there, it
/// takes that for the style of the piece. Measured at equal age and without the bias for many notes, notes
/// among twenty others are released 0.8 times as often as people release them. Among up to twelve they are
/// not released too seldom. `docs/sampling.md` has the rates with all biases.
///
/// Biases are soft, begin where people seldom are, and grow until the music is back. Only waits have one from
/// the beginning: of two half minutes in a row, the second has 2.0 notes a second more where the first had
/// four to eight (48 performances of five minutes), and 1.0 more in what people play. Where a density is
/// asked for, the network reads it with every event, and the bias would make it too low.
struct LogitBias {
    /// For each NOTE_OFF, because many notes sound.
    crowd: f32,
    /// For each NOTE_ON: positive after a long rest, negative after many strikes.
    begin: f32,
    /// For a TIME_SHIFT, per doubling of its length.
    pace: f32,
}

/// The bias of a TIME_SHIFT for each doubling of its length ([`doublings`]), in nats. `fit-pace` fits it.
#[must_use]
pub fn pace(sampling: Sampling, asked: &Controls) -> f32 {
    match (asked.density, sampling.themes) {
        (Some(_), _) => 0.0,
        (None, ReturnRate::NEVER) => PACE_NATS_PER_DOUBLING,
        (None, _) => PACE_NATS_PER_DOUBLING + THEMES_PACE_NATS_PER_DOUBLING,
    }
}

impl LogitBias {
    fn of(held: &NoteTracker, sampling: Sampling, asked: &Controls) -> Self {
        let n_notes = held.sounding().len() as f32;
        let rest_secs = held.rest() as f32 * STEP_SECS;
        let rest = (rest_secs - REST_AFTER_SECS).max(0.0) * REST_NATS_PER_SEC;
        let strike_excess =
            (held.strike_excess() as f32 - STRIKE_EXCESS_AFTER_STEPS).max(0.0) * STRIKE_EXCESS_NATS_PER_STEP;
        Self {
            crowd: (n_notes - CROWD_NOTES).max(0.0) * CROWD_NATS_PER_NOTE,
            begin: rest - strike_excess,
            pace: pace(sampling, asked),
        }
    }

    fn with(&self, event: Event, held: &NoteTracker) -> f32 {
        match event {
            Event::NoteOff(pitch) => {
                let secs = held.steps(pitch) as f32 * STEP_SECS;
                (secs - RELEASE_AFTER_SECS).max(0.0) * RELEASE_NATS_PER_SEC + self.crowd
            }
            Event::NoteOn(pitch) => {
                let strike_excess = held.strike_excess_on(pitch) as f32;
                self.begin
                    - (strike_excess - PITCH_STRIKE_EXCESS_AFTER_STEPS).max(0.0)
                        * PITCH_STRIKE_EXCESS_NATS_PER_STEP
            }
            // A new loudness comes before most notes.
            Event::Velocity(_) => self.begin,
            Event::TimeShift(shift) => doublings(shift.steps()) * self.pace,
        }
    }
}

/// How often 1 has to be doubled to reach a number of steps, on straight lines between the powers of two:
/// exact in 32 bits, so that a GPU has the same.
#[must_use]
pub fn doublings(steps: u8) -> f32 {
    let bits = f32::from(steps).to_bits() - 1f32.to_bits();
    bits as f32 / (1 << 23) as f32
}

/// Keeps the smallest set of likeliest events whose share reaches `top_p`, in vocabulary order.
fn keep_likeliest(legal: &mut Vec<(Token, f64)>, top_p: f64) {
    let mut order: Vec<usize> = (0..legal.len()).collect();
    order.sort_by(|&a, &b| legal[b].1.total_cmp(&legal[a].1).then(a.cmp(&b)));
    let wanted = top_p * legal.iter().map(|&(_, weight)| weight).sum::<f64>();
    let mut reached = 0.0;
    let n = order.iter().position(|&i| {
        reached += legal[i].1;
        reached >= wanted
    });
    order.truncate(n.map_or(legal.len(), |last| last + 1));
    order.sort_unstable();
    *legal = order.into_iter().map(|i| legal[i]).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use performance::{Pitch, Shift};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn draws(logits: &[f32], held: &NoteTracker, sampling: Sampling) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = vec![0; N_TOKENS];
        for _ in 0..20_000 {
            counts[sample(logits, held, sampling, &Controls::default(), &mut rng).unwrap().index()] += 1;
        }
        counts
    }

    #[test]
    fn illegal_events_are_never_drawn() {
        let mut held = NoteTracker::default();
        held.apply(Event::NoteOn(Pitch::new(60).unwrap()));
        let counts = draws(&[0.0; N_TOKENS], &held, Sampling::default());
        assert_eq!(counts[60], 0, "NOTE_ON of a sounding pitch");
        assert!(counts[128 + 60] > 0);
        assert_eq!(counts[128..256].iter().sum::<usize>(), counts[128 + 60], "NOTE_OFF of silent pitches");
    }

    #[test]
    fn frequencies_follow_the_softmax() {
        let mut logits = [-1e9; N_TOKENS];
        // Two VELOCITYs, which have no bias here.
        (logits[390], logits[391]) = (0.0, 3.0f32.ln());
        let counts = draws(&logits, &NoteTracker::default(), Sampling::default());
        let share = counts[391] as f64 / 20_000.0;
        assert!((share - 0.75).abs() < 0.01, "{share}");
        let cold = draws(
            &logits,
            &NoteTracker::default(),
            Sampling { temperature: 0.5, top_p: 1.0, ..Sampling::default() },
        );
        let share = cold[391] as f64 / 20_000.0;
        assert!((share - 0.9).abs() < 0.01, "{share}");
    }

    #[test]
    fn a_note_that_sounds_long_is_released() {
        let share_after = |secs: u32| {
            let mut held = NoteTracker::default();
            held.apply(Event::NoteOn(Pitch::new(60).unwrap()));
            for _ in 0..secs {
                held.apply(Event::TimeShift(Shift::new(125).unwrap()));
            }
            let mut logits = [-1e9; N_TOKENS];
            (logits[128 + 60], logits[256]) = (-5.0, 0.0);
            let counts = draws(&logits, &held, Sampling::default());
            counts[128 + 60] as f64 / 20_000.0
        };
        // e⁻⁵ to start with; even odds after seven seconds; all but certain after a dozen.
        assert!((share_after(2) - 0.006_69).abs() < 0.002, "{}", share_after(2));
        assert!((share_after(7) - 0.5).abs() < 0.02, "{}", share_after(7));
        assert!(share_after(12) > 0.99, "{}", share_after(12));
    }

    #[test]
    fn many_notes_are_released_sooner() {
        let share_among = |n_notes: u8| {
            let mut held = NoteTracker::default();
            for pitch in 60..60 + n_notes {
                held.apply(Event::NoteOn(Pitch::new(pitch).unwrap()));
            }
            let mut logits = [-1e9; N_TOKENS];
            (logits[128 + 60], logits[256]) = (-3.0, 0.0);
            draws(&logits, &held, Sampling::default())[128 + 60] as f64 / 20_000.0
        };
        // Odds of e⁻³ up to twelve notes; 0.08 nats a note beyond.
        for (n_notes, odds) in [(1, -3.0f64), (12, -3.0), (22, -2.2), (62, 1.0)] {
            let (share, expected) = (share_among(n_notes), odds.exp() / (1.0 + odds.exp()));
            assert!((share - expected).abs() < 0.012, "{n_notes}: {share} for {expected}");
        }
    }

    #[test]
    fn a_long_rest_ends() {
        let share_after = |secs: u32, token: usize| {
            let mut held = NoteTracker::default();
            for _ in 0..secs {
                held.apply(Event::TimeShift(Shift::new(125).unwrap()));
            }
            let mut logits = [-1e9; N_TOKENS];
            (logits[token], logits[256]) = (-10.0, 0.0);
            draws(&logits, &held, Sampling::default())[token] as f64 / 20_000.0
        };
        for token in [60, 390] {
            assert!(share_after(3, token) < 0.001, "{}", share_after(3, token));
            assert!((share_after(8, token) - 0.5).abs() < 0.02, "{}", share_after(8, token));
            assert!(share_after(13, token) > 0.99, "{}", share_after(13, token));
        }
    }

    #[test]
    fn long_waits_are_likelier() {
        for (steps, doublings) in [(1, 0.0), (2, 1.0), (3, 1.5), (64, 6.0), (125, 6.953_125)] {
            assert_eq!(super::doublings(steps), doublings, "{steps}");
        }
        let mut logits = [-1e9; N_TOKENS];
        (logits[256], logits[256 + 63]) = (0.0, 0.0);
        let share = draws(&logits, &NoteTracker::default(), Sampling::default())[256 + 63] as f64 / 20_000.0;
        // Odds of e^0.24.
        assert!((share - 0.559_7).abs() < 0.012, "{share}");
        // None where a density is asked for.
        let asked = Controls { density: Some(3.0), ..Controls::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut draw =
            || sample(&logits, &NoteTracker::default(), Sampling::default(), &asked, &mut rng).unwrap();
        let n = (0..20_000).filter(|_| draw().index() == 256 + 63).count();
        assert!((n as f64 / 20_000.0 - 0.5).abs() < 0.012, "{n} of 20,000");
    }

    #[test]
    fn hasty_strikes_are_held_back() {
        /// Share of NOTE_ON 61 or VELOCITY among draws, where they and a TIME_SHIFT are equally likely, after
        /// strikes of these pitches in turn, `every` steps.
        fn share_after(strikes: impl Iterator<Item = u8>, every: u8, token: usize) -> f64 {
            let mut held = NoteTracker::default();
            for pitch in strikes.map(|pitch| Pitch::new(pitch).unwrap()) {
                let shift = Event::TimeShift(Shift::new(every).unwrap());
                for event in [Event::NoteOn(pitch), shift, Event::NoteOff(pitch)] {
                    held.apply(event);
                }
            }
            let mut logits = [-1e9; N_TOKENS];
            (logits[token], logits[256]) = (0.0, 0.0);
            draws(&logits, &held, Sampling::default())[token] as f64 / 20_000.0
        }
        let odds = |nats: f64| nats.exp() / (1.0 + nats.exp());
        let scale = |n| (0..n).map(|i| 30 + i % 20);
        for token in [61, 390] {
            // Each of n strikes, two steps apart, is two steps ahead.
            for (n, nats) in [(48, 0.0), (98, -5.0), (198, -15.0)] {
                let (share, expected) = (share_after(scale(n), 2, token), odds(nats));
                assert!((share - expected).abs() < 0.015, "{n}: {share} for {expected}");
            }
            assert!((share_after(scale(198), 4, token) - 0.5).abs() < 0.015, "31 a second");
        }
        // One key, 12.5 times a second: each strike is six steps ahead, and only that key is held back.
        for (n, nats) in [(2, 0.0), (4, -0.8), (6, -2.0)] {
            let (share, expected) = (share_after(std::iter::repeat_n(61, n), 10, 61), odds(nats));
            assert!((share - expected).abs() < 0.015, "{n}: {share} for {expected}");
        }
        for other in [62, 390] {
            let share = share_after(std::iter::repeat_n(61, 12), 10, other);
            assert!((share - 0.5).abs() < 0.015, "{share}");
        }
    }

    #[test]
    fn top_p_keeps_the_smallest_set_that_reaches_it() {
        let mut logits = [-1e9; N_TOKENS];
        (logits[256], logits[257], logits[258]) = (0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln());
        let drawn = |top_p| {
            let counts = draws(
                &logits,
                &NoteTracker::default(),
                Sampling { temperature: 1.0, top_p, ..Sampling::default() },
            );
            (256..259).filter(|&token| counts[token] > 0).collect::<Vec<_>>()
        };
        assert_eq!(drawn(0.4), [256]);
        assert_eq!(drawn(0.7), [256, 257]);
        assert_eq!(drawn(0.9), [256, 257, 258]);
    }

    #[test]
    fn broken_scores_are_an_error() {
        let mut logits = [0.0; N_TOKENS];
        logits[7] = f32::NAN;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let asked = Controls::default();
        assert!(sample(&logits, &NoteTracker::default(), Sampling::default(), &asked, &mut rng).is_err());
        assert!(Sampling { temperature: 0.0, top_p: 1.0, ..Sampling::default() }.check().is_err());
        assert!(Sampling { temperature: 1.0, top_p: 0.0, ..Sampling::default() }.check().is_err());
    }
}
