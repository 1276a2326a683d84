//! What each channel plays while the file goes by: drums or melody, piano or something else.

use super::sysex::{Setup, System};

/// General MIDI's drum kit, "channel 10" to people, who count from 1.
pub(super) const DRUM_CHANNEL: u8 = 9;
/// Of a MIDI cable.
pub(super) const N_CHANNELS: usize = 16;
/// General MIDI's pianos, electric ones and harpsichords among them.
const LAST_PIANO: u8 = 7;

/// The sixteen channels' parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    system: System,
    /// Whether the tenth channel is a drum kit until a file says otherwise.
    has_drum_channel: bool,
    /// What a message said; none where it is as the standard has it.
    are_drums: [Option<bool>; N_CHANNELS],
    programs: [u8; N_CHANNELS],
}

fn index(channel: u8) -> usize {
    usize::from(channel) % N_CHANNELS
}

impl Parts {
    pub(super) fn new(has_drum_channel: bool) -> Self {
        let (are_drums, programs) = ([None; N_CHANNELS], [0; N_CHANNELS]);
        Self { system: System::default(), has_drum_channel, are_drums, programs }
    }

    pub(super) fn is_drums(&self, channel: u8) -> bool {
        let by_standard = self.has_drum_channel && channel == DRUM_CHANNEL;
        self.are_drums[index(channel)].unwrap_or(by_standard)
    }

    /// Whether it is a piano, as it is until a program is chosen.
    pub(super) fn is_piano(&self, channel: u8) -> bool {
        self.programs[index(channel)] <= LAST_PIANO
    }

    pub(super) fn choose_program(&mut self, channel: u8, program: u8) {
        self.programs[index(channel)] = program;
    }

    pub(super) fn apply(&mut self, setup: Setup) {
        match setup {
            Setup::System(system) => {
                self.system = system;
                self.are_drums = [None; N_CHANNELS];
            }
            Setup::Part { system, channel, is_drums } => {
                self.system = system;
                self.are_drums[index(channel)] = Some(is_drums);
            }
            Setup::Bank { channel, msb } => {
                let part = &mut self.are_drums[index(channel)];
                match (self.system, msb) {
                    (System::Gs, 126 | 127) => {}
                    (_, 120 | 126 | 127) => *part = Some(true),
                    (_, 121) | (System::Xg, _) => *part = Some(false),
                    // Many sequencers choose bank 0 on every channel, which changes no drum kit. A channel whose
                    // bank was a kit becomes a melody again.
                    _ if channel != DRUM_CHANNEL && self.system != System::Gs => *part = None,
                    _ => {}
                }
            }
        }
    }
}
