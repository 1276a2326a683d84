//! Repeats, endings and jumps, and the order in which measures are played.

use roxmltree::Node;

use super::children;
use crate::score::error::ScoreError;

/// Most measures of a score with its repeats played out.
pub(super) const MAX_MEASURES: usize = 50_000;
/// More repeats of one section are a mistake.
const MAX_TIMES: usize = 64;

/// What one measure says about where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Navigation {
    pub(super) starts_repeat: bool,
    /// How often the section is played that ends here.
    pub(super) ends_repeat: Option<usize>,
    /// Times for which an ending begins here.
    pub(super) ending: Vec<usize>,
    pub(super) ends_ending: bool,
    pub(super) is_da_capo: bool,
    pub(super) dal_segno: bool,
    pub(super) segno: bool,
    pub(super) to_coda: bool,
    pub(super) coda: bool,
    pub(super) fine: bool,
}

impl Navigation {
    pub(super) fn read_sound(&mut self, sound: Node<'_, '_>) {
        let has = |name| sound.attribute(name).is_some_and(|value| value != "no");
        self.is_da_capo |= has("dacapo");
        self.dal_segno |= has("dalsegno");
        self.segno |= has("segno");
        self.to_coda |= has("tocoda");
        self.coda |= has("coda");
        self.fine |= has("fine");
    }

    pub(super) fn read_barline(&mut self, barline: Node<'_, '_>) {
        for ending in children(barline, "ending") {
            let numbers = ending.attribute("number").unwrap_or_default().split([',', ' ']);
            let numbers = numbers.filter_map(|number| number.trim().trim_end_matches('.').parse().ok());
            match ending.attribute("type") {
                Some("start") => {
                    self.ending = numbers.filter(|time| (1..=MAX_TIMES).contains(time)).collect()
                }
                Some("stop" | "discontinue") => self.ends_ending = true,
                _ => {}
            }
        }
        for repeat in children(barline, "repeat") {
            let times = repeat.attribute("times").and_then(|times| times.parse().ok()).unwrap_or(2);
            match repeat.attribute("direction") {
                Some("forward") => self.starts_repeat = true,
                Some("backward") => self.ends_repeat = Some(times.clamp(1, MAX_TIMES)),
                _ => {}
            }
        }
    }

    /// What both say.
    pub(super) fn merge(&mut self, other: &Self) {
        self.starts_repeat |= other.starts_repeat;
        self.ends_repeat = self.ends_repeat.max(other.ends_repeat);
        if self.ending.is_empty() {
            self.ending.clone_from(&other.ending);
        }
        self.ends_ending |= other.ends_ending;
        self.is_da_capo |= other.is_da_capo;
        self.dal_segno |= other.dal_segno;
        self.segno |= other.segno;
        self.to_coda |= other.to_coda;
        self.coda |= other.coda;
        self.fine |= other.fine;
    }
}

/// The measures in the order in which they are played. After a jump, repeats are not taken again and the last
/// ending is played.
pub(super) fn order(measures: &[Navigation]) -> Result<Vec<usize>, ScoreError> {
    let mut order = Vec::new();
    let (mut idx, mut section, mut time, mut has_jumped) = (0, 0, 1, false);
    while let Some(measure) = measures.get(idx) {
        if measure.starts_repeat && idx != section {
            (section, time) = (idx, 1);
        }
        if !measure.ending.is_empty() && !is_played(measures, idx, time, has_jumped) {
            idx = end_of_ending(measures, idx) + 1;
            continue;
        }
        if order.len() >= MAX_MEASURES {
            return Err(ScoreError::TooLong);
        }
        order.push(idx);
        if has_jumped && measure.fine {
            break;
        }
        if let Some(times) = measure.ends_repeat {
            if !has_jumped && time < times.max(last_time(measures, section, idx)) {
                (idx, time) = (section, time + 1);
                continue;
            }
            (section, time) = (idx + 1, 1);
        } else if measure.ends_ending && measures.get(idx + 1).is_none_or(|next| next.ending.is_empty()) {
            (section, time) = (idx + 1, 1);
        }
        let coda = measures.iter().rposition(|measure| measure.coda).filter(|coda| *coda > idx);
        if let (true, Some(coda)) = (has_jumped && measure.to_coda, coda) {
            idx = coda;
            continue;
        }
        if !has_jumped && (measure.is_da_capo || measure.dal_segno) {
            let segno = measures.iter().position(|measure| measure.segno).unwrap_or(0);
            idx = if measure.is_da_capo { 0 } else { segno };
            (section, time, has_jumped) = (idx, 1, true);
            continue;
        }
        idx += 1;
    }
    Ok(order)
}

/// Whether the ending at `idx` is for this time; after a jump only the last of a group is played.
fn is_played(measures: &[Navigation], idx: usize, time: usize, has_jumped: bool) -> bool {
    if !has_jumped {
        return measures[idx].ending.contains(&time);
    }
    let next = end_of_ending(measures, idx) + 1;
    measures.get(next).is_none_or(|next| next.ending.is_empty())
}

fn end_of_ending(measures: &[Navigation], start: usize) -> usize {
    let is_end = |idx: &usize| {
        measures[*idx].ends_ending || measures.get(idx + 1).is_none_or(|next| !next.ending.is_empty())
    };
    (start..measures.len()).find(is_end).unwrap_or(start)
}

/// The highest time for which the endings around a repeat's end are meant.
fn last_time(measures: &[Navigation], section: usize, end: usize) -> usize {
    let within = measures[section..=end].iter().flat_map(|measure| &measure.ending);
    let next = measures.get(end + 1).into_iter().flat_map(|measure| &measure.ending);
    within.chain(next).copied().max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// `|:` `:|` around letters; `1.` and `2.` begin endings, `]` ends one; `DC`, `DS`, `S`, `F`, `>` to coda, `C` coda.
    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let mut names = String::new();
        let measures: Vec<Navigation> = text
            .split_whitespace()
            .map(|measure| {
                let mut navigation = Navigation {
                    starts_repeat: measure.contains("|:"),
                    ends_repeat: measure.contains(":|").then_some(2),
                    ends_ending: measure.contains(']'),
                    is_da_capo: measure.contains("DC"),
                    dal_segno: measure.contains("DS"),
                    segno: measure.contains('$'),
                    to_coda: measure.contains('>'),
                    coda: measure.contains('@'),
                    fine: measure.contains('F'),
                    ending: Vec::new(),
                };
                navigation.ending.extend(measure.chars().filter_map(|c| c.to_digit(10)).map(|n| n as usize));
                names.extend(measure.chars().find(char::is_ascii_lowercase));
                navigation
            })
            .collect();
        let order = order(&measures).unwrap();
        expected.assert_eq(&order.iter().map(|&idx| &names[idx..=idx]).collect::<String>());
    }

    #[test]
    fn repeats_are_played_out() {
        check("a b c", expect!["abc"]);
        check("a b:| c", expect!["ababc"]);
        check("a |:b c:| d", expect!["abcbcd"]);
        check("a 1b:|] 2c] d", expect!["abacd"]);
        check("a |:b 1c d:|] 2e f] |:g:| h", expect!["abcdbefggh"]);
        check("a 1,2b:|] 3c] d", expect!["ababacd"]);
        check("|:a:| b |:c:| dF |:e:| fDC g", expect!["aabccdeefabcd"]);
        check("a $b c>d eDS @f g", expect!["abcebcfg"]);
        check("a 1b:|] 2cF] d eDC", expect!["abacdeac"]);
    }

    #[test]
    fn no_order_is_endless() {
        check("|:a:| |:b:|DC", expect!["aabbab"]);
        check("1a 2b 1c", expect!["ac"]);
    }
}
