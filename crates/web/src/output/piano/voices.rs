//! The strings that sound.

use performance::Pitch;
use wasm_bindgen::JsValue;
use web_sys::{AudioBufferSourceNode, AudioNode, AudioScheduledSourceNode, BaseAudioContext, GainNode};

use super::bank::Sound;
use super::bus::disconnect;

/// Strings that sound at once. More than twice as many overload a browser; pianists with the pedal down
/// rarely need half.
const MAX_VOICES: usize = 64;
/// Damper sounds at once.
const MAX_THUDS: usize = 8;
/// Keys from here on have no dampers.
const FIRST_UNDAMPED: u8 = 89;
/// Level of the damper's thud below full scale: its samples are packed at -30 dB, and about -35 dB are due.
const THUD_GAIN: f32 = 0.56;
/// Fade-out of a voice that is stolen.
const STEAL_SECS: f64 = 0.008;
/// A decay counts as over after this many time constants (-60 dB).
const TIME_CONSTANTS: f64 = 7.0;

/// All voices. Dropping them ends them.
#[derive(Debug, Default)]
pub(super) struct Voices {
    strings: Vec<Voice>,
    thuds: Vec<Voice>,
}

impl Voices {
    /// Strikes a key at a moment now or later.
    pub(super) fn strike(
        &mut self,
        context: &BaseAudioContext,
        to: &AudioNode,
        pitch: Pitch,
        sound: &Sound,
        at_secs: f64,
    ) -> Result<(), JsValue> {
        self.make_room(at_secs)?;
        self.strings.push(Voice::new(context, to, pitch, sound, at_secs)?);
        Ok(())
    }

    /// Lets the damper fall on a key's string.
    pub(super) fn release(
        &mut self,
        context: &BaseAudioContext,
        to: &AudioNode,
        pitch: Pitch,
        thud: Option<Sound>,
        at_secs: f64,
    ) -> Result<(), JsValue> {
        let held =
            self.strings.iter_mut().rev().find(|voice| voice.pitch == pitch && voice.released_secs.is_none());
        let Some(voice) = held.filter(|_| pitch.get() < FIRST_UNDAMPED) else { return Ok(()) };
        voice.fade(at_secs, damper_secs(pitch))?;
        voice.released_secs = Some(at_secs);
        let falling = self.thuds.iter().filter(|voice| voice.starts_secs > at_secs - 0.05).count();
        if let Some(thud) = thud.filter(|_| falling < MAX_THUDS) {
            let gain = thud.gain * THUD_GAIN;
            self.thuds.push(Voice::new(context, to, pitch, &Sound { gain, ..thud }, at_secs)?);
        }
        Ok(())
    }

    /// Undoes what was scheduled from a time on: strikes, falling dampers, and stolen voices.
    pub(super) fn take_back(&mut self, from_secs: f64) -> Result<(), JsValue> {
        // A voice that is dropped is disconnected before it begins.
        self.strings.retain(|voice| voice.starts_secs < from_secs);
        self.thuds.retain(|voice| voice.starts_secs < from_secs);
        self.strings.iter_mut().chain(&mut self.thuds).try_for_each(|voice| voice.take_back(from_secs))
    }

    /// Lets go of voices that are over.
    pub(super) fn forget_past(&mut self, now_secs: f64) {
        self.strings.retain(|voice| voice.ends_secs > now_secs);
        self.thuds.retain(|voice| voice.ends_secs > now_secs);
    }

    /// Steals the quietest voice, released ones first, if too many would sound at this time.
    fn make_room(&mut self, at_secs: f64) -> Result<(), JsValue> {
        // Voices that were stolen already are nearly over.
        let over_secs = at_secs + TIME_CONSTANTS * STEAL_SECS;
        let sounding = |voice: &&mut Voice| voice.starts_secs <= at_secs && voice.ends_secs > over_secs;
        if self.strings.iter_mut().filter(sounding).count() < MAX_VOICES {
            return Ok(());
        }
        let rank = |voice: &Voice| (voice.released_secs.is_none(), voice.level(at_secs));
        let quietest = self.strings.iter_mut().filter(sounding).min_by(|a, b| {
            let ((a_is_held, a_level), (b_is_held, b_level)) = (rank(a), rank(b));
            a_is_held.cmp(&b_is_held).then(a_level.total_cmp(&b_level))
        });
        quietest.map_or(Ok(()), |voice| voice.fade(at_secs, STEAL_SECS))
    }
}

/// One string, from its strike to silence.
#[derive(Debug)]
struct Voice {
    pitch: Pitch,
    source: AudioBufferSourceNode,
    gain: GainNode,
    level: f64,
    starts_secs: f64,
    released_secs: Option<f64>,
    /// When it begins to fade, if it does.
    fades_secs: Option<f64>,
    ends_secs: f64,
    /// When the sample is over.
    sample_ends_secs: f64,
}

impl Voice {
    fn new(
        context: &BaseAudioContext,
        to: &AudioNode,
        pitch: Pitch,
        sound: &Sound,
        at_secs: f64,
    ) -> Result<Self, JsValue> {
        let (source, gain) = (context.create_buffer_source()?, context.create_gain()?);
        source.set_buffer(Some(&sound.buffer));
        source.playback_rate().set_value(sound.rate);
        gain.gain().set_value(sound.gain);
        source.connect_with_audio_node(&gain)?;
        gain.connect_with_audio_node(to)?;
        source.start_with_when(at_secs)?;
        let ends_secs = at_secs + sound.buffer.duration() / f64::from(sound.rate);
        let level = f64::from(sound.gain);
        Ok(Self {
            pitch,
            source,
            gain,
            level,
            starts_secs: at_secs,
            released_secs: None,
            fades_secs: None,
            ends_secs,
            sample_ends_secs: ends_secs,
        })
    }

    /// Decays from this time on.
    fn fade(&mut self, at_secs: f64, time_constant_secs: f64) -> Result<(), JsValue> {
        self.gain.gain().set_target_at_time(0.0, at_secs, time_constant_secs)?;
        self.fades_secs.get_or_insert(at_secs);
        let ends_secs = at_secs + TIME_CONSTANTS * time_constant_secs;
        if ends_secs < self.ends_secs {
            // The base class's method: the binding of the class's own is deprecated.
            let source: &AudioScheduledSourceNode = &self.source;
            source.stop_with_when(ends_secs)?;
            self.ends_secs = ends_secs;
        }
        Ok(())
    }

    /// Undoes a fade that was to begin at a time or later.
    fn take_back(&mut self, from_secs: f64) -> Result<(), JsValue> {
        if self.fades_secs.is_none_or(|secs| secs < from_secs) {
            return Ok(());
        }
        self.gain.gain().cancel_scheduled_values(from_secs)?;
        // The last call counts, as long as the sample has not stopped.
        let source: &AudioScheduledSourceNode = &self.source;
        source.stop_with_when(self.sample_ends_secs)?;
        (self.fades_secs, self.released_secs, self.ends_secs) = (None, None, self.sample_ends_secs);
        Ok(())
    }

    /// Its approximate level at a time.
    fn level(&self, at_secs: f64) -> f64 {
        let decay_secs = (3.0 - 0.028 * (f64::from(self.pitch.get()) - 21.0)).max(0.4);
        let released =
            self.released_secs.map_or(0.0, |secs| (at_secs - secs).max(0.0) / damper_secs(self.pitch));
        self.level * (-(at_secs - self.starts_secs) / decay_secs - released).exp()
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        disconnect([self.source.as_ref(), self.gain.as_ref()]);
    }
}

/// Time constant of a damped string: long low strings take longer.
fn damper_secs(pitch: Pitch) -> f64 {
    let height = ((f64::from(pitch.get()) - 21.0) / 67.0).clamp(0.0, 1.0);
    0.16 - 0.10 * height
}
