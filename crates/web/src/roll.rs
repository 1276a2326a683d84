//! Drawing the roll and the overview of a performance on canvases.

mod notes;
mod painter;
mod palette;
mod strip;

pub use painter::{Look, Painter, RollNodes};
