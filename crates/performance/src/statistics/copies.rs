//! What was played before: the longest runs that a performance shares with others.

use crate::{Event, MAX_SHIFT_STEPS, Shift, Token};

/// Finds, for every place of some sequences, the longest run ending there that also occurs elsewhere.
///
/// The sequences are kept as a suffix automaton (Blumer et al., *The smallest automaton recognizing the
/// subwords of a text*, 1985), through which any amount of other music is read once. Memory grows with the
/// sequences in question, not with the training set, and no run is missed.
///
/// ```
/// use performance::statistics::CopySearch;
/// let mut search = CopySearch::new(vec![vec![1, 2, 3, 9], vec![7]]);
/// search.hear(&[5, 2, 3, 9, 9]);
/// assert_eq!(search.finish(), [vec![0, 1, 2, 3], vec![0]]);
/// ```
#[derive(Clone, Debug)]
pub struct CopySearch {
    sequences: Vec<Vec<u16>>,
    states: Vec<State>,
}

/// Runs that occur at the same places of the sequences.
#[derive(Clone, Debug, Default)]
struct State {
    /// Length of the longest of them.
    len: u32,
    /// The state of the longest run that is too short for this one.
    link: usize,
    /// Longest of them that was read; 0 if none.
    heard: u32,
    /// Where each symbol leads, by symbol.
    steps: Vec<(u16, usize)>,
}

/// The state of the empty run.
const ROOT: usize = 0;

impl CopySearch {
    /// Asks about sequences of any symbols: [`strikes`] or [`melodic_intervals`].
    #[must_use]
    pub fn new(sequences: Vec<Vec<u16>>) -> Self {
        let mut search = Self { sequences: Vec::new(), states: vec![State::default()] };
        for sequence in &sequences {
            sequence.iter().fold(ROOT, |last, &symbol| search.extend(last, symbol));
        }
        search.sequences = sequences;
        search
    }

    /// Reads other music. A run does not continue from one call to the next.
    pub fn hear(&mut self, symbols: &[u16]) {
        let (mut now, mut len) = (ROOT, 0);
        for &symbol in symbols {
            (now, len) = loop {
                match self.step(now, symbol) {
                    Some(next) => break (next, len + 1),
                    None if now == ROOT => break (ROOT, 0),
                    None => {
                        now = self.states[now].link;
                        len = self.states[now].len;
                    }
                }
            };
            let heard = &mut self.states[now].heard;
            *heard = len.max(*heard);
        }
    }

    /// For every sequence and place in it, the length of the longest run ending there that was read.
    #[must_use]
    pub fn finish(mut self) -> Vec<Vec<u32>> {
        let mut by_len: Vec<usize> = (0..self.states.len()).collect();
        by_len.sort_unstable_by_key(|&state| self.states[state].len);
        // Reading a run reads its ends, which are all the runs of the states it links to.
        for &state in by_len.iter().rev() {
            let link = self.states[state].link;
            if self.states[state].heard > 0 {
                self.states[link].heard = self.states[link].len;
            }
        }
        // Where no run of a state was read, a shorter one may have been.
        for &state in &by_len {
            if self.states[state].heard == 0 {
                self.states[state].heard = self.states[self.states[state].link].heard;
            }
        }
        let heard = |sequence: &Vec<u16>| {
            let mut now = ROOT;
            let mut heard = |&symbol| {
                now = self.step(now, symbol).unwrap_or(ROOT);
                self.states[now].heard
            };
            sequence.iter().map(&mut heard).collect()
        };
        self.sequences.iter().map(heard).collect()
    }

    /// Adds `symbol` after the run that ends in `last`; returns the state of the longer run.
    fn extend(&mut self, last: usize, symbol: u16) -> usize {
        // Another sequence has been here.
        if self.step(last, symbol).is_some() {
            return self.exact_step(last, symbol);
        }
        let new = self.states.len();
        self.states.push(State { len: self.states[last].len + 1, ..State::default() });
        let mut from = last;
        while self.step(from, symbol).is_none() {
            self.set_step(from, symbol, new);
            if from == ROOT {
                return new;
            }
            from = self.states[from].link;
        }
        self.states[new].link = self.exact_step(from, symbol);
        new
    }

    /// The state that `symbol` leads to from `from`, split if it has longer runs than one symbol more.
    fn exact_step(&mut self, from: usize, symbol: u16) -> usize {
        let next = self.step(from, symbol).unwrap_or(ROOT);
        let len = self.states[from].len + 1;
        if self.states[next].len == len {
            return next;
        }
        let short = self.states.len();
        self.states.push(State { len, ..self.states[next].clone() });
        self.states[next].link = short;
        let mut from = from;
        while self.step(from, symbol) == Some(next) {
            self.set_step(from, symbol, short);
            if from == ROOT {
                break;
            }
            from = self.states[from].link;
        }
        short
    }

    fn step(&self, from: usize, symbol: u16) -> Option<usize> {
        let steps = &self.states[from].steps;
        let place = steps.binary_search_by_key(&symbol, |&(symbol, _)| symbol).ok()?;
        Some(steps[place].1)
    }

    fn set_step(&mut self, from: usize, symbol: u16, to: usize) {
        let steps = &mut self.states[from].steps;
        match steps.binary_search_by_key(&symbol, |&(symbol, _)| symbol) {
            Ok(place) => steps[place].1 = to,
            Err(place) => steps.insert(place, (symbol, to)),
        }
    }
}

/// The events that begin notes, as [`Token::get`] has them: each NOTE_ON, the changes of VELOCITY, and one
/// TIME_SHIFT from strike to strike, of a second for all that is longer.
///
/// Releases are left out: a pedal that goes up ends every note under it, lowest first, and that run of
/// NOTE_OFFs is no one's idea. Nor is a run of seconds of silence.
///
/// ```
/// use performance::{Event, Pitch, Shift, Token};
/// use performance::statistics::strikes;
/// let (on, off) = (Event::NoteOn(Pitch::new(60)?), Event::NoteOff(Pitch::new(60)?));
/// let wait = |steps| Shift::new(steps).map(Event::TimeShift);
/// let tokens = [on, wait(3)?, off, wait(4)?, on, wait(125)?, wait(125)?, off, on].map(Token::from);
/// assert_eq!(strikes(&tokens), [60, 256 + 6, 60, 256 + 124, 60]);
/// # Ok::<(), performance::Error>(())
/// ```
#[must_use]
pub fn strikes(tokens: &[Token]) -> Vec<u16> {
    let mut symbols = Vec::new();
    let mut steps = 0_u64;
    for &token in tokens {
        match Event::from(token) {
            Event::TimeShift(shift) => steps += u64::from(shift.steps()),
            Event::NoteOff(_) => {}
            Event::NoteOn(_) | Event::Velocity(_) => {
                // Not above 125, so it fits; 0 is no shift at all.
                let gap = std::mem::take(&mut steps).min(u64::from(MAX_SHIFT_STEPS)) as u8;
                symbols.extend(Shift::new(gap).ok().map(|shift| Token::from(Event::TimeShift(shift)).get()));
                symbols.push(token.get());
            }
        }
    }
    symbols
}

/// The steps from each note to the next to begin, in semitones above −128: what is left of a performance in
/// another key, at another pace, as loud as one likes. A run of `n` is `n + 1` notes.
///
/// ```
/// use performance::{Event, Pitch, Shift};
/// use performance::statistics::melodic_intervals;
/// let on = |pitch| Pitch::new(pitch).map(|pitch| Event::NoteOn(pitch).into());
/// let tokens = [on(60)?, on(64)?, Event::TimeShift(Shift::MAX).into(), on(62)?];
/// assert_eq!(melodic_intervals(&tokens), [128 + 4, 128 - 2]);
/// # Ok::<(), performance::Error>(())
/// ```
#[must_use]
pub fn melodic_intervals(tokens: &[Token]) -> Vec<u16> {
    let pitch = |&token: &Token| match Event::from(token) {
        Event::NoteOn(pitch) => Some(u16::from(pitch.get())),
        _ => None,
    };
    let pitches: Vec<u16> = tokens.iter().filter_map(pitch).collect();
    pitches.windows(2).map(|pair| 128 + pair[1] - pair[0]).collect()
}

/// The part of a sequence that lies in shared runs of at least `n`, 0 to 1. `lens` is what
/// [`CopySearch::finish`] says of the sequence.
///
/// ```
/// # use performance::statistics::covered_share;
/// // A run of three that ends at the third place, and one of two at the end.
/// assert_eq!(covered_share(&[0, 1, 3, 0, 1, 2], 3), 0.5);
/// ```
#[must_use]
pub fn covered_share(lens: &[u32], n: u32) -> f64 {
    let (mut covered, mut reaches_back_to) = (0, usize::MAX);
    for (place, &len) in lens.iter().enumerate().rev() {
        if len >= n {
            reaches_back_to = reaches_back_to.min((place + 1).saturating_sub(len as usize));
        }
        covered += usize::from(place >= reaches_back_to);
    }
    if lens.is_empty() { 0.0 } else { covered as f64 / lens.len() as f64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, word by word.
    fn slowly(sequence: &[u16], heard: &[Vec<u16>]) -> Vec<u32> {
        let is_heard = |run: &[u16]| heard.iter().any(|heard| heard.windows(run.len()).any(|w| w == run));
        let longest = |end: usize| (1..=end).rev().find(|&len| is_heard(&sequence[end - len..end]));
        (1..=sequence.len()).map(|end| longest(end).unwrap_or(0) as u32).collect()
    }

    fn sequences(n: usize) -> impl Strategy<Value = Vec<Vec<u16>>> {
        // Few symbols, so that runs are shared, repeat and overlap.
        prop::collection::vec(prop::collection::vec(0_u16..3, 0..30), 0..n)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_as_good_as_looking_everywhere(asked in sequences(4), heard in sequences(4)) {
            let mut search = CopySearch::new(asked.clone());
            heard.iter().for_each(|heard| search.hear(heard));
            let expected: Vec<_> = asked.iter().map(|sequence| slowly(sequence, &heard)).collect();
            prop_assert_eq!(search.finish(), expected);
        }

        #[test]
        fn covered_places_are_counted_once(lens in prop::collection::vec(0_u32..6, 0..30), n in 1_u32..5) {
            // No run is longer than what came before it.
            let lens: Vec<u32> = lens.iter().enumerate().map(|(at, &len)| len.min(at as u32 + 1)).collect();
            let is_covered = |at: usize| {
                (at..lens.len()).any(|end| lens[end] >= n && end + 1 - lens[end] as usize <= at)
            };
            let expected = (0..lens.len()).filter(|&at| is_covered(at)).count() as f64;
            prop_assert!((covered_share(&lens, n) * lens.len() as f64 - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn nothing_is_shared_with_nothing() {
        assert_eq!(CopySearch::new(vec![vec![1, 2], vec![]]).finish(), [vec![0, 0], vec![]]);
        assert_eq!(covered_share(&[], 1), 0.0);
        assert!(melodic_intervals(&[]).is_empty() && strikes(&[]).is_empty());
    }
}
