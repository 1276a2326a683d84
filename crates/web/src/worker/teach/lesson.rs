//! One run: learn, measure, keep where it stands, and listen to the page in between.

use std::collections::VecDeque;

use js_sys::Uint8Array;
use learn::{Device, End, Lessons, Plan, Teaching, invented};
use session::teach::{MusicReport, Outcome, TeachReply, TeachRequest};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use super::{Inbox, Music, Trouble, post, post_with_bytes, saved};
use crate::js;
use crate::worker::pause::pause;
use crate::worker::{now_ms, weights};

/// Milliseconds between two checkpoints. Writing a hundred megabytes takes about a second.
const CHECKPOINT_MS: f64 = 60_000.0;
/// Steps over which the speed is averaged.
const SPEED_STEPS: usize = 16;
/// Decides what the base model invents.
const SEED: u64 = 1;

/// Learns from music, from its beginning.
pub(super) async fn start(
    device: &Device,
    weights_url: &str,
    music: &Music,
    events: Option<u64>,
    inbox: &Inbox,
) -> Result<(), Trouble> {
    let lessons = Lessons::of(music.pieces.clone()).map_err(|error| {
        Trouble::Sentence(format!(
            "This is too little music to learn from: {error}. Choose some more pieces."
        ))
    })?;
    let mut plan = Plan::of(&lessons);
    plan.events = events.map_or(plan.events, |events| events.clamp(1_000, 10_000_000));
    preparing("Fetching the model");
    let base = fetch(weights_url).await?;
    let replayed = replayed(&base, &lessons, &plan).await?;
    if let Err(why) = saved::begin(music, &plan).await {
        post(&TeachReply::NotSaved { why: why.to_string() });
    }
    let teaching = Teaching::begin(&base, lessons, replayed, plan.training(), device);
    drop(base);
    Run { teaching: teaching?, report: music.report.clone(), inbox }.go().await
}

/// Goes on where an earlier run was kept.
pub(super) async fn resume(device: &Device, weights_url: &str, inbox: &Inbox) -> Result<(), Trouble> {
    const GONE: &str = "What was saved is gone. Choose the music again.";
    let began = saved::began().await.ok_or(GONE)?;
    let music = saved::music(&began).await.ok_or(GONE)?;
    let lessons = Lessons::of(music.pieces)?;
    let plan = Plan { events: began.events, ..Plan::of(&lessons) };
    preparing("Fetching the model");
    let base = fetch(weights_url).await?;
    let replayed = replayed(&base, &lessons, &plan).await?;
    drop(base);
    let (checkpoint, best) = saved::checkpoint().await.ok_or(GONE)?;
    let teaching = Teaching::resume(&checkpoint, lessons, replayed, plan.training(), device);
    drop(checkpoint);
    let mut teaching = teaching?;
    if let Some(best) = best {
        teaching.restore_best(best);
    }
    Run { teaching, report: began.report, inbox }.go().await
}

async fn replayed(
    base: &[u8],
    lessons: &Lessons,
    plan: &Plan,
) -> Result<Vec<Vec<performance::Token>>, Trouble> {
    preparing("The model plays to itself, so that it does not forget");
    let events = plan.replayed_events(lessons.events());
    Ok(invented(base, events, SEED, async || pause(0.0).await).await?)
}

fn preparing(what: &str) {
    post(&TeachReply::Preparing { what: what.to_owned() });
}

/// What the visitor wants of a run.
enum Wish {
    GoOn,
    Stop,
    Cancel,
}

struct Run<'a> {
    teaching: Teaching,
    report: MusicReport,
    inbox: &'a Inbox,
}

impl Run<'_> {
    async fn go(mut self) -> Result<(), Trouble> {
        preparing("Measuring how well it knows this music");
        // Kept at once, so that a lost GPU or a crash in the first minute loses nothing.
        let (mut kept_ms, mut steps) = (f64::NEG_INFINITY, VecDeque::new());
        loop {
            if self.teaching.is_check_due() {
                let nats = self.teaching.check(async || pause(0.0).await).await?;
                post(&TeachReply::Checked { events: self.teaching.events(), nats });
            }
            if let Some(end) = self.teaching.end() {
                self.finish(Some(end));
                return Ok(());
            }
            match self.wish().await {
                Wish::GoOn => {}
                Wish::Stop => {
                    self.last_check().await?;
                    self.finish(None);
                    return Ok(());
                }
                Wish::Cancel => {
                    saved::forget().await;
                    return Ok(());
                }
            }
            let started = now_ms();
            let n = self.teaching.step().await?;
            steps.push_back((n, now_ms() - started));
            if steps.len() > SPEED_STEPS {
                steps.pop_front();
            }
            self.tell(&steps).await?;
            if now_ms() - kept_ms > CHECKPOINT_MS {
                self.keep().await;
                kept_ms = now_ms();
            }
            pause(0.0).await;
        }
    }

    /// What was learned since the last measurement counts, too.
    async fn last_check(&mut self) -> Result<(), Trouble> {
        let last = self.teaching.checks().last().map(|&(events, _)| events);
        if last != Some(self.teaching.events()) {
            preparing("Measuring what was learned");
            let nats = self.teaching.check(async || pause(0.0).await).await?;
            post(&TeachReply::Checked { events: self.teaching.events(), nats });
        }
        Ok(())
    }

    async fn tell(&mut self, steps: &VecDeque<(u64, f64)>) -> Result<(), Trouble> {
        let nats = self.teaching.loss().await?;
        let (events, ms) = steps.iter().fold((0, 0.0), |(events, ms), step| (events + step.0, ms + step.1));
        post(&TeachReply::Learned {
            events: self.teaching.events(),
            planned: self.teaching.planned(),
            nats,
            events_per_second: events as f64 * 1000.0 / f64::max(ms, 1.0),
        });
        Ok(())
    }

    async fn keep(&self) {
        match saved::keep(&self.teaching).await {
            Ok(()) => post(&TeachReply::Saved),
            Err(why) => post(&TeachReply::NotSaved { why: why.to_string() }),
        }
    }

    /// Looks into the inbox, and rests there as long as the visitor wants.
    async fn wish(&self) -> Wish {
        let mut is_resting = false;
        loop {
            let incoming = match self.inbox.try_next() {
                Some(incoming) => incoming,
                None if is_resting => self.inbox.next().await,
                None => return Wish::GoOn,
            };
            match incoming.request {
                TeachRequest::Pause if !is_resting => {
                    is_resting = true;
                    self.keep().await;
                }
                TeachRequest::GoOn => is_resting = false,
                TeachRequest::Stop => return Wish::Stop,
                TeachRequest::Cancel => return Wish::Cancel,
                TeachRequest::Pause | TeachRequest::Look => {}
                // Something else is wanted.
                _ => {
                    self.inbox.put_back(incoming);
                    return Wish::Cancel;
                }
            }
        }
    }

    /// Tells what came of it. What is saved stays until the page has kept the model.
    fn finish(self, end: Option<End>) {
        let first = self.teaching.checks().first().map_or(f64::NAN, |&(_, nats)| nats);
        let best = self.teaching.best();
        let nats = best.map_or(first, |best| best.nats);
        let outcome = match end {
            Some(End::Planned) => Outcome::planned(first, nats),
            Some(End::ByHeart) => Outcome::by_heart(first, nats),
            None => Outcome::stopped(first, nats),
        };
        let reply = TeachReply::Ended { outcome, report: self.report };
        match best.filter(|_| outcome.is_kept()) {
            Some(best) => post_with_bytes(&reply, &best.file),
            None => post(&reply),
        }
    }
}

/// The base weights: those that the piano has loaded, else the server's.
async fn fetch(url: &str) -> Result<Vec<u8>, Trouble> {
    if let Some(bytes) = weights::cached(url).await {
        return Ok(bytes);
    }
    let get = async {
        let response: Response = JsFuture::from(super::scope().fetch_with_str(url)).await?.dyn_into()?;
        if !response.ok() {
            return Err(JsValue::from(format!("the server answered {}", response.status())));
        }
        Ok(Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?).to_vec())
    };
    let failed = |error: JsValue| {
        Trouble::Sentence(format!(
            "The model could not be fetched ({}). Check the connection, then start again.",
            js::text(&error)
        ))
    };
    get.await.map_err(failed)
}
