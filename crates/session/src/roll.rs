//! The piano roll: what is in view, and where the keys lie.

mod keys;
mod view;

pub use keys::{Keys, is_black};
pub use view::{RollSource, RollView, Smooth};
