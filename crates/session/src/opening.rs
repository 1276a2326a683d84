//! The beginning of everybody's first music. The page has it before it has a model, so it plays while that is on its
//! way, and the model goes on from there.

use performance::Lineage;

/// The seed with the best first minute out of ten, with the released weights: see `docs/listening.md`.
pub const SEED: u64 = 5;
/// Half a minute.
pub const EVENTS: usize = 1000;

/// What the released weights play with this seed and the page's settings; `tests/tests/opening.rs` writes it, and holds
/// it to that.
static BYTES: &[u8] = include_bytes!("opening.lineage");

/// What the released weights play first. None if that is not known.
#[must_use]
pub fn lineage() -> Option<Lineage> {
    Lineage::from_bytes(BYTES).ok()
}
