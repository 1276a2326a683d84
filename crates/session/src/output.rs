//! Where the sound goes.

use performance::midi::Pedal;

use crate::Notice;

/// An output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OutputChoice {
    /// Samples, in the browser.
    #[default]
    Piano,
    /// The MIDI device with this id.
    Midi(String),
}

/// A MIDI device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The browser's name for it.
    pub id: String,
    /// Its own name.
    pub name: String,
}

/// What is known of MIDI devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Midi {
    /// The browser cannot.
    Absent,
    /// The visitor was not asked yet.
    #[default]
    NotAsked,
    /// Refused or broken; a notice said why.
    Denied,
    /// These devices are connected.
    Ports(Vec<Port>),
}

/// The outputs and the one in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// In use.
    pub choice: OutputChoice,
    /// On offer beside the piano.
    pub midi: Midi,
    /// Of MIDI devices and files; the built-in piano sounds the same.
    pub pedal: Pedal,
}

impl Outputs {
    /// Updates the ports after plugging and unplugging. When the device in use is gone, the piano takes over;
    /// returns the notice about that.
    pub fn update(&mut self, midi: Midi) -> Option<Notice> {
        self.midi = midi;
        let is_gone = match (&self.choice, &self.midi) {
            (OutputChoice::Piano, _) => false,
            (OutputChoice::Midi(id), Midi::Ports(ports)) => ports.iter().all(|port| port.id != *id),
            (OutputChoice::Midi(_), _) => true,
        };
        if is_gone {
            self.choice = OutputChoice::Piano;
        }
        is_gone.then_some(Notice::MidiUnplugged)
    }

    /// The devices that are connected.
    #[must_use]
    pub fn ports(&self) -> &[Port] {
        match &self.midi {
            Midi::Ports(ports) => ports,
            Midi::Absent | Midi::NotAsked | Midi::Denied => &[],
        }
    }
}
