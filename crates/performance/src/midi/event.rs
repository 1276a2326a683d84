//! One track's bytes as events, also where they are damaged.
//!
//! A reader that stops at the first wrong byte loses the rest of the track. This one clips values that are too
//! large, and passes over what it cannot read to the next place from which several events in a row make sense.
//! What it had to do stands in [`Faults`].

use super::container::is_header;

/// Events that have to make sense in a row before damage counts as over. Larger skips more sound events after
/// damage; smaller takes damage for events more often.
const SOUND_EVENTS: usize = 4;
/// Events that have to make sense after one that has a fault of its own.
const EVENTS_AFTER_FAULT: usize = 3;
/// Longest delta time, in ticks, that is believed right after damage. Larger takes the last damaged byte for a part
/// of it more often.
const MAX_DELTA_AFTER_DAMAGE: u32 = 0x0FFF;
/// Longest delta time, in ticks, that speaks for an event: three bytes, an hour at 480 ticks a quarter note.
const MAX_LIKELY_DELTA: u32 = 0x1F_FFFF;
/// Longest delta time in bytes: the standard's four, and one for writers of 32 bits.
const MAX_NUMBER_BYTES: usize = 5;
/// How far to look for the channel of events that have no status.
const EVENTS_SEARCHED_FOR_CHANNEL: usize = 64;
/// Most packets of a system exclusive message.
const MAX_PACKETS: usize = 64;
/// Text longer than this is believed when events follow it.
const LONG_META_BYTES: usize = 127;

const SYSEX: u8 = 0xF0;
const SYSEX_END: u8 = 0xF7;
const META: u8 = 0xFF;
const END_OF_TRACK: u8 = 0x2F;
const NOTE_ON: u8 = 0x90;

/// An event of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A channel message, data bytes below 128.
    Channel { status: u8, data: [u8; 2] },
    /// A meta event.
    Meta { kind: u8, data: &'a [u8] },
    /// A system exclusive message without its frame of F0 and F7.
    SysEx(&'a [u8]),
    /// Nothing to play: an escape, a system message, a message about a key that does not exist.
    Other,
}

/// What was wrong with a track's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Data bytes above 127 that were clipped, or whose event was passed over.
    pub(super) high_values: usize,
    /// System messages, which belong on a cable and not into a file.
    pub(super) illegal_events: usize,
    /// System exclusive messages without their length.
    pub(super) bare_sysex: usize,
    /// Whether events came before any status; they were read as notes.
    pub(super) is_statusless: bool,
    /// Bytes that were passed over, and where the first is.
    pub(super) lost_bytes: usize,
    pub(super) lost_at: Option<usize>,
}

/// Why reading stopped. `at` is a position in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the end mark.
    Marked { at: usize },
    /// Where another chunk begins.
    Chunk { at: usize },
    /// At the end of the bytes.
    Unmarked,
}

/// Reads the events of one track.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The status of events that have none of their own. Meta events and sysex end it by the standard; not every
    /// sequencer knew.
    running: Option<u8>,
    /// The last status of the track before.
    earlier: Option<u8>,
    faults: Faults,
}

/// Delta time and event, or the end.
pub(super) type Step<'a> = Result<(u32, Event<'a>), End>;

/// An event as it stands.
#[derive(Clone, Copy, Debug)]
struct Parsed<'a> {
    delta: u32,
    event: Event<'a>,
    next: usize,
    running: Option<u8>,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    HighValue,
    HighKey,
    Illegal,
    BareSysEx,
}

/// Faults that come in rows, because one program made them all.
const HIGH: [Fault; 2] = [Fault::HighValue, Fault::HighKey];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unreadable {
    NoStatus,
    Damaged,
}

impl<'a> Reader<'a> {
    /// `earlier_status` is the last status of the track before, if there is one.
    pub(super) fn new(bytes: &'a [u8], earlier_status: Option<u8>) -> Self {
        Self { bytes, at: 0, running: None, earlier: earlier_status, faults: Faults::default() }
    }

    /// What was wrong so far.
    pub(super) fn faults(&self) -> Faults {
        self.faults
    }

    /// The last status of a channel message.
    pub(super) fn last_status(&self) -> Option<u8> {
        self.running.or(self.earlier)
    }

    /// Where reading is.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Step<'a> {
        loop {
            if self.at >= self.bytes.len() {
                return Err(End::Unmarked);
            }
            if is_chunk(self.bytes, self.at) {
                return Err(End::Chunk { at: self.at });
            }
            let parsed = match parse(self.bytes, self.at, self.running) {
                Ok(parsed) if self.is_believed(&parsed) => parsed,
                Err(Unreadable::NoStatus) if self.guess_status() => continue,
                _ => {
                    self.skip_damage();
                    continue;
                }
            };
            (self.at, self.running) = (parsed.next, parsed.running);
            match parsed.fault {
                Some(Fault::HighValue | Fault::HighKey) => self.faults.high_values += 1,
                Some(Fault::Illegal) => self.faults.illegal_events += 1,
                Some(Fault::BareSysEx) => self.faults.bare_sysex += 1,
                None => {}
            }
            if let Event::Meta { kind: END_OF_TRACK, .. } = parsed.event {
                return Err(End::Marked { at: self.at });
            }
            return Ok((parsed.delta, parsed.event));
        }
    }

    /// An event with a fault is believed if sound events follow.
    fn is_believed(&self, parsed: &Parsed<'_>) -> bool {
        let is_long = matches!(parsed.event, Event::Meta { data, .. } | Event::SysEx(data) if data.len() > LONG_META_BYTES);
        let is_sound = parsed.fault.is_none() && !is_long;
        is_sound || makes_sense(self.bytes, parsed.next, parsed.running, EVENTS_AFTER_FAULT, &HIGH)
    }

    /// Takes events before the first status for notes: those of the next channel that is named, or of the last one
    /// in the track before. Whether that makes sense.
    fn guess_status(&mut self) -> bool {
        let mut probe = (self.at, Some(NOTE_ON));
        let mut status = self.earlier;
        for _ in 0..EVENTS_SEARCHED_FOR_CHANNEL {
            let Ok(parsed) = parse(self.bytes, probe.0, probe.1) else { break };
            if parsed.running != Some(NOTE_ON) {
                status = parsed.running;
                break;
            }
            probe = (parsed.next, parsed.running);
        }
        let guess = NOTE_ON | status.unwrap_or_default() & 0x0F;
        let is_likely = makes_sense(self.bytes, self.at, Some(guess), EVENTS_AFTER_FAULT, &HIGH);
        if is_likely {
            self.running = Some(guess);
            self.faults.is_statusless = true;
        }
        is_likely
    }

    fn skip_damage(&mut self) {
        let is_sound = |&at: &usize| {
            let is_near =
                |parsed: Parsed<'_>| parsed.fault.is_none() && parsed.delta <= MAX_DELTA_AFTER_DAMAGE;
            is_chunk(self.bytes, at)
                || (parse(self.bytes, at, None).is_ok_and(is_near)
                    && makes_sense(self.bytes, at, None, SOUND_EVENTS, &HIGH[..1]))
        };
        let next = (self.at + 1..self.bytes.len()).find(is_sound).unwrap_or(self.bytes.len());
        self.faults.lost_at.get_or_insert(self.at);
        self.faults.lost_bytes += next - self.at;
        self.at = next;
    }
}

/// Whether another file begins here, or a track: its name, and a length below 16 MiB or an event with a status.
pub(super) fn is_chunk(bytes: &[u8], at: usize) -> bool {
    // Nearly always no, at once.
    if bytes.get(at) != Some(&b'M') {
        return false;
    }
    let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else { return false };
    let is_track = head.starts_with(b"MTrk") && (head[4] == 0 || has_status(bytes, at + head.len()));
    is_track || is_header(bytes, at)
}

fn has_status(bytes: &[u8], at: usize) -> bool {
    let delta = bytes.get(at..).and_then(number);
    delta.and_then(|(_, len)| bytes.get(at + len)).is_some_and(|&status| status > 0x7F)
}

/// Whether `n` events in a row, or all up to the track's end, look as a sequencer would write them, but for the faults
/// that are `allowed`.
fn makes_sense(bytes: &[u8], mut at: usize, mut running: Option<u8>, n: usize, allowed: &[Fault]) -> bool {
    for _ in 0..n {
        if at == bytes.len() || is_chunk(bytes, at) {
            return true;
        }
        let Ok(parsed) = parse(bytes, at, running) else { return false };
        let is_odd = parsed.fault.is_some_and(|fault| !allowed.contains(&fault));
        if is_odd || parsed.delta > MAX_LIKELY_DELTA {
            return false;
        }
        if let Event::Meta { kind: END_OF_TRACK, .. } = parsed.event {
            return true;
        }
        (at, running) = (parsed.next, parsed.running);
    }
    true
}

/// The event at `at`, as long as its bytes are there.
fn parse(bytes: &[u8], at: usize, running: Option<u8>) -> Result<Parsed<'_>, Unreadable> {
    let (delta, delta_bytes) = number(&bytes[at..]).ok_or(Unreadable::Damaged)?;
    let at = at + delta_bytes;
    let &first = bytes.get(at).ok_or(Unreadable::Damaged)?;
    let parsed = |event, next, fault| Parsed { delta, event, next, running, fault };
    match first {
        0x00..=0x7F => {
            let status = running.ok_or(Unreadable::NoStatus)?;
            channel_message(bytes, at, status).map(|(event, next, fault)| parsed(event, next, fault))
        }
        0x80..=0xEF => {
            let (event, next, fault) = channel_message(bytes, at + 1, first)?;
            Ok(Parsed { running: Some(first), ..parsed(event, next, fault) })
        }
        SYSEX => sysex(bytes, at + 1).map(|(event, next, fault)| parsed(event, next, fault)),
        SYSEX_END => {
            let (_, next) = counted(bytes, at + 1)?;
            Ok(parsed(Event::Other, next, None))
        }
        META => {
            let &kind = bytes.get(at + 1).ok_or(Unreadable::Damaged)?;
            let (data, next) = counted(bytes, at + 2)?;
            let is_kind = kind < 0x80;
            if is_kind {
                Ok(parsed(Event::Meta { kind, data }, next, None))
            } else {
                Err(Unreadable::Damaged)
            }
        }
        0xF1 | 0xF3 => illegal(bytes, at + 2).map(|next| parsed(Event::Other, next, Some(Fault::Illegal))),
        0xF2 => illegal(bytes, at + 3).map(|next| parsed(Event::Other, next, Some(Fault::Illegal))),
        0xF4..=0xF6 | 0xF8..=0xFE => Ok(parsed(Event::Other, at + 1, Some(Fault::Illegal))),
    }
}

fn illegal(bytes: &[u8], next: usize) -> Result<usize, Unreadable> {
    if next <= bytes.len() { Ok(next) } else { Err(Unreadable::Damaged) }
}

type Message<'a> = (Event<'a>, usize, Option<Fault>);

/// A channel message whose data begins at `at`. A value above 127 is clipped; a key, controller or program above
/// 127 does not exist.
fn channel_message(bytes: &[u8], at: usize, status: u8) -> Result<Message<'_>, Unreadable> {
    let n_data = if matches!(status & 0xF0, 0xC0 | 0xD0) { 1 } else { 2 };
    let data = bytes.get(at..at + n_data).ok_or(Unreadable::Damaged)?;
    let (first, second) = (data[0], data.get(1).copied().unwrap_or(0));
    let next = at + n_data;
    if first > 0x7F {
        return Ok((Event::Other, next, Some(Fault::HighKey)));
    }
    let fault = (second > 0x7F).then_some(Fault::HighValue);
    Ok((Event::Channel { status, data: [first, second.min(0x7F)] }, next, fault))
}

/// A system exclusive message whose length begins at `at`, or whose data does, where a recorder forgot the length.
fn sysex(bytes: &[u8], at: usize) -> Result<Message<'_>, Unreadable> {
    let declared = counted(bytes, at).ok();
    if let Some((data, next)) = declared
        && let Some((&SYSEX_END, data)) = data.split_last()
    {
        return Ok((Event::SysEx(data), next, None));
    }
    let n_data = bytes[at..].iter().position(|&byte| byte > 0x7F);
    let bare = n_data.map(|n| (&bytes[at..at + n], at + n)).filter(|&(_, end)| bytes[end] == SYSEX_END);
    match (declared, bare) {
        // The first packet of several: the next one follows, which looks like the end of a bare message.
        (Some((data, next)), _) if is_packet(bytes, next) => Ok((Event::SysEx(data), next, None)),
        (_, Some((data, end))) => Ok((Event::SysEx(data), end + 1, Some(Fault::BareSysEx))),
        // Data has no bytes above 127: a length that goes over some is none.
        (Some((data, next)), None) if data.iter().all(|&byte| byte < 0x80) => {
            Ok((Event::SysEx(data), next, None))
        }
        _ => Err(Unreadable::Damaged),
    }
}

/// Whether packets up to the last one, which ends the message, follow at `at`.
fn is_packet(bytes: &[u8], mut at: usize) -> bool {
    for _ in 0..MAX_PACKETS {
        let Some((_, delta_bytes)) = bytes.get(at..).and_then(number) else { return false };
        at += delta_bytes;
        if bytes.get(at) != Some(&SYSEX_END) {
            return false;
        }
        match counted(bytes, at + 1) {
            Ok((&[.., SYSEX_END], _)) => return true,
            Ok((&[_, ..], next)) => at = next,
            _ => return false,
        }
    }
    false
}

/// The bytes after a length at `at`, and where they end.
fn counted(bytes: &[u8], at: usize) -> Result<(&[u8], usize), Unreadable> {
    let rest = bytes.get(at..).ok_or(Unreadable::Damaged)?;
    let (len, len_bytes) = number(rest).ok_or(Unreadable::Damaged)?;
    let len = usize::try_from(len).map_err(|_| Unreadable::Damaged)?;
    let data = rest[len_bytes..].get(..len).ok_or(Unreadable::Damaged)?;
    Ok((data, at + len_bytes + len))
}

/// A variable-length quantity of 32 bits, and how many bytes it took.
fn number(bytes: &[u8]) -> Option<(u32, usize)> {
    let len = bytes.iter().take(MAX_NUMBER_BYTES).position(|byte| byte & 0x80 == 0)? + 1;
    let value = bytes[..len].iter().fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7F));
    Some((u32::try_from(value).ok()?, len))
}
