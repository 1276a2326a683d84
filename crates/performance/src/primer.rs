//! Where a primer is cut, and the part of it that the network reads.

use crate::playback::{Cursor, TimedEvent};
use crate::{Event, N_PITCHES, Token, VelocityBin};

/// Number of events at the end of a primer that are read: half a minute of music. Larger reads more of the
/// primer, most of which the network forgets; smaller starts sooner.
pub const CONTEXT_EVENTS: usize = 1024;

/// The beginning of a performance as a primer: all events up to `secs`. Notes that sound there go on; the
/// continuation ends them.
///
/// ```
/// use performance::{Event, Pitch, Shift, primer};
/// let (c, second) = (Pitch::new(60)?, Event::TimeShift(Shift::MAX));
/// let tokens = [Event::NoteOn(c), second, second, Event::NoteOff(c)].map(performance::Token::from);
/// assert_eq!(primer::beginning(&tokens, 1.5), &tokens[..2]);
/// # Ok::<(), performance::Error>(())
/// ```
#[must_use]
pub fn beginning(tokens: &[Token], secs: f64) -> &[Token] {
    let mut cursor = Cursor::default();
    let mut fits = |&token: &Token| {
        cursor.step(token);
        cursor.at_us() as f64 <= secs * 1e6
    };
    let n = tokens.iter().take_while(|&token| fits(token)).count();
    &tokens[..n]
}

/// The part of a primer that the network reads: its last [`CONTEXT_EVENTS`] events. Before them, the keys
/// that sound there are struck again, as loud as they were. A shorter primer is read whole.
#[must_use]
pub fn context(primer: &[Token]) -> Vec<Token> {
    last(primer, CONTEXT_EVENTS)
}

fn last(primer: &[Token], n: usize) -> Vec<Token> {
    let (before, end) = primer.split_at(primer.len().saturating_sub(n));
    if before.is_empty() {
        return end.to_vec();
    }
    let mut cursor = Cursor::default();
    let mut struck = [VelocityBin::default(); N_PITCHES];
    for &token in before {
        let TimedEvent { event, velocity, .. } = cursor.step(token);
        if let Event::NoteOn(pitch) = event {
            struck[pitch.index()] = velocity;
        }
    }
    let mut context = Vec::with_capacity(end.len() + 2 * cursor.sounding().len() + 1);
    let mut velocity = None;
    for pitch in cursor.sounding().pitches() {
        let bin = struck[pitch.index()];
        if velocity.replace(bin) != Some(bin) {
            context.push(Event::Velocity(bin).into());
        }
        context.push(Event::NoteOn(pitch).into());
    }
    let opens_with_velocity =
        matches!(end.first().map(|&token| Event::from(token)), Some(Event::Velocity(_)));
    if velocity != Some(cursor.velocity()) && !opens_with_velocity {
        context.push(Event::Velocity(cursor.velocity()).into());
    }
    context.extend_from_slice(end);
    context
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::notation::{self, show_tokens};

    #[test]
    fn a_context_can_be_read_on_its_own() {
        #[track_caller]
        fn check(n: usize, expected: Expect) {
            let tokens = notation::tokens("v9 +60 >5 v12 +64 >5 -60 +60 >5 -64");
            expected.assert_eq(&show_tokens(&last(&tokens, n)));
        }
        check(0, expect!["v12 +60"]);
        check(3, expect!["v12 +64 +60 >5 -64"]);
        check(4, expect!["v9 +60 v12 +64 -60 +60 >5 -64"]);
        check(6, expect!["v9 +60 v12 +64 >5 -60 +60 >5 -64"]);
        check(10, expect!["v9 +60 >5 v12 +64 >5 -60 +60 >5 -64"]);
        check(99, expect!["v9 +60 >5 v12 +64 >5 -60 +60 >5 -64"]);
    }

    #[test]
    fn a_beginning_is_what_fits() {
        let tokens = notation::tokens("+60 >125 >125 -60 +62 >1 -62");
        assert_eq!(beginning(&tokens, 1.0), &tokens[..2]);
        assert_eq!(beginning(&tokens, 2.0), &tokens[..5]);
        assert_eq!(beginning(&tokens, 99.0), &tokens[..]);
    }

    proptest! {
        /// However it is cut, the context ends with the same keys down, and at the same loudness.
        #[test]
        fn a_context_ends_where_its_primer_ends(
            numbers in prop::collection::vec(prop_oneof![60..64u16, 188..192u16, 256..300u16, 381..413u16], 0..60),
            n in 0..70usize,
        ) {
            let primer: Vec<Token> = numbers.into_iter().map(|number| Token::new(number).unwrap()).collect();
            let (whole, end) = (Cursor::after(&primer), Cursor::after(&last(&primer, n)));
            prop_assert_eq!(end.sounding(), whole.sounding());
            prop_assert_eq!(end.velocity(), whole.velocity());
            // So that a context can stand for its primer.
            prop_assert_eq!(last(&last(&primer, n), n), last(&primer, n));
        }
    }
}
