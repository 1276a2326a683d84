//! Listening to the page: what its audio graph sends to the loudspeaker.

/// Runs before the page's own scripts: whatever is connected to the loudspeaker is connected to a meter as
/// well. The meter changes nothing in the page's graph, and it holds the last 0.7 s. In addition, a list of
/// when each sample was scheduled to begin.
pub(super) const METER: &str = "
(() => {
    const meters = [];
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
        const connected = connect.call(this, to, ...rest);
        if (to instanceof AudioDestinationNode && to.context instanceof AudioContext) {
            const meter = new AnalyserNode(to.context, { fftSize: 32768 });
            connect.call(this, meter);
            meters.push(meter);
        }
        return connected;
    };
    const onsets = [];
    const begins = new WeakMap();
    const disconnect = AudioNode.prototype.disconnect;
    AudioNode.prototype.disconnect = function (...rest) {
        // Taken back before it began: never heard.
        if (begins.get(this) > this.context.currentTime) {
            const when = begins.get(this);
            onsets.splice(onsets.lastIndexOf(when), 1);
        }
        return disconnect.apply(this, rest);
    };
    let clicked = null, firstNote = null;
    for (const act of ['click', 'drop']) {
        addEventListener(act, event => { clicked = event.timeStamp; firstNote = null; }, true);
    }
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (when, ...rest) {
        if (this.context instanceof AudioContext) {
            const now = this.context.currentTime;
            onsets.push(when ?? now);
            begins.set(this, when ?? now);
            firstNote ??= performance.now() + ((when ?? now) - now) * 1000 - clicked;
        }
        return start.call(this, when, ...rest);
    };
    // On the audio clock: the page may be too busy to notice by itself when it became silent.
    let silentAfter = null;
    addEventListener('click', event => {
        const meter = meters.at(-1);
        if (!meter) return;
        const { sampleRate } = meter.context;
        const samples = new Float32Array(32768);
        const clicked = meter.context.currentTime - (performance.now() - event.timeStamp) / 1000;
        silentAfter = null;
        const listening = setInterval(() => {
            meter.getFloatTimeDomainData(samples);
            const now = meter.context.currentTime;
            const last = samples.findLastIndex(sample => Math.abs(sample) >= 1e-3);
            // Still sounding, or between two notes.
            if (now - clicked < 0.05 || last > samples.length - 1024) return;
            const silent = now - (samples.length - 1 - last) / sampleRate;
            silentAfter = Math.max(0, (silent - clicked) * 1000);
            clearInterval(listening);
        }, 10);
    }, true);
    window.__performanceRnnSound = {
        silentAfter: () => silentAfter,
        onsets: () => onsets,
        firstNote: () => firstNote,
        firstNoteSinceOpening: () => firstNote === null ? null : clicked + firstNote,
        now: () => meters.at(-1)?.context.currentTime,
        peak() {
            const samples = new Float32Array(32768);
            let peak = 0;
            for (const meter of meters) {
                if (meter.context.state !== 'running') continue;
                meter.getFloatTimeDomainData(samples);
                for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
            }
            return peak;
        },
        states: () => meters.map(meter => meter.context.state),
    };
})();";

/// The largest sample of the last 0.7 s.
pub(super) const PEAK: &str = "window.__performanceRnnSound.peak()";

/// Milliseconds from the last click to the last sample above 1e-3; null while there may be more.
pub(super) const SILENT_AFTER: &str = "window.__performanceRnnSound.silentAfter()";

/// Milliseconds from the last click to the beginning of the first sample after it; null before there is one.
pub(super) const FIRST_NOTE: &str = "window.__performanceRnnSound.firstNote()";

/// `running`, `suspended` or `closed` per connection to the loudspeaker.
pub(super) const STATES: &str = "window.__performanceRnnSound.states().join(' ')";

/// When samples were scheduled to begin, in seconds of the audio clock.
pub(super) const ONSETS: &str = "window.__performanceRnnSound.onsets()";

/// Milliseconds from the opening of the page to the beginning of the first sample after the last click.
pub(super) const FIRST_NOTE_SINCE_OPENING: &str = "window.__performanceRnnSound.firstNoteSinceOpening()";
