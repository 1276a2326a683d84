//! How fast it learns: for the page `bench.html`, and to say how long learning takes.

use learn::{Device, InMemory, Learner, Lessons, Plan, Share, Training};
use performance::Token;
use rnn::ModelConfig;
use session::teach::{Speed, TeachReply};

use super::{Inbox, Music, Trouble, post};
use crate::js;
use crate::worker::now_ms;
use crate::worker::pause::pause;

/// Learns made-up music with the paper's network, for at least `at_least_ms`.
pub(super) async fn bench(
    device: &Device,
    batch: usize,
    time: usize,
    at_least_ms: f64,
) -> Result<(), Trouble> {
    let training = Training { batch, time, ..Training::default() };
    if let Some(events_per_second) = speed(device, training, at_least_ms, || false).await? {
        post(&TeachReply::Benched { events_per_second, memory_bytes: js::memory_bytes() as u64 });
    }
    Ok(())
}

/// Says how long learning from this music takes, if there is enough of it. Gives up when the page wants something.
pub(super) async fn estimate(
    device: &Device,
    music: &Music,
    known: Speed,
    inbox: &Inbox,
) -> Result<(), Trouble> {
    let Ok(lessons) = Lessons::of(music.pieces.clone()) else { return Ok(()) };
    let plan = Plan::of(&lessons);
    let measured = match known {
        Speed::Known { events_per_second } => Some(events_per_second),
        Speed::Unknown => speed(device, plan.training(), 0.0, || !inbox.is_empty()).await?,
        Speed::Unwanted => None,
    };
    if let Some(events_per_second) = measured {
        let seconds = plan.work(&lessons) as f64 / f64::max(events_per_second, 1.0);
        post(&TeachReply::Estimated { seconds, events_per_second });
    }
    Ok(())
}

/// Events learned in a second, of made-up music with the paper's network. `None` if it was ended first.
async fn speed(
    device: &Device,
    training: Training,
    at_least_ms: f64,
    is_ended: impl Fn() -> bool,
) -> Result<Option<f64>, Trouble> {
    let mut learner = Learner::start(&ModelConfig::default(), training, device);
    let numbers =
        (0..4000u16).map(|i| [380, 40 + i / 4 % 40, 270 + i % 30, 168 + i / 4 % 40][i as usize % 4]);
    let tokens: Result<Vec<Token>, _> = numbers.map(Token::new).collect();
    let tokens = tokens.map_err(|error| Trouble::Sentence(error.to_string()))?;
    let source = Box::new(InMemory::new(vec![tokens; 8]));
    let mut loader = learner.loader(source, Share::WHOLE)?;
    let (mut started, mut events) = (now_ms(), None::<u64>);
    loop {
        let batch = loader.next_batch()?;
        let rate = learner.rate();
        learner.step(&batch, rate, 1, |_, grads| grads).await?;
        pause(0.0).await;
        if is_ended() {
            return Ok(None);
        }
        match &mut events {
            // The first step does not count: it makes buffers.
            None => (events, started) = (Some(0), now_ms()),
            Some(events) => *events += batch.mask.len() as u64,
        }
        if events.is_some_and(|events| events > 0) && now_ms() - started > at_least_ms {
            break;
        }
    }
    Ok(Some(events.unwrap_or_default() as f64 * 1000.0 / (now_ms() - started)))
}
