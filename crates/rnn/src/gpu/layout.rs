//! What is where in the buffers that several kernels share.

/// Columns of the logit buffer: 413 rounded up to whole groups of four.
pub(super) const LOGIT_COLUMNS: usize = 416;

/// Largest number of events per read-back; longer chunks need several.
pub const CAPACITY: usize = 128;

/// Numbers about one stream in the `heard` buffer: four words of sounding pitches, the last event, the steps
/// so far, the step at which any pitch was last struck, the one at which all strikes would be over at the
/// reference pace of strike excess, and the same two for each pitch.
pub(super) const HEARD: usize = PITCH_DONE + N_PITCHES;
/// Where in these the last event is.
pub(super) const LAST: usize = 4;
pub(super) const NOW: usize = 5;
pub(super) const LAST_STRUCK: usize = 6;
pub(super) const DONE: usize = 7;
pub(super) const STRUCK: usize = 8;
pub(super) const PITCH_DONE: usize = STRUCK + N_PITCHES;
/// Written in place of an event when a logit was no finite number.
pub(super) const BROKEN: u32 = u32::MAX;

pub(super) const N_TOKENS: usize = performance::N_TOKENS;
pub(super) const N_PITCHES: usize = performance::N_PITCHES;
