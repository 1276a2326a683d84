//! How tunes come back: how long a repetition is, how far back it was heard, and in which key.

use std::collections::HashMap;

use super::structure::{Lag, Line, RUN, is_tune};

/// A repetition goes on over so many other notes, here and there.
const GAP: usize = RUN;

/// A stretch of a line that was played before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// When it begins, in microseconds.
    pub start_us: u64,
    /// When its last note begins.
    pub end_us: u64,
    /// How long before that it was played.
    pub lag_us: u64,
    /// By how many semitones it is higher than then.
    pub key: i16,
}

/// Finds what comes back in a line: from its beginning, the longest run of eight equal intervals or more
/// that was heard a `lag` before, and then from its end. Runs that follow the same place over up to eight
/// other notes are one return.
#[must_use]
pub fn returns(line: &Line, lag: Lag) -> Vec<Return> {
    let intervals = line.intervals();
    let mut heard: HashMap<&[i16], Vec<usize>> = HashMap::new();
    let mut found: Vec<(Return, usize, usize)> = Vec::new();
    let mut heard_until = 0;
    let mut now = 0;
    while let Some(run) = intervals.get(now..now + RUN) {
        // Runs that begin before this one.
        for place in heard_until..now {
            if let Some(run) = intervals.get(place..place + RUN) {
                heard.entry(run).or_default().push(place);
            }
        }
        heard_until = now;
        let start_us = line.onsets_us[now];
        let length = |place: usize| {
            let pairs = intervals[now..].iter().zip(&intervals[place..now]);
            pairs.take_while(|(now, then)| now == then).count()
        };
        let places = heard.get(run).filter(|_| is_tune(run)).into_iter().flatten();
        let longest = places
            .filter(|&&place| lag.contains(line.onsets_us[place], start_us))
            .map(|&place| (length(place), place))
            .max();
        let Some((length, place)) = longest.filter(|&(length, _)| length >= RUN) else {
            now += 1;
            continue;
        };
        let end_us = line.onsets_us[now + length];
        let goes_on = found.last_mut().filter(|(_, last, last_place)| {
            now - *last <= GAP && (*last_place..=*last_place + GAP).contains(&place)
        });
        match goes_on {
            Some((earlier, last, last_place)) => {
                earlier.end_us = end_us;
                (*last, *last_place) = (now + length, place + length);
            }
            None => {
                let key = i16::from(line.pitches[now]) - i16::from(line.pitches[place]);
                let lag_us = start_us - line.onsets_us[place];
                found.push((Return { start_us, end_us, lag_us, key }, now + length, place + length));
            }
        }
        now += length;
    }
    found.into_iter().map(|(found, ..)| found).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::notation::performance;
    use crate::statistics::Excerpt;

    /// Tunes of four notes a second: when each begins, in seconds, and its pitches.
    #[track_caller]
    fn check(tunes: &[(usize, &[u8])], expected: Expect) {
        let note = |secs: &usize, i: usize, pitch: &u8| {
            let start_ms = 1000 * secs + 240 * i;
            format!("{pitch}/64 {start_ms}..{}, ", start_ms + 200)
        };
        let tune = |(secs, tune): &(usize, &[u8])| -> String {
            tune.iter().enumerate().map(|(i, pitch)| note(secs, i, pitch)).collect()
        };
        let text: String = tunes.iter().map(tune).collect();
        let line = Line::top(&Excerpt::whole(&performance(&text)));
        let show = |r: &Return| {
            let secs = |us: u64| us as f64 / 1e6;
            format!("{} to {}, {} before, {:+}", secs(r.start_us), secs(r.end_us), secs(r.lag_us), r.key)
        };
        let found: Vec<String> = returns(&line, Lag::of_secs(1..=120)).iter().map(show).collect();
        expected.assert_eq(&found.join("; "));
    }

    #[test]
    fn what_comes_back_is_found() {
        let tune: Vec<u8> = vec![60, 64, 62, 67, 65, 72, 71, 69, 60, 65, 61, 70];
        let higher: Vec<u8> = tune.iter().map(|pitch| pitch + 5).collect();
        check(&[(0, &tune)], expect![[""]]);
        check(&[(0, &tune), (20, &tune)], expect!["20 to 22.64, 20 before, +0"]);
        check(&[(0, &tune), (20, &higher)], expect!["20 to 22.64, 20 before, +5"]);
        check(&[(0, &tune), (200, &tune)], expect![[""]]);
        check(&[(0, &tune[..8]), (20, &tune[..8])], expect![[""]]);
        let scale: Vec<u8> = (60..72).collect();
        check(&[(0, &scale), (20, &scale)], expect![[""]]);
    }

    #[test]
    fn wrong_notes_do_not_end_a_return() {
        let tune: Vec<u8> = (0..30).map(|i| 60 + (i * i * 7 % 23) as u8).collect();
        let mut wrong = tune.clone();
        wrong[14] += 1;
        check(&[(0, &tune), (20, &wrong)], expect!["20 to 26.96, 20 before, +0"]);
    }
}
