//! When a pedal is down: one for the piano, whichever channels send it, and one for every other instrument.

use super::parts::N_CHANNELS;

/// What channels say about one pedal, in order of time: when it goes down and up, and nothing of what lies between.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    moves: Vec<Move>,
    down: Channels,
}

#[derive(Clone, Copy, Debug)]
struct Move {
    tick: u64,
    channel: u8,
    is_down: bool,
}

impl Moves {
    pub(super) fn push(&mut self, tick: u64, channel: u8, is_down: bool) {
        if self.down.contains(channel) == is_down {
            return;
        }
        if is_down {
            self.down.insert(channel)
        } else {
            self.down.remove(channel)
        }
        self.moves.push(Move { tick, channel, is_down });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }

    /// Adds what other channels say.
    pub(super) fn append(&mut self, mut others: Self) {
        self.moves.append(&mut others.moves);
        self.moves.sort_by_key(|pedal| pedal.tick);
    }

    pub(super) fn of_channel(&self, channel: usize) -> Self {
        let is_its = |pedal: &&Move| usize::from(pedal.channel) == channel;
        Self { moves: self.moves.iter().filter(is_its).copied().collect(), down: self.down }
    }
}

/// When a pedal was down, and how often it went down.
#[derive(Clone, Debug, Default)]
pub(super) struct Pedal {
    /// From and to which tick, in order, without those of no length.
    pub(super) spans: Vec<(u64, u64)>,
    pub(super) presses: usize,
}

impl Pedal {
    /// The pedal that the moves of one or more channels are of: it is down while one of them has it
    /// down.
    ///
    /// It stays down to the end, `last_tick`, if it never goes up; but a channel that ends with its pedal down does
    /// not hold down the pedal that others move: `last_tick_of` says when each channel ends.
    pub(super) fn new(moves: Moves, last_tick: u64, last_tick_of: &[u64; N_CHANNELS]) -> Self {
        let mut moves = moves.moves;
        lift_at_ends(&mut moves, last_tick_of);
        let mut pedal = Self::default();
        let (mut down, mut since) = (Channels::default(), 0);
        for moves in moves.chunk_by(|a, b| a.tick == b.tick) {
            let tick = moves[0].tick;
            let before = down;
            let mut lifted = Channels::default();
            for &Move { channel, is_down, .. } in moves {
                if is_down {
                    down.insert(channel);
                } else {
                    down.remove(channel);
                    lifted.insert(channel);
                }
            }
            let goes_up = !before.is_empty() && before.is_within(lifted);
            if goes_up {
                pedal.spans.extend((since < tick).then_some((since, tick)));
            }
            if (before.is_empty() || goes_up) && !down.is_empty() {
                pedal.presses += 1;
                since = tick;
            }
        }
        if !down.is_empty() && since < last_tick {
            pedal.spans.push((since, last_tick));
        }
        pedal
    }

    /// When the pedal goes up that is down at `tick`.
    pub(super) fn up_after(&self, tick: u64) -> Option<u64> {
        self.span_at(tick).map(|(_, up)| up)
    }

    /// The span that `tick` is in: the pedal went down then or before, and goes up later.
    pub(super) fn span_at(&self, tick: u64) -> Option<(u64, u64)> {
        let n_begun = self.spans.partition_point(|&(down, _)| down <= tick);
        self.spans[..n_begun].last().copied().filter(|&(_, up)| up > tick)
    }
}

/// Lifts pedals that are never lifted where their channel ends, if other channels have pedals as well.
fn lift_at_ends(moves: &mut Vec<Move>, last_tick_of: &[u64; N_CHANNELS]) {
    let mut last = [None; N_CHANNELS];
    for &Move { channel, is_down, .. } in &*moves {
        last[usize::from(channel) % N_CHANNELS] = Some(is_down);
    }
    let mut used = [false; N_CHANNELS];
    for pedal in moves.iter().filter(|pedal| pedal.is_down) {
        used[usize::from(pedal.channel) % N_CHANNELS] = true;
    }
    if used.iter().filter(|&&used| used).count() < 2 {
        return;
    }
    for (channel, last) in (0..).zip(last) {
        if last == Some(true) {
            moves.push(Move { tick: last_tick_of[usize::from(channel)], channel, is_down: false });
        }
    }
    moves.sort_by_key(|pedal| pedal.tick);
}

/// Some of the sixteen channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Channels(u16);

impl Channels {
    fn insert(&mut self, channel: u8) {
        self.0 |= Self::bit(channel);
    }

    fn remove(&mut self, channel: u8) {
        self.0 &= !Self::bit(channel);
    }

    fn contains(self, channel: u8) -> bool {
        self.0 & Self::bit(channel) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    fn bit(channel: u8) -> u16 {
        1 << (u16::from(channel) % 16)
    }
}
