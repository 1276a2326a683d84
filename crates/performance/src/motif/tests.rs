use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::notation::tokens;
use crate::{Shift, Token, VelocityBin};

/// A search by the definition: everything is kept, and every place is looked at.
#[derive(Debug)]
struct Slow {
    is_relative: bool,
    least: usize,
    place: Option<usize>,
    length: usize,
    missed: Vec<bool>,
}

impl Slow {
    fn all() -> [Self; N_SEARCHES] {
        [(false, 3), (false, 6), (true, 5), (true, 8)].map(|(is_relative, least)| Self {
            is_relative,
            least,
            place: None,
            length: 0,
            missed: Vec::new(),
        })
    }

    fn symbols(&self, pitches: &[i32]) -> Vec<i32> {
        if self.is_relative { pitches.windows(2).map(|p| p[1] - p[0]).collect() } else { pitches.to_vec() }
    }

    /// Equal symbols at the ends of what is remembered before `place` and before now.
    fn length(&self, pitches: &[i32], oldest: usize, place: usize) -> usize {
        let (then, now) = (self.symbols(&pitches[oldest..place]), self.symbols(&pitches[oldest..]));
        let equal = then.iter().rev().zip(now.iter().rev()).take_while(|(a, b)| a == b).count();
        equal.min(MAX_MATCH)
    }

    fn next(&self, pitches: &[i32]) -> Option<i32> {
        let place = self.place?;
        let key = if self.is_relative { pitches[pitches.len() - 1] - pitches[place - 1] } else { 0 };
        Some(pitches[place] + key).filter(|pitch| (0..128).contains(pitch))
    }

    fn misses(&self) -> usize {
        self.missed.iter().rev().take(RECENT as usize).filter(|&&missed| missed).count()
    }

    fn strike(&mut self, pitches: &[i32], memory: usize) {
        let (n, oldest) = (pitches.len(), pitches.len().saturating_sub(memory));
        if self.place.is_some() {
            self.missed.push(self.next(&pitches[..n - 1]) != Some(pitches[n - 1]));
        }
        if let Some(place) = self.place {
            self.length = self.length(pitches, oldest, place + 1);
            self.place = (self.misses() <= 5).then_some(place + 1);
        }
        let n_notes = self.least + usize::from(self.is_relative);
        let found =
            (oldest + n_notes..n).rev().find(|&place| self.length(pitches, oldest, place) >= self.least);
        if let Some(found) = found {
            let length = self.length(pitches, oldest, found);
            let margin = if self.length < self.least { 0 } else { 4 };
            if self.place.is_none() || length > self.length + margin {
                if self.place != Some(found) {
                    self.missed.clear();
                }
                (self.place, self.length) = (Some(found), length);
            }
        }
    }
}

/// Motifs from few notes, in several keys, with wrong notes, so that matches begin, go on over misses and
/// end.
fn music() -> impl Strategy<Value = Vec<u8>> {
    let motif = prop::collection::vec(60_u8..66, 4..14);
    let motifs = prop::collection::vec(motif, 1..4);
    let calls = prop::collection::vec((0_usize..4, 0_u8..3, any::<prop::sample::Index>(), 0_u8..4), 1..14);
    (motifs, calls).prop_map(|(motifs, calls)| {
        let mut pitches = Vec::new();
        for (which, key, wrong, by) in calls {
            let motif = &motifs[which % motifs.len()];
            let start = pitches.len();
            pitches.extend(motif.iter().map(|pitch| pitch + 5 * key));
            pitches[start + wrong.index(motif.len())] += by / 2;
        }
        pitches
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_as_good_as_looking_everywhere(pitches in music(), memory in prop::sample::select(vec![16, 32, 4096])) {
        let mut matcher = Matcher::with_memory(memory);
        let mut slow = Slow::all();
        let whole: Vec<i32> = pitches.iter().map(|&pitch| i32::from(pitch)).collect();
        for (n, &pitch) in pitches.iter().enumerate() {
            matcher.apply(Event::NoteOn(Pitch::new(pitch).unwrap()));
            slow.iter_mut().for_each(|slow| slow.strike(&whole[..=n], memory));
            let found: Vec<_> = matcher.candidates().map(|c| (c.search, i32::from(c.pitch.get()),
                c.confidence.length as usize, c.confidence.misses as usize)).collect();
            let expected: Vec<_> = slow.iter().enumerate().filter_map(|(search, slow)| {
                Some((search, slow.next(&whole[..=n])?, slow.length, slow.misses()))
            }).collect();
            prop_assert_eq!(found, expected, "after {} notes", n + 1);
        }
    }

    #[test]
    fn another_key_is_the_same_to_intervals(pitches in music(), key in 0_u8..40) {
        let hear = |key: u8| {
            let mut matcher = Matcher::default();
            pitches.iter().for_each(|&pitch| matcher.apply(Event::NoteOn(Pitch::new(pitch + key).unwrap())));
            matcher
        };
        let (low, high) = (hear(0), hear(key));
        let notes = |matcher: &Matcher, key: u8| -> Vec<_> {
            matcher.candidates().map(|c| (c.search, c.pitch.get() + 40 - key, c.confidence)).collect()
        };
        prop_assert_eq!(notes(&low, 0), notes(&high, key));
        prop_assert_eq!(low.due(), high.due());
    }

    #[test]
    fn any_events_will_do(numbers in prop::collection::vec(0_u16..crate::N_TOKENS as u16, 0..400)) {
        let mut matcher = Matcher::with_memory(16);
        for number in numbers {
            matcher.apply(Event::from(Token::new(number).unwrap()));
            let _ = (matcher.candidates().count(), matcher.due());
        }
        prop_assert!(matcher.strikes.len() >= matcher.strikes.oldest());
    }
}

#[track_caller]
fn check(events: &str, expected: Expect) {
    let mut matcher = Matcher::default();
    tokens(events).into_iter().for_each(|token| matcher.apply(token.into()));
    let show = |c: Candidate| {
        format!("{}: {} after {} less {}", c.search, c.pitch.get(), c.confidence.length, c.confidence.misses)
    };
    let notes: Vec<String> = matcher.candidates().map(show).collect();
    let due = matcher.due().map(|due| format!("; in {} steps, bin {}", due.steps, due.bin));
    expected.assert_eq(&format!("{}{}", notes.join(", "), due.unwrap_or_default()));
}

#[test]
fn what_followed_is_expected_again() {
    let tune = "v10 +60 >20 +64 >20 +62 >20 +67 >30 v20 +65 >40";
    check(tune, expect![[""]]);
    check(&format!("{tune} v10 +60 >20 +64 >20 +62"), expect!["0: 67 after 3 less 0; in 20 steps, bin 10"]);
    // Twice as slow, and five steps of the wait have passed.
    check(
        &format!("{tune} v10 +60 >40 +64 >40 +62 >5"),
        expect!["0: 67 after 3 less 0; in 35 steps, bin 10"],
    );
    // Louder by four bins.
    check(
        &format!("{tune} v14 +60 >20 +64 >20 +62 >20 +67"),
        expect!["0: 65 after 4 less 0; in 30 steps, bin 24"],
    );
}

#[test]
fn a_match_goes_on_over_a_wrong_note() {
    let tune = "+60 +64 +62 +67 +65 +72 +71 +69 +55 +56 +57";
    check(&format!("{tune} +60 +64 +62 +68"), expect!["0: 65 after 0 less 1; in 0 steps, bin 16"]);
    check(&format!("{tune} +60 +64 +62 +68 +65 +72"), expect!["0: 71 after 2 less 1; in 0 steps, bin 16"]);
}

#[test]
fn another_key_is_found_by_intervals() {
    let tune = "+60 +64 +62 +67 +65 +72 +71";
    check(&format!("{tune} +50 +54 +52 +57 +55 +62"), expect!["2: 61 after 5 less 0; in 0 steps, bin 16"]);
}

#[test]
fn hours_take_no_more_memory() {
    let mut matcher = Matcher::default();
    let wait = Event::TimeShift(Shift::new(10).unwrap());
    // A tune that comes back after 3,000 notes, and notes that are like no tune.
    let mut noise = 1_u32;
    for _ in 0..40 {
        for i in 0..3_000_u32 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let pitch = if i < 9 { [60, 64, 62, 67, 65, 72, 71, 69, 60][i as usize] } else { noise >> 25 };
            matcher.apply(wait);
            matcher.apply(Event::Velocity(VelocityBin::new(10).unwrap()));
            matcher.apply(Event::NoteOn(Pitch::new(pitch as u8).unwrap()));
            if i == 7 && matcher.strikes.len() > 3_000 {
                let next: Vec<u8> = matcher.candidates().map(|candidate| candidate.pitch.get()).collect();
                assert!(next.contains(&60), "{next:?}");
                assert_eq!(matcher.due().map(|due| due.steps), Some(10));
            }
        }
    }
    assert_eq!((matcher.strikes.len(), matcher.strikes.len() - matcher.strikes.oldest()), (120_000, 4_096));
}
