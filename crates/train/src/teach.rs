//! `teach`: what the page does when somebody brings music, on the command line.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::Device;
use learn::{Lessons, Plan, Teaching, invented};
use performance::{encode, midi};
use pollster::block_on;
use serde::Serialize;

use crate::cli::TeachArgs;
use crate::files::{keep_apart, read_midi, read_weights, write_atomically};
use crate::prepare;
use crate::say::{left_out, remark, say};

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    pieces: usize,
    /// To learn from, and on each measurement.
    events: usize,
    set_aside: usize,
    /// After how many events, the loss on the music set aside in nats per event, and after how many seconds.
    checks: Vec<(u64, f64, f64)>,
    verdict: String,
}

pub(crate) fn run(args: &TeachArgs) -> Result<()> {
    let weights = read_weights(&args.weights)?;
    keep_apart(&args.out, &[("--weights", &args.weights)])?;
    let sources = prepare::find(&args.music)?;
    let (mut pieces, mut refused) = (Vec::new(), Vec::new());
    for source in &sources {
        let import = read_midi(&source.file).and_then(|bytes| Ok(midi::read(&bytes)?));
        match import {
            Ok(import) => pieces.push(encode(&import.performance)),
            Err(why) => refused.push((source.path.clone(), format!("{why:#}"))),
        }
    }
    if let Some(line) = left_out(sources.len(), &refused) {
        remark!("{line}");
    }
    let n_pieces = pieces.len();
    let lessons = Lessons::of(pieces)?;
    let defaults = Plan::of(&lessons);
    let plan = Plan {
        events: args.events.unwrap_or(defaults.events),
        replayed: args.replayed.unwrap_or(defaults.replayed),
        rate: args.rate.unwrap_or(defaults.rate),
        dropout: args.dropout.unwrap_or(defaults.dropout),
    };
    let (events, set_aside) = (lessons.events(), lessons.set_aside.iter().map(Vec::len).sum());
    let replayed = plan.replayed_events(events);
    let replayed = block_on(invented(&weights, replayed, 1, async || {}))?;
    let mut teaching = Teaching::begin(&weights, lessons, replayed, plan.training(), &Device::flex())?;
    if let Some(upper) = args.upper_layers {
        teaching.hold_below(upper);
    }
    let (started, mut checks) = (Instant::now(), Vec::new());
    loop {
        if teaching.is_check_due() {
            let nats = block_on(teaching.check(async || {}))?;
            let (at, secs) = (teaching.events(), started.elapsed().as_secs_f64());
            let loss = block_on(teaching.loss())?.unwrap_or(f64::NAN);
            remark!("{at} events · {secs:.0} s · learned {loss:.3} · set aside {nats:.4} nats/event");
            checks.push((at, nats, secs));
        }
        if teaching.end().is_some() {
            break;
        }
        block_on(teaching.step())?;
    }
    if let Some(best) = teaching.best() {
        write_atomically(&args.out, &best.file)?;
    }
    let verdict = teaching.verdict().to_string();
    let outcome = Outcome { pieces: n_pieces, events, set_aside, checks, verdict };
    if args.json {
        say!("{}", serde_json::to_string(&outcome)?)?;
    } else {
        say!("{}", outcome.verdict)?;
    }
    Ok(())
}
