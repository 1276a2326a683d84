//! The roll: where keys are, what part of the music is in view, and what the music is like there.

mod considered;
mod keys;
mod lens;
mod overview;
mod reading;
mod sections;
mod view;
mod zoom;

pub use considered::Considered;
pub use keys::{Keys, is_black};
pub use lens::Lens;
pub use overview::{Column, Scale};
pub use reading::{Loudness, Reading};
pub use sections::{Landmark, Section, n_blocks, sections};
pub use view::{RollSource, RollView, Smooth};
pub use zoom::Zoom;
