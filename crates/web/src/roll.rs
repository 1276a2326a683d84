//! Drawing the roll and the overview of a performance on canvases.

mod considered;
mod notes;
mod painter;
mod palette;
mod strip;

pub use considered::ConsideredHandle;
pub use painter::{Look, Painter, RollNodes};
