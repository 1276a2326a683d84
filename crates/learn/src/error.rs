use thiserror::Error;

/// Why something could not be learned.
#[derive(Debug, Error)]
pub enum Error {
    /// The network or its weight file.
    #[error(transparent)]
    Network(#[from] rnn::Error),
    /// Where the music comes from failed, in its own words.
    #[error("{0}")]
    Source(String),
    /// There is nothing to train on.
    #[error("expected a piece of at least two events to train on, found none")]
    NoMusic,
    /// Somebody's own music is too short to learn from.
    #[error("expected at least {expected} events of music, about a minute; found {found}")]
    TooLittleMusic {
        /// The fewest.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// There are no performances of scores to learn from.
    #[error("expected performances of scores to learn from, found none")]
    NoScores,
    /// A device that runs no LSTM in one piece.
    #[error("expected a device with the fused LSTM, such as the CPU")]
    NoKernel,
    /// What was learned cannot be read again.
    #[error(transparent)]
    Score(#[from] performance::score::ScoreError),
    /// There is nothing to evaluate.
    #[error("expected pieces of at least two events, found none")]
    NothingToEvaluate,
    /// A tensor of a checkpoint has another size.
    #[error("expected {expected} numbers in {name}, found {found}")]
    Size {
        /// The tensor's name.
        name: String,
        /// How many numbers the network has there.
        expected: usize,
        /// How many the file has.
        found: usize,
    },
    /// A weight file that no run wrote.
    #[error("expected a checkpoint of a training run, found a weight file without its progress")]
    NoCheckpoint,
    /// A checkpoint that stands where its music has no event.
    #[error(
        "expected a place within the {n_tokens} events of a piece, found {next}: the data are other ones"
    )]
    OutOfPlace {
        /// The event that comes next.
        next: usize,
        /// How many the piece has.
        n_tokens: usize,
    },
    /// Facts of a checkpoint cannot be written.
    #[error("the checkpoint cannot be written: {0}")]
    Facts(#[from] serde_json::Error),
    /// The device could not be opened, or did not return what was computed.
    #[error("the device failed: {0}")]
    Device(String),
    /// The loss is no number any more.
    #[error(
        "the loss became {loss} at step {step}; go on from the last checkpoint with a lower learning rate"
    )]
    Diverged {
        /// The loss, in nats per event.
        loss: f64,
        /// The step.
        step: u64,
    },
}

impl Error {
    /// Whether the device is to blame: another one may go on.
    #[must_use]
    pub fn is_of_the_device(&self) -> bool {
        matches!(self, Self::Device(_) | Self::Network(rnn::Error::Device(_)))
    }
}
