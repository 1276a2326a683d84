//! What lies between the voices and the loudspeakers.
//!
//! ```text
//! voices → Bus (input → dry + reverb → fade) → Master (limiter → volume → meter) → loudspeakers
//! ```

use wasm_bindgen::JsValue;
use web_sys::{
    AnalyserNode, AudioBuffer, AudioNode, BaseAudioContext, ConvolverNode, DynamicsCompressorNode, GainNode,
};

/// Level of the voices' sum. Larger is louder until the limiter works all the time.
const BUS_GAIN: f32 = 0.5;
/// Share of the reverb. Larger is a larger hall.
const WET_GAIN: f32 = 0.12;
const REVERB_SECS: f64 = 1.8;
/// Time in which the reverb falls by a factor e.
const REVERB_DECAY_SECS: f64 = 0.32;
/// How fast a stop is. Shorter clicks; longer is heard.
const FADE_OUT_SECS: f64 = 0.02;
/// How fast the volume slider acts: fast enough to feel direct, slow enough not to click.
const VOLUME_SECS: f64 = 0.02;

/// The part that a stop drops, with the reverb's tail.
#[derive(Debug)]
pub(super) struct Bus {
    input: GainNode,
    convolver: ConvolverNode,
    wet: GainNode,
    fade: GainNode,
}

impl Bus {
    pub(super) fn new(context: &BaseAudioContext, master: &Master) -> Result<Self, JsValue> {
        let (input, wet, fade) = (context.create_gain()?, context.create_gain()?, context.create_gain()?);
        let convolver = context.create_convolver()?;
        convolver.set_buffer(Some(&master.impulse));
        input.gain().set_value(BUS_GAIN);
        wet.gain().set_value(WET_GAIN);
        input.connect_with_audio_node(&fade)?;
        input.connect_with_audio_node(&convolver)?;
        convolver.connect_with_audio_node(&wet)?;
        wet.connect_with_audio_node(&fade)?;
        fade.connect_with_audio_node(&master.limiter)?;
        Ok(Self { input, convolver, wet, fade })
    }

    pub(super) fn input(&self) -> &AudioNode {
        &self.input
    }

    pub(super) fn fade_out(&self, now_secs: f64) -> Result<(), JsValue> {
        let gain = self.fade.gain();
        gain.set_value_at_time(1.0, now_secs)?;
        gain.linear_ramp_to_value_at_time(0.0, now_secs + FADE_OUT_SECS)?;
        Ok(())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        disconnect([self.input.as_ref(), self.convolver.as_ref(), self.wet.as_ref(), self.fade.as_ref()]);
    }
}

/// The part that stays.
#[derive(Debug)]
pub(super) struct Master {
    impulse: AudioBuffer,
    limiter: DynamicsCompressorNode,
    volume: GainNode,
    meter: AnalyserNode,
}

impl Master {
    pub(super) fn new(context: &BaseAudioContext) -> Result<Self, JsValue> {
        let limiter = context.create_dynamics_compressor()?;
        limiter.threshold().set_value(-6.0);
        limiter.knee().set_value(4.0);
        limiter.ratio().set_value(20.0);
        limiter.attack().set_value(0.002);
        limiter.release().set_value(0.12);
        let (volume, meter) = (context.create_gain()?, context.create_analyser()?);
        meter.set_fft_size(2048);
        limiter.connect_with_audio_node(&volume)?;
        volume.connect_with_audio_node(&meter)?;
        meter.connect_with_audio_node(&context.destination())?;
        Ok(Self { impulse: impulse(context)?, limiter, volume, meter })
    }

    pub(super) fn set_volume(&self, volume: u8, now_secs: f64) {
        let share = f32::from(volume.min(100)) / 100.0;
        let gain = self.volume.gain();
        // Squared: ears hear ratios.
        if gain.set_target_at_time(share * share, now_secs, VOLUME_SECS).is_err() {
            gain.set_value(share * share);
        }
    }

    pub(super) fn level(&self) -> f32 {
        let mut wave = [0.0; 2048];
        self.meter.get_float_time_domain_data(&mut wave);
        wave.iter().fold(0.0, |peak, sample| sample.abs().max(peak))
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        disconnect([self.limiter.as_ref(), self.volume.as_ref(), self.meter.as_ref()]);
    }
}

/// Takes nodes out of the graph. Fails only for nodes that are not in it.
pub(super) fn disconnect<'a>(nodes: impl IntoIterator<Item = &'a AudioNode>) {
    for node in nodes {
        if let Err(error) = node.disconnect() {
            web_sys::console::debug_1(&error);
        }
    }
}

/// A small hall: two channels of decaying noise that gets darker.
fn impulse(context: &BaseAudioContext) -> Result<AudioBuffer, JsValue> {
    let rate = f64::from(context.sample_rate());
    let frames = (REVERB_SECS * rate) as usize;
    let buffer = context.create_buffer(2, frames as u32, context.sample_rate())?;
    for channel in 0..2 {
        // A linear congruential generator (Numerical Recipes): the same hall every time.
        let mut random: u32 = 22_222 + channel as u32;
        let mut smooth = 0.0;
        let mut wave = vec![0.0; frames];
        for (frame, sample) in wave.iter_mut().enumerate() {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0;
            let secs = frame as f64 / rate;
            // A one-pole low-pass that closes as the sound travels on.
            let openness = 0.15 + 0.6 * (-secs / 0.25).exp();
            smooth += openness * (noise - smooth);
            *sample = (smooth * (-secs / REVERB_DECAY_SECS).exp()) as f32;
        }
        buffer.copy_to_channel(&wave, channel)?;
    }
    Ok(buffer)
}
