//! Standard MIDI Files ↔ performances: bytes in, values out.
//!
//! [`read`] takes what the world has: formats 0, 1 and 2, tempo maps and SMPTE time, several tracks, channels
//! and programs, pedals, wrappers, several files in one, and files that are cut off or partly wrong. What
//! cannot be used it leaves out and lists in the [`Report`]; a file without anything to play is refused with
//! one clear sentence, and a file of another kind with the way out ([`FileKind`]). [`write()`] gives the
//! plainest file there is, in which one tick is one millisecond; [`write_with`] has the pedal hold what two hands
//! cannot, and lets the file carry what a take follows from. Both leave room before a key is struck again, as [`Live`]
//! does in messages to a device.
//!
//! Reading has its own reader of bytes, because it goes on after damage; midly writes.
//!
//! Both are hardened: no input panics, hangs, or takes memory out of proportion to its size, which is
//! limited to [`MAX_BYTES`].

mod chunks;
mod container;
mod event;
mod keyboard;
mod kind;
mod live;
mod merge;
mod parts;
mod pedal;
mod pedaling;
mod presses;
mod report;
mod restrike;
mod sequence;
mod sysex;
mod tempo;
mod track;
mod write;

pub use kind::FileKind;
pub use live::{Command, Live};
pub use report::{Dropped, Format, Report};
pub use restrike::{RESTRIKE_GAP_US, release_us};
pub use write::{Pedal, write, write_with};

use crate::{Error, Lineage, Performance};

/// Largest file that [`read`] takes: 10 MiB. A symphony is a tenth of that; larger files are sound
/// banks or mistakes.
pub const MAX_BYTES: usize = 10 << 20;

/// Notes have to start within this many hours. Larger lets a broken delta time make a day of silence;
/// smaller would cut Satie's *Vexations*.
pub const MAX_HOURS: u64 = 24;

/// How the event begins that carries a lineage: the manufacturer's number for everybody who has none of their own,
/// and our name.
const RECIPE_MARK: &[u8] = b"\x7DPRNN";

/// What a MIDI file gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The notes of all tracks and channels on one keyboard, pedal applied, at their original times
    /// (time 0 is the file's).
    pub performance: Performance,
    /// What the file was made of, and what had to be left out.
    pub report: Report,
    /// What the performance follows from, if [`write_with`] wrote it there.
    pub lineage: Option<Lineage>,
}

/// Reads a Standard MIDI File, plain or wrapped (RMID, MacBinary, or bytes of any kind before it).
///
/// ```
/// use performance::{Note, Performance, Pitch, Velocity, midi};
/// let note = Note { pitch: Pitch::new(60)?, velocity: Velocity::new(64)?, start_us: 0, end_us: 500_000 };
/// let performance = Performance::new(vec![note]);
/// let bytes = midi::write(&performance);
/// assert_eq!(midi::read(&bytes)?.performance, performance);
/// assert_eq!(midi::read(b"RIFF").unwrap_err().to_string(), "it is not a MIDI file: it has no MThd header");
/// # Ok::<(), performance::Error>(())
/// ```
///
/// # Errors
/// If there is nothing to play: not a MIDI file, no notes, drums only, too large. The message is a
/// sentence about the file ("it …"), ready to be shown.
pub fn read(bytes: &[u8]) -> Result<Import, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge { bytes: bytes.len() });
    }
    let (header, tracks) = chunks::open(bytes)?;
    merge::merge(header, tracks)
}
