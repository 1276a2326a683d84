//! What generation needs of a network.

use std::fmt::Debug;

use performance::{Sounding, Token};

use crate::memory::Hints;
use crate::{Error, ModelConfig};

/// A network that reads takes, event by event, and gives the logits of the next event.
///
/// Up to [`MAX_TAKES`](crate::MAX_TAKES) takes go through it side by side, because weights that are read once
/// serve all of them. Takes do not influence each other, to the last bit.
pub trait Network {
    /// The controls of all takes, prepared once for all the events that they hold for.
    type Controls: Clone + Debug;
    /// The network's state for the takes.
    type State: Clone + Debug;

    /// The network's sizes.
    fn config(&self) -> &ModelConfig;

    /// Prepares what [`ModelConfig::encode`] returned.
    ///
    /// # Shapes
    /// `encoded`: `config().control_width()` numbers.
    fn controls(&self, encoded: &[f32]) -> Self::Controls;

    /// The initial state.
    fn state(&self, n_takes: usize) -> Self::State;

    /// Reads events.
    ///
    /// # Shapes
    /// `heard`: `[time, takes]`.
    ///
    /// # Errors
    /// If the device fails.
    fn step(
        &self,
        state: &mut Self::State,
        controls: &Self::Controls,
        heard: &[StepInput],
    ) -> Result<(), Error>;

    /// Logits of each take's next event, before softmax. Asynchronous, because a browser reads from its GPU
    /// in no other way.
    ///
    /// # Shapes
    /// Returns `[takes, 413]`.
    ///
    /// # Errors
    /// If the device does not return its results.
    #[expect(
        async_fn_in_trait,
        reason = "a future stays on the thread that polls it: a browser's worker has one"
    )]
    async fn logits(&self, state: &Self::State) -> Result<Vec<f32>, Error>;
}

/// An event of a take as the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepInput {
    /// The event.
    pub token: Token,
    /// The pitches that are down after it.
    pub sounding: Sounding,
    /// What was played before; none for a network that does not remember.
    pub hints: Hints,
}
