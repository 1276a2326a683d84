//! How themes come back in people's performances: 962 pieces, 159.2 hours.
//! All of this file is written by `performance-rnn fit-returns --data DATA --only train/maestro-v3`.

/// Times in steps of 8 ms: the mean of each tenth of what was found, from the least to the greatest.
pub(super) struct Habits {
    /// From the end of one return to the next.
    pub(super) waits: [u16; 10],
    pub(super) lengths: [u16; 10],
    /// How long before it was heard.
    pub(super) lags: [u16; 10],
    /// Semitones above what it was, and how many of a thousand; the others are rarer.
    pub(super) keys: &'static [(i8, u16)],
}

/// What was heard 10 to 120 seconds before: 19940 returns.
#[rustfmt::skip]
pub(super) const FAR: Habits = Habits {
    waits: [0, 30, 107, 207, 349, 653, 1406, 2803, 5566, 16398],
    lengths: [91, 118, 143, 170, 204, 249, 319, 437, 668, 1592],
    lags: [1365, 1662, 2099, 2684, 3487, 4659, 6233, 8306, 10780, 13518],
    keys: &[(0, 483), (5, 65), (12, 48), (-12, 40), (-5, 39), (-7, 39), (3, 33), (7, 29), (-2, 25), (2, 25), (-3, 23), (4, 14)],
};

/// What was heard 1 to 10 seconds before: 24636 returns.
#[rustfmt::skip]
pub(super) const NEAR: Habits = Habits {
    waits: [9, 105, 236, 409, 648, 997, 1528, 2433, 4313, 13629],
    lengths: [88, 110, 128, 145, 166, 192, 227, 275, 358, 611],
    lags: [142, 184, 232, 289, 371, 455, 560, 700, 886, 1124],
    keys: &[(0, 498), (-12, 78), (12, 74), (-2, 50), (5, 48), (2, 45), (3, 27), (7, 22), (-5, 21), (-7, 21), (-24, 12), (-3, 12)],
};
