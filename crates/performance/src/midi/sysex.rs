//! What system exclusive messages say about the parts of a sound module.

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setup {
    /// Everything as a standard has it.
    System(System),
    /// A channel becomes a drum kit, or a melody instrument.
    Part { system: System, channel: u8, is_drums: bool },
    /// A channel's bank, as its controller 0 has it.
    Bank { channel: u8, msb: u8 },
}

/// The standard that a file asks for. They differ in what a bank means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum System {
    /// None that is known, or General MIDI, which has no banks.
    #[default]
    General,
    /// General MIDI 2: bank 120 is drums, 121 melody.
    General2,
    /// Roland GS: a message turns a part into drums; bank 127 has the sounds of the MT-32.
    Gs,
    /// Yamaha XG: banks 126 and 127 are drums, all others melody.
    Xg,
}

/// Reads a message without its frame of F0 and F7.
pub(super) fn read(data: &[u8]) -> Option<Setup> {
    match *data {
        [0x7E, _, 0x09, 0x01, ..] => Some(Setup::System(System::General)),
        [0x7E, _, 0x09, 0x03, ..] => Some(Setup::System(System::General2)),
        // GS reset, and the SC-88's choice of mode.
        [0x41, _, 0x42, 0x12, 0x40 | 0x00, 0x00, 0x7F, 0x00 | 0x01, ..] => Some(Setup::System(System::Gs)),
        [0x41, _, 0x42, 0x12, 0x40, block @ 0x10..=0x1F, 0x15, mode, ..] => {
            Some(Setup::Part { system: System::Gs, channel: gs_channel(block & 0x0F), is_drums: mode != 0 })
        }
        // XG on, and all parameters as they were.
        [0x43, 0x10..=0x1F, 0x4C, 0x00, 0x00, 0x7E | 0x7F, 0x00, ..] => Some(Setup::System(System::Xg)),
        [0x43, 0x10..=0x1F, 0x4C, 0x08, channel @ 0x00..=0x0F, 0x07, mode, ..] => {
            Some(Setup::Part { system: System::Xg, channel, is_drums: mode != 0 })
        }
        [0x43, 0x10..=0x1F, 0x4C, 0x08, channel @ 0x00..=0x0F, 0x01, msb, ..] => {
            Some(Setup::Bank { channel, msb })
        }
        _ => None,
    }
}

/// GS counts the drum part, on the tenth channel, before the others.
fn gs_channel(block: u8) -> u8 {
    match block {
        0 => 9,
        1..=9 => block - 1,
        _ => block,
    }
}
