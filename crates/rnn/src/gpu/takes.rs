//! Performances in the making on a device, side by side.

use cubecl::prelude::*;
use performance::{Event, Sounding, Token, VelocityBin};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::kernels::{self, BROKEN, HEARD, SAMPLER_UNITS, SCORE_COLUMNS};
use super::memory::Buffer;
use super::network::{Cut, Network};
use crate::{Controls, Error, Settings};

/// Events that the device can be asked for at once; longer chunks are several, each with a read-back.
pub const CAPACITY: usize = 128;

/// How long a chunk may take to make. Longer: fewer read-backs; shorter: Stop and new settings act sooner.
const CHUNK_SECS: f64 = 0.1;

/// How many events to ask for at once of a device that makes `events_per_s` of each take: as many as keep a
/// player who waits for them within 150 ms, and able to stop in between.
#[must_use]
pub fn chunk_events(events_per_s: f64) -> usize {
    ((events_per_s * CHUNK_SECS) as usize).clamp(1, CAPACITY)
}

/// One or many performances, played from one network with the same settings and controls, each from a seed
/// of its own: a take is the same whatever is played beside it.
///
/// The contract is [`Generator`](crate::Generator)'s: `prime`, `set_controls`, `force`, `next_chunk` and
/// `snapshot`/`restore`. A future that is dropped before it is done leaves the device ahead of what is known
/// here; `restore` brings both together again.
#[derive(Debug)]
pub struct Takes {
    network: Network,
    cut: Cut,
    /// Temperature and top-p.
    settings: Buffer,
    /// The controls' share of the first layer's gates.
    controls: Buffer,
    /// What to do next: for each stream the events done, then numbers between 0 and 1, or events to hear.
    orders: Buffer,
    /// The events drawn, `[CAPACITY, streams]`.
    tokens: Buffer,
    activity: Activity,
    host: Host,
}

/// Everything on the device that changes from event to event.
#[derive(Clone, Debug)]
struct Activity {
    /// Hidden units of each layer, `[rows, streams]`: now and the step before, in turns.
    hidden: Vec<[Buffer; 2]>,
    /// Cells of each layer.
    cell: Vec<Buffer>,
    /// Sounding pitches and the last event of each stream.
    heard: Buffer,
    /// Scores of the next event of each stream.
    scores: Buffer,
    /// Which of the two `hidden` is now.
    now: usize,
}

/// What changes from event to event on this side.
#[derive(Clone, Debug)]
struct Host {
    sounding: Vec<Sounding>,
    rng: Vec<ChaCha8Rng>,
    /// Whether anything was heard, and so scores exist.
    opened: bool,
}

/// Everything that changes while takes are played; restoring it plays the same again.
#[derive(Clone, Debug)]
pub struct Moment {
    activity: Vec<Buffer>,
    host: Host,
}

impl Takes {
    /// Takes that have heard nothing yet, one for each seed.
    ///
    /// # Errors
    /// If there are no seeds.
    pub fn new(network: &Network, settings: Settings, seeds: &[u64]) -> Result<Self, Error> {
        if seeds.is_empty() {
            return Err(Error::Setting {
                name: "takes",
                expected: "of 1 or more".to_owned(),
                found: "0".to_owned(),
            });
        }
        let client = &network.client;
        let cut = network.cut(seeds.len());
        let streams = cut.padded_streams();
        let rows = network.config.hidden.next_multiple_of(2);
        let activity = |_| Buffer::zeros(client, rows * streams);
        let unset = Controls::default().encode(&network.config)?;
        Ok(Self {
            cut,
            settings: Buffer::of_floats(client, &[settings.temperature, settings.top_p]),
            controls: Buffer::of_floats(client, &network.project(&unset)),
            orders: Buffer::zeros(client, seeds.len() * (1 + CAPACITY)),
            tokens: Buffer::zeros(client, seeds.len() * CAPACITY),
            activity: Activity {
                hidden: (0..network.config.layers).map(|_| [0, 1].map(activity)).collect(),
                cell: (0..network.config.layers).map(activity).collect(),
                heard: Buffer::zeros(client, streams * HEARD),
                scores: Buffer::zeros(client, streams * SCORE_COLUMNS),
                now: 0,
            },
            host: Host {
                sounding: vec![Sounding::default(); seeds.len()],
                rng: seeds.iter().map(|&seed| ChaCha8Rng::seed_from_u64(seed)).collect(),
                opened: false,
            },
            network: network.clone(),
        })
    }

    /// How many takes are played.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.host.rng.len()
    }

    /// How the next events are drawn.
    pub fn set_settings(&mut self, settings: Settings) {
        let words = [settings.temperature, settings.top_p].map(f32::to_bits);
        self.settings.write(&self.network.client, words.to_vec());
    }

    /// What the next events should be like.
    ///
    /// # Errors
    /// If a control is not a usable number or names a composer that the network does not know.
    pub fn set_controls(&mut self, controls: &Controls) -> Result<(), Error> {
        let projected = self.network.project(&controls.encode(&self.network.config)?);
        self.controls.write(&self.network.client, projected.iter().map(|x| x.to_bits()).collect());
        Ok(())
    }

    /// The pitches that are down in one take; none if there is no such take.
    #[must_use]
    pub fn sounding(&self, take: usize) -> Sounding {
        self.host.sounding.get(take).copied().unwrap_or_default()
    }

    /// All takes listen to what was played before: a primer, or the music so far.
    ///
    /// # Errors
    /// None today; a device may fail later.
    pub async fn prime(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.hear(&vec![tokens; self.len()]);
        Ok(())
    }

    /// All takes listen to one event that somebody else decided.
    ///
    /// # Errors
    /// None today; a device may fail later.
    pub async fn force(&mut self, token: Token) -> Result<(), Error> {
        self.prime(&[token]).await
    }

    /// The next `n` events of each take, with one read-back for each [`CAPACITY`] of them.
    ///
    /// # Errors
    /// If the device fails or the network's output is no number.
    pub async fn next_chunk(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        let mut takes = vec![Vec::with_capacity(n); self.len()];
        let mut left = n;
        if n > 0 && !self.host.opened {
            let openings: Vec<Token> = self.host.rng.iter_mut().map(opening).collect();
            self.hear(&openings.iter().map(std::slice::from_ref).collect::<Vec<_>>());
            for (take, opening) in takes.iter_mut().zip(openings) {
                take.push(opening);
            }
            left -= 1;
        }
        while left > 0 {
            let n = left.min(CAPACITY);
            for (take, tokens) in takes.iter_mut().zip(self.draw(n).await?) {
                take.extend(tokens);
            }
            left -= n;
        }
        Ok(takes)
    }

    /// The present moment, to come back to: a copy on the device.
    #[must_use]
    pub fn snapshot(&self) -> Moment {
        let client = &self.network.client;
        let kept = |buffer: &Buffer| {
            let copy = Buffer::zeros(client, buffer.words());
            launch_copy(client, buffer, &copy);
            copy
        };
        Moment { activity: self.activity.current().map(kept).collect(), host: self.host.clone() }
    }

    /// Goes back to a moment of these takes, or of others of the same number and sizes.
    ///
    /// # Errors
    /// If the moment is one of another number of takes or another network.
    pub fn restore(&mut self, moment: &Moment) -> Result<(), Error> {
        let sizes = |buffers: &[&Buffer]| buffers.iter().map(|buffer| buffer.words()).collect::<Vec<_>>();
        let (from, into): (Vec<_>, Vec<_>) =
            (moment.activity.iter().collect(), self.activity.current().collect());
        if sizes(&from) != sizes(&into) || moment.host.rng.len() != self.len() {
            return Err(Error::Setting {
                name: "a moment",
                expected: format!("of {} takes of this network", self.len()),
                found: format!("one of {}", moment.host.rng.len()),
            });
        }
        for (from, into) in from.into_iter().zip(into) {
            launch_copy(&self.network.client, from, into);
        }
        self.host = moment.host.clone();
        Ok(())
    }

    /// Scores of the next event of each take, 413 each, read from the device: for tests and for the curious.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn scores(&self) -> Result<Vec<Vec<f32>>, Error> {
        let words = self.read(&self.activity.scores, self.activity.scores.words()).await?;
        let row =
            |row: &[u32]| row[..performance::N_TOKENS].iter().map(|&bits| f32::from_bits(bits)).collect();
        Ok(words.chunks_exact(SCORE_COLUMNS).take(self.len()).map(row).collect())
    }

    /// Draws up to [`CAPACITY`] events of each take.
    async fn draw(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        let chances = |rng: &mut ChaCha8Rng| (0..n).map(|_| (rng.random::<f64>() as f32).to_bits()).collect();
        let orders: Vec<Vec<u32>> = self.host.rng.iter_mut().map(chances).collect();
        self.order(orders);
        for _ in 0..n {
            self.launch_sampler();
            self.launch_layers();
            self.launch_head();
        }
        let words = self.read(&self.tokens, n * self.len()).await?;
        let mut takes = vec![Vec::with_capacity(n); self.len()];
        for row in words.chunks_exact(self.len()) {
            for ((&word, take), sounding) in row.iter().zip(&mut takes).zip(&mut self.host.sounding) {
                let token = match u16::try_from(word).ok().and_then(|number| Token::new(number).ok()) {
                    Some(token) => token,
                    None if word == BROKEN => return Err(Error::NotFinite(f32::NAN)),
                    None => return Err(Error::Device(format!("expected an event, found {word}"))),
                };
                sounding.apply(Event::from(token));
                take.push(token);
            }
        }
        Ok(takes)
    }

    /// Each take hears its own events; all hear as many.
    fn hear(&mut self, takes: &[&[Token]]) {
        let time = takes.first().map_or(0, |tokens| tokens.len());
        for start in (0..time).step_by(CAPACITY) {
            let chunk = start..time.min(start + CAPACITY);
            let numbers =
                |tokens: &&[Token]| tokens[chunk.clone()].iter().map(|t| u32::from(t.get())).collect();
            self.order(takes.iter().map(numbers).collect());
            for _ in chunk {
                self.launch_hear();
                self.launch_layers();
            }
        }
        if time > 0 {
            self.launch_head();
            self.host.opened = true;
        }
        for (sounding, tokens) in self.host.sounding.iter_mut().zip(takes) {
            for &token in *tokens {
                sounding.apply(Event::from(token));
            }
        }
    }

    /// Hands the device what to do next, one row for each take.
    fn order(&self, rows: Vec<Vec<u32>>) {
        let mut orders = vec![0; self.orders.words()];
        for (order, row) in orders.chunks_exact_mut(1 + CAPACITY).zip(rows) {
            order[1..=row.len()].copy_from_slice(&row);
        }
        self.orders.write(&self.network.client, orders);
    }

    /// The first `words` words of a buffer.
    async fn read(&self, buffer: &Buffer, words: usize) -> Result<Vec<u32>, Error> {
        let rest = 4 * (buffer.words() - words) as u64;
        let handle = buffer.handle.clone().offset_end(rest);
        let read = self.network.client.read_async(vec![handle]).await;
        let bytes = read.map_err(|e| Error::Device(e.to_string()))?;
        let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        Ok(bytes.iter().flat_map(|bytes| bytes.chunks_exact(4)).map(word).collect())
    }

    fn launch_layers(&mut self) {
        let Self { network, cut, activity, .. } = self;
        let (client, units, lanes) = (&network.client, network.config.hidden, cut.lanes);
        let (last, now) = (activity.now, 1 - activity.now);
        for (index, layer) in network.layers.iter().enumerate() {
            let [last, hidden] = [last, now].map(|turn| activity.hidden[index][turn].arg(lanes));
            let cell = activity.cell[index].arg(lanes);
            let (cubes, cube, rows) = (cut.cubes(units), cut.cube(), cut.vectors_per_row());
            match index.checked_sub(1) {
                None => {
                    let row = if network.half { 2 } else { 4 };
                    // SAFETY: rows of `heard` are events and pitches of the table, cubes beyond the last unit
                    // or stream read the last unit and padded streams, and write nothing outside.
                    unsafe {
                        kernels::first_layer::launch_unchecked(
                            client,
                            cubes,
                            cube,
                            lanes,
                            row,
                            layer.weights.arg(4),
                            network.table.arg(row),
                            self.controls.arg(4),
                            activity.heard.arg(1),
                            last,
                            hidden,
                            cell,
                            rows,
                            units,
                            cut.tiling,
                        );
                    }
                }
                Some(below) => {
                    let below = activity.hidden[below][now].arg(lanes);
                    // SAFETY: as above.
                    unsafe {
                        kernels::layer::launch_unchecked(
                            client,
                            cubes,
                            cube,
                            lanes,
                            layer.weights.arg(4),
                            layer.bias.arg(4),
                            below,
                            last,
                            hidden,
                            cell,
                            rows,
                            units,
                            cut.tiling,
                        );
                    }
                }
            }
        }
        activity.now = now;
    }

    fn launch_head(&self) {
        let Self { network, cut, activity, .. } = self;
        let Some(top) = activity.hidden.last() else { return };
        // SAFETY: the buffers have the shapes that the kernel names; cubes beyond the last group write nothing.
        unsafe {
            kernels::head::launch_unchecked(
                &network.client,
                cut.cubes(SCORE_COLUMNS / 4),
                cut.cube(),
                cut.lanes,
                network.head.weights.arg(4),
                network.head.bias.arg(4),
                top[activity.now].arg(cut.lanes),
                activity.scores.arg(1),
                cut.vectors_per_row(),
                network.config.hidden,
                cut.tiling,
            );
        }
    }

    fn launch_sampler(&self) {
        let streams = self.len();
        // SAFETY: one cube per stream, and no more than `CAPACITY` events since the last orders.
        unsafe {
            kernels::sample::launch_unchecked(
                &self.network.client,
                CubeCount::Static(streams as u32, 1, 1),
                CubeDim::new_1d(SAMPLER_UNITS as u32),
                self.activity.scores.arg(1),
                self.settings.arg(1),
                self.orders.arg(1),
                self.activity.heard.arg(1),
                self.tokens.arg(1),
                streams,
                CAPACITY,
            );
        }
    }

    fn launch_hear(&self) {
        let streams = self.len();
        // SAFETY: as above.
        unsafe {
            kernels::hear::launch_unchecked(
                &self.network.client,
                CubeCount::Static(streams.div_ceil(64) as u32, 1, 1),
                CubeDim::new_1d(64),
                self.orders.arg(1),
                self.activity.heard.arg(1),
                streams,
                CAPACITY,
            );
        }
    }
}

impl Activity {
    /// What the next event depends on.
    fn current(&self) -> impl Iterator<Item = &Buffer> {
        let hidden = self.hidden.iter().map(|turns| &turns[self.now]);
        hidden.chain(&self.cell).chain([&self.heard, &self.scores])
    }
}

fn launch_copy(client: &Client, from: &Buffer, into: &Buffer) {
    let words = from.words();
    // SAFETY: both have as many words.
    unsafe {
        kernels::copy::launch_unchecked(
            client,
            CubeCount::Static(words.div_ceil(256) as u32, 1, 1),
            CubeDim::new_1d(256),
            from.arg(1),
            into.arg(1),
            words,
        );
    }
}

/// As the generator's: a performance opens with a middling loudness.
fn opening(rng: &mut ChaCha8Rng) -> Token {
    match VelocityBin::new(rng.random_range(12..=20)) {
        Ok(bin) => Event::Velocity(bin).into(),
        Err(_) => unreachable!("12..=20 are velocity bins"),
    }
}

#[test]
fn chunks_take_a_tenth_of_a_second_where_they_can() {
    assert_eq!([0.0, 5.0, 60.0, 500.0, 1e6, f64::NAN].map(chunk_events), [1, 1, 6, 50, CAPACITY, 1]);
}
