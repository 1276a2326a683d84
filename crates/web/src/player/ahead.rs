//! How far ahead the piano gets its messages. A stop is not slower for it, because the piano can take messages back.

/// Survives the page being blocked for two seconds.
const LOOKAHEAD_US: u64 = 2_500_000;
/// Right after a start, from where it grows: many starts are followed by another, when somebody looks for a place, and
/// what was handed out is thrown away. (Handing a voice its samples waits for the browser's audio thread, which took
/// half of the time of such a search.)
const FIRST_LOOKAHEAD_US: u64 = 300_000;
/// Microseconds that it grows by in each that the music has played.
const GROWTH: u64 = 4;
/// In a hidden tab, where timers run once a second.
const HIDDEN_LOOKAHEAD_US: u64 = 4_000_000;

/// The look-ahead in microseconds after so much music.
pub(super) fn piano_us(played_us: u64, is_hidden: bool) -> u64 {
    if is_hidden { HIDDEN_LOOKAHEAD_US } else { LOOKAHEAD_US.min(FIRST_LOOKAHEAD_US + GROWTH * played_us) }
}
