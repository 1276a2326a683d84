//! Effects: everything outside the page's own elements.

mod use_commands;
mod use_debug;
mod use_engine;
mod use_files;
mod use_midi;
mod use_offline;
mod use_page_drop;
mod use_player;
mod use_recorder;
mod use_roll;
mod use_session;
mod use_share;
mod use_shortcuts;
mod use_teach;
mod use_theme;

pub use use_commands::{PageActions, Sheet, draw_seed, use_commands};
pub use use_debug::use_debug;
pub use use_engine::{EngineLink, WEIGHTS, use_engine};
pub use use_files::{Files, use_files};
pub use use_midi::use_midi;
pub use use_offline::use_offline;
pub use use_page_drop::use_page_drop;
pub use use_player::use_player;
pub use use_recorder::use_recorder;
pub use use_roll::{Drawn, RollHandle, use_roll};
pub use use_session::{Keeper, use_session};
pub use use_share::{use_links, use_share};
pub use use_shortcuts::{shortcut_of, use_shortcuts};
pub use use_teach::{TeachLink, use_teach};
pub use use_theme::{Theme, use_theme};
