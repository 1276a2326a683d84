//! MIDI devices, through the browser's Web MIDI.

use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use performance::midi::Command;
use performance::playback::schedule::{Message, Timed};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{MidiAccess, MidiOutput, MidiPortDeviceState};

use super::Clock;
use crate::js;
use session::Notice;
use session::{Midi, Port};

const NOTE_ON: u8 = 0x90;
const NOTE_OFF: u8 = 0x80;
const CONTROL: u8 = 0xb0;
const SUSTAIN: u8 = 64;
const ALL_SOUND_OFF: u8 = 120;
const ALL_NOTES_OFF: u8 = 123;
/// Messages of the same time are sent this far apart: browsers do not keep the order of equal times, and a
/// release must not end the strike after it.
const ORDER_MS: f64 = 0.02;
/// A device that is not open after this is not going to be.
const OPEN_MS: u32 = 4000;
/// How hard keys are released; 64 is what keyboards send that do not measure it.
const RELEASE_VELOCITY: u8 = 64;

/// The browser's MIDI devices, and the subscription to changes.
#[derive(Debug)]
pub struct MidiHub {
    access: MidiAccess,
    // Called by `access` as long as it lives.
    _on_change: Closure<dyn FnMut(JsValue)>,
}

impl MidiHub {
    /// Whether the browser has Web MIDI at all.
    #[must_use]
    pub fn is_supported() -> bool {
        js::get(&js::window().navigator(), "requestMIDIAccess").is_function()
    }

    /// Whether the visitor has allowed it before, so that no question appears.
    pub async fn is_allowed_already() -> bool {
        let query = async {
            let descriptor = js_sys::Object::new();
            js_sys::Reflect::set(&descriptor, &"name".into(), &"midi".into())?;
            let permissions = js::window().navigator().permissions()?;
            JsFuture::from(permissions.query(&descriptor)?).await
        };
        // A browser that does not know this permission has not granted it.
        query.await.is_ok_and(|status| js::get(&status, "state") == "granted")
    }

    /// Asks the browser, which may ask the visitor. `on_change` is called whenever a device comes or goes.
    ///
    /// # Errors
    /// Why there are no MIDI devices.
    pub async fn open(on_change: impl Fn() + 'static) -> Result<Self, Notice> {
        if !Self::is_supported() {
            return Err(if js::is_ios() { Notice::MidiAbsentOnIos } else { Notice::MidiAbsent });
        }
        let asked = async { JsFuture::from(js::window().navigator().request_midi_access()?).await };
        let access: MidiAccess = match asked.await {
            Ok(access) => access.unchecked_into(),
            Err(error) => {
                let name = js::get(&error, "name").as_string().unwrap_or_default();
                let is_refused = name == "NotAllowedError" || name == "SecurityError";
                return Err(if is_refused {
                    Notice::MidiRefused
                } else {
                    Notice::MidiBroken { why: js::text(&error) }
                });
            }
        };
        let on_change = Closure::new(move |_: JsValue| on_change());
        access.set_onstatechange(Some(on_change.as_ref().unchecked_ref()));
        Ok(Self { access, _on_change: on_change })
    }

    /// The devices that are connected now.
    #[must_use]
    pub fn ports(&self) -> Midi {
        let port = |output: &MidiOutput| Port {
            id: output.id(),
            name: output.name().filter(|name| !name.is_empty()).unwrap_or_else(|| "MIDI device".into()),
        };
        Midi::Ports(self.outputs().iter().map(port).collect())
    }

    /// A device to play on.
    #[must_use]
    pub fn output(&self, id: &str) -> Option<MidiOut> {
        let output = self.outputs().into_iter().find(|output| output.id() == id)?;
        Some(MidiOut { output: Rc::new(output) })
    }

    fn outputs(&self) -> Vec<MidiOutput> {
        let outputs = self.access.outputs().values().into_iter().filter_map(Result::ok);
        // Not `dyn_into`: stand-ins for tests are no instances of the browser's own classes.
        let outputs = outputs.map(JsCast::unchecked_into::<MidiOutput>);
        outputs.filter(|output| output.state() != MidiPortDeviceState::Disconnected).collect()
    }
}

impl Drop for MidiHub {
    fn drop(&mut self) {
        self.access.set_onstatechange(None);
    }
}

/// One device.
#[derive(Clone, Debug)]
pub struct MidiOut {
    output: Rc<MidiOutput>,
}

impl MidiOut {
    /// Waits until the device is open: on some systems only one program can have it.
    ///
    /// # Errors
    /// If it cannot be opened, or does not answer.
    pub async fn open(&self) -> Result<(), Notice> {
        let busy = |why: String| Notice::MidiPortBusy { port: self.name(), why };
        let Some(open) = js::get(&self.output, "open").dyn_ref::<js_sys::Function>().cloned() else {
            return Ok(());
        };
        let opened = open.call0(&self.output).map_err(|error| busy(js::text(&error)))?;
        let silence = js::rejected_after(OPEN_MS, "it does not answer");
        let outcome = JsFuture::from(Promise::race(&Array::of2(&opened, &silence))).await;
        outcome.map(drop).map_err(|error| busy(js::text(&error)))
    }

    fn name(&self) -> String {
        self.output.name().filter(|name| !name.is_empty()).unwrap_or_else(|| "The MIDI device".into())
    }

    /// Passes messages on, each for its time.
    ///
    /// # Errors
    /// If the device does not take them.
    pub fn send(&self, commands: &[(u64, Command)], clock: &Clock) -> Result<(), Notice> {
        let mut last_ms = f64::NEG_INFINITY;
        for &(at_us, command) in commands {
            let at_ms = clock.page_ms(at_us).max(last_ms + ORDER_MS);
            last_ms = at_ms;
            let bytes = match command {
                Command::Key(Message::NoteOn { pitch, velocity }) => [NOTE_ON, pitch.get(), velocity.get()],
                Command::Key(Message::NoteOff { pitch }) => [NOTE_OFF, pitch.get(), RELEASE_VELOCITY],
                Command::Sustain(is_down) => [CONTROL, SUSTAIN, if is_down { 127 } else { 0 }],
            };
            self.send_bytes(bytes, at_ms)?;
        }
        Ok(())
    }

    /// Corrects messages for later that were sent and are taken back: each strike is released at once. A hold
    /// on the schedule keeps this from happening, unless the page was held up.
    ///
    /// # Errors
    /// If the device does not take them.
    pub fn take_back(&self, messages: &[Timed], clock: &Clock) -> Result<(), Notice> {
        let strikes = messages.iter().filter(|timed| matches!(timed.message, Message::NoteOn { .. }));
        // Well after the strikes that they end.
        let off = |timed: &Timed| {
            (timed.at_us + 1000, Command::Key(Message::NoteOff { pitch: timed.message.pitch() }))
        };
        self.send(&strikes.map(off).collect::<Vec<_>>(), clock)
    }

    /// Silence: `offs`, then pedal up and everything off, both at once and after the last message that
    /// the device may still hold back (browsers cannot take messages back).
    ///
    /// # Errors
    /// If the device does not take them.
    pub fn silence(&self, offs: &[Timed], clock: &Clock) -> Result<(), Notice> {
        // Well after the strikes that they end.
        let offs: Vec<(u64, Command)> =
            offs.iter().map(|off| (off.at_us + 1000, Command::Key(off.message))).collect();
        self.send(&offs, clock)?;
        let last_ms = offs.last().map_or(0.0, |&(at_us, _)| clock.page_ms(at_us));
        for at_ms in [js::now_ms(), last_ms.max(js::now_ms()) + 1.0] {
            for (index, control) in [SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF].into_iter().enumerate() {
                self.send_bytes([CONTROL, control, 0], at_ms + index as f64 * ORDER_MS)?;
            }
        }
        Ok(())
    }

    /// Drops messages that are not sent yet, where the browser can (Chrome cannot).
    pub fn clear(&self) {
        let clear = js::get(&self.output, "clear");
        if let Some(clear) = clear.dyn_ref::<js_sys::Function>() {
            // A port that is gone has nothing to drop.
            clear.call0(&self.output).ok();
        }
    }

    fn send_bytes(&self, bytes: [u8; 3], at_ms: f64) -> Result<(), Notice> {
        let data = Uint8Array::from(bytes.as_slice());
        self.output
            .send_with_timestamp(&data, at_ms)
            .map_err(|error| Notice::MidiSendFailed { port: self.name(), why: js::text(&error) })
    }
}
