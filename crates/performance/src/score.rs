//! Scores, and how they are performed.
//!
//! A [`Score`] is what is written: notes in quarters, with meter, tempo and dynamics, read from quantized
//! MIDI or from MusicXML by [`Score::read`]. An [`Expression`] is what a pianist adds: a period for each
//! chord, and velocity, asynchrony and articulation for each note. [`measure`] finds it in a performance that
//! was aligned to its score ([`align`]), and [`Expression::apply`] makes a performance of it. Renderers
//! invent one: [`Rules`] from formulas, [`Ridge`] and [`Recurrent`] from weights fitted to people.
//!
//! ```
//! use performance::Pitch;
//! use performance::score::{Expression, NewNote, Rules, Score};
//!
//! let note = |pitch, onset_quarters| -> Result<NewNote, performance::Error> {
//!     Ok(NewNote::new(Pitch::new(pitch)?, onset_quarters, 1.0))
//! };
//! let score = Score::builder().notes([note(60, 0.0)?, note(62, 1.0)?, note(64, 2.0)?]).build()?;
//!
//! // As written: 120 quarters a minute, each note half a second after the last.
//! let written = Expression::written(&score);
//! assert_eq!(written.apply(&score).notes()[2].start_us, 1_000_000);
//!
//! // By rule, and then half as much of it.
//! let played = Rules::default().render(&score);
//! let milder = written.blend(&played, 0.5);
//! assert_eq!(milder.apply(&score).notes().len(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this module does not do
//!
//! - Engraving. Clefs, stems, beams, fingerings and lyrics are not kept.
//! - Other instruments. All pitched parts are played on one piano.
//! - Following a performer while he plays: [`align`] needs annotated beats.

mod align;
mod builder;
mod error;
mod evaluate;
mod export;
mod expression;
mod features;
mod fit;
mod linear;
mod measure;
mod midi;
mod mood;
mod musicxml;
mod note;
mod numbers;
mod packed;
mod recurrent;
mod rendering;
mod rendition;
mod ridge;
mod rules;
mod takes;
mod tempo;
mod window;

pub use align::{Beat, Matching, align};
pub use builder::{Builder, NewNote, Score};
pub use error::ScoreError;
pub use evaluate::{Agreement, Evaluation, Interpretation, Part};
pub use export::{export, export_with};
pub use expression::{Expression, RenderedNote};
pub use features::Features;
pub use fit::{Example, SPREADS, Target, fit, targets};
pub use measure::{Measured, measure};
pub use note::{Bar, Chord, Mark, Marks, Pedal, ScoreNote, Span};
pub use packed::{MAX_PACKED_BYTES, hash};
pub use recurrent::{Direction, Matrix, Recurrent};
pub use rendering::{Gesture, GestureKind, MAX_GESTURES, Renderers, Rendering, TICKS_PER_QUARTER};
pub use rendition::{Rendition, carried};
pub use ridge::Ridge;
pub use rules::{PALETTES, Palette, Rules};
pub use takes::Variation;
pub use tempo::{TempoMap, TempoMark};
