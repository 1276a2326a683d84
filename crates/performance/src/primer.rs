//! The part of a long performance from which a network goes on.

use crate::{Event, Sounding, Token};

/// The last `n` events of a performance that can be heard on their own: as loud as they were, and without releases of
/// keys that were struck earlier. That is `n` events and a VELOCITY at most.
///
/// ```
/// use performance::{Event, Pitch, Token, VelocityBin, ending};
/// let (loudness, key) = (Event::Velocity(VelocityBin::new(9)?), Pitch::new(60)?);
/// let tokens = [loudness, Event::NoteOn(key), Event::NoteOff(key), Event::NoteOn(key)].map(Token::from);
/// assert_eq!(ending(&tokens, 2), [tokens[0], tokens[3]]);
/// # Ok::<(), performance::Error>(())
/// ```
#[must_use]
pub fn ending(tokens: &[Token], n: usize) -> Vec<Token> {
    let (before, end) = tokens.split_at(tokens.len().saturating_sub(n));
    let is_loudness = |token: &&Token| matches!(Event::from(**token), Event::Velocity(_));
    let first =
        end.iter().find(|&&token| matches!(Event::from(token), Event::NoteOn(_) | Event::Velocity(_)));
    let is_told = first.is_some_and(|token| is_loudness(&token));
    let loudness = before.iter().rfind(is_loudness).filter(|_| !is_told);
    let mut sounding = Sounding::default();
    let legal = end.iter().filter(|&&token| {
        let is_legal = sounding.allows(Event::from(token));
        sounding.apply(Event::from(token));
        is_legal
    });
    loudness.into_iter().chain(legal).copied().collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::notation::{self, show_tokens};

    #[test]
    fn an_ending_can_be_heard_on_its_own() {
        #[track_caller]
        fn check(n: usize, expected: Expect) {
            let tokens = notation::tokens("v9 +60 >5 v12 +64 >5 -60 +60 >5 -64");
            expected.assert_eq(&show_tokens(&ending(&tokens, n)));
        }
        check(0, expect!["v12"]);
        check(3, expect!["v12 +60 >5"]);
        check(6, expect!["v12 +64 >5 +60 >5 -64"]);
        check(8, expect![">5 v12 +64 >5 +60 >5 -64"]);
        check(10, expect!["v9 +60 >5 v12 +64 >5 -60 +60 >5 -64"]);
        check(99, expect!["v9 +60 >5 v12 +64 >5 -60 +60 >5 -64"]);
    }
}
