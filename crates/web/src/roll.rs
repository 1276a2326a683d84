//! The piano roll: what to draw (pure), where (pure), and the drawing.

mod keys;
mod paint;
mod timeline;
mod view;

pub use keys::{Keys, is_black};
pub use paint::{Frame, Palette, future_us, paint};
pub use timeline::{Bar, Origin, Timeline};
pub use view::{RollSource, RollView, Smooth};
