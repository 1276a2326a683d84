//! How fast it learns, for the page `bench.html`.

use learn::{InMemory, Learner, Share, Training, cpu};
use performance::Token;
use rnn::ModelConfig;
use session::teach::TeachReply;

use super::post;
use crate::js;
use crate::worker::now_ms;
use crate::worker::pause::pause;

/// Learns made-up music with the paper's network, for at least `at_least_ms`.
pub(super) async fn bench(batch: usize, time: usize, at_least_ms: f64) -> Result<(), String> {
    let failed = |error: learn::Error| format!("The benchmark failed: {error}.");
    let training = Training { batch, time, ..Training::default() };
    let mut learner = Learner::start(&ModelConfig::default(), training, &cpu());
    let numbers =
        (0..4000u16).map(|i| [380, 40 + i / 4 % 40, 270 + i % 30, 168 + i / 4 % 40][i as usize % 4]);
    let tokens: Result<Vec<Token>, _> = numbers.map(Token::new).collect();
    let tokens = tokens.map_err(|error| error.to_string())?;
    let source = Box::new(InMemory::new(vec![tokens; 8]));
    let mut loader = learner.loader(source, Share::WHOLE).map_err(failed)?;
    let (mut started, mut events) = (now_ms(), None::<u64>);
    loop {
        let batch = loader.next_batch().map_err(failed)?;
        let rate = learner.rate();
        learner.step(&batch, rate, 1, |_, grads| grads).await.map_err(failed)?;
        pause(0.0).await;
        match &mut events {
            // The first step does not count: it makes buffers.
            None => (events, started) = (Some(0), now_ms()),
            Some(events) => *events += batch.mask.len() as u64,
        }
        if events.is_some_and(|events| events > 0) && now_ms() - started > at_least_ms {
            break;
        }
    }
    let events_per_second = events.unwrap_or_default() as f64 * 1000.0 / (now_ms() - started);
    post(&TeachReply::Benched { events_per_second, memory_bytes: js::memory_bytes() as u64 });
    Ok(())
}
