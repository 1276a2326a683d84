//! Everything that can go wrong for a visitor, as sentences: what happened, and what to do.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Something a visitor should know. `Display` is the whole sentence.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Notice {
    // --- The engine.
    /// The browser knows no WebGPU.
    #[error("This browser has no WebGPU, so the piano runs on the processor. That is fast enough to listen.")]
    NoWebGpu,
    /// WebGPU without an adapter.
    #[error(
        "This browser has WebGPU but found no GPU it would use, so the piano runs on the processor. \
         That is fast enough to listen."
    )]
    NoAdapter,
    /// WebGPU that runs on the CPU anyway.
    #[error(
        "WebGPU is emulated in software here ({adapter}), so the piano runs on the processor directly, \
         which is faster."
    )]
    SoftwareAdapter {
        /// What the adapter calls itself.
        adapter: String,
    },
    /// Opening the device failed.
    #[error("The GPU could not be opened ({why}), so the piano runs on the processor.")]
    GpuFailed {
        /// The browser's words.
        why: String,
    },
    /// A GPU whose speed is not known yet.
    #[error(
        "Whether the GPU ({adapter}) is faster is being measured; until then the piano runs on the processor."
    )]
    GpuUntried {
        /// What the adapter calls itself.
        adapter: String,
    },
    /// The GPU went away in the middle of composing.
    #[error("The GPU was lost ({why}), so the piano runs on the processor and plays on where it was.")]
    GpuLost {
        /// What is known.
        why: String,
    },
    /// Composing on the GPU is slower than on the CPU.
    #[error("The GPU ({adapter}) is slower at this than the processor, so the piano runs on the processor.")]
    GpuSlow {
        /// What the adapter calls itself.
        adapter: String,
    },
    /// The visitor wants the CPU.
    #[error("You chose the processor.")]
    CpuAsked,
    /// The weights file is not on the server.
    #[error("The model is not where it should be (the server answered {status} for {file}). Retry later.")]
    WeightsMissing {
        /// HTTP status.
        status: u16,
        /// Name of the file.
        file: String,
    },
    /// A host that answers a web page for every file that it has not.
    #[error(
        "The server has no {file}: it sent a web page instead. Retry later, or tell whoever runs this page."
    )]
    PageInstead {
        /// Name of the file.
        file: String,
    },
    /// The download broke.
    #[error("The model could not be downloaded ({why}). Check the connection, then retry.")]
    WeightsBroken {
        /// Where it broke.
        why: String,
    },
    /// Downloaded, but no weights.
    #[error("The model arrived damaged ({why}). Retry downloads it again.")]
    WeightsCorrupt {
        /// What is wrong with it.
        why: String,
    },
    /// The visitor's own file is no weights file.
    #[error("{file} cannot be used as a model: {why}. The model in use stays.")]
    ModelFileRefused {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Weights among the files that were dropped.
    #[error("{file} is a model. The piano can play with it instead of the one in use.")]
    ModelDropped {
        /// Name of the file.
        file: String,
    },
    /// Composing failed.
    #[error(
        "The network stopped composing ({why}). What was composed is kept. Press Generate to start again."
    )]
    ComposingFailed {
        /// In the engine's words.
        why: String,
    },
    /// The worker died.
    #[error(
        "The part of the page that composes has crashed ({why}). It is being restarted and goes on where it was."
    )]
    WorkerCrashed {
        /// What is known.
        why: String,
    },
    /// The worker died again and again.
    #[error(
        "The part of the page that composes keeps crashing ({why}). Reload the page; adding ?backend=cpu to \
         its address may help."
    )]
    WorkerGone {
        /// What is known.
        why: String,
    },
    /// The worker cannot be started at all.
    #[error(
        "The part of the page that composes could not be started ({why}). Reload the page, or try another browser."
    )]
    NoWorker {
        /// In the browser's words.
        why: String,
    },
    /// Changes take long until they are heard.
    #[error("This computer is a little slow: changes are heard after about {secs} s here.")]
    SlowChanges {
        /// How long, in seconds.
        secs: u64,
    },
    /// The worker said something that is not the protocol.
    #[error("The part of the page that composes said something unexpected ({why}). Reload the page.")]
    WireBroken {
        /// What is wrong with it.
        why: String,
    },
    /// Composing is slower than playing.
    #[error("This computer is a little slow for this passage: waiting to catch up.")]
    Behind,

    // --- Sound.
    /// Autoplay policy.
    #[error("Your browser is holding the sound until you press something. Press Generate again.")]
    SoundHeld,
    /// The sound's clock stands still.
    #[error(
        "This computer has no sound device, or none that runs. The music can be seen, downloaded and sent to a MIDI \
         device; it is heard as soon as there is one."
    )]
    NoSoundDevice,
    /// No audio at all.
    #[error(
        "This browser gives the page no sound ({why}). The music can still be seen, downloaded and sent to a \
         MIDI device."
    )]
    NoAudio {
        /// In the browser's words.
        why: String,
    },
    /// The sound context was taken away while playing.
    #[error("The computer took the sound away. It goes on when the sound is back; if not, press Generate.")]
    SoundInterrupted,
    /// The samples did not come.
    #[error("The piano's sound could not be loaded ({why}). Retry; until then nothing is heard.")]
    SamplesMissing {
        /// What happened.
        why: String,
    },

    // --- MIDI devices.
    /// No Web MIDI in this browser.
    #[error(
        "This browser cannot reach MIDI devices. Chrome, Edge and Firefox can. The built-in piano plays."
    )]
    MidiAbsent,
    /// No Web MIDI on this device, whichever browser is chosen.
    #[error(
        "Browsers on iPhone and iPad have no MIDI. Use Chrome, Edge or Firefox on a computer to play a device. The \
         built-in piano plays."
    )]
    MidiAbsentOnIos,
    /// The visitor or a policy said no.
    #[error(
        "The browser was not allowed to use MIDI devices. Allow it in the settings of this site, then choose \
         the output again. The built-in piano plays."
    )]
    MidiRefused,
    /// The operating system has no MIDI.
    #[error("The MIDI system of this computer could not be opened ({why}). The built-in piano plays.")]
    MidiBroken {
        /// In the browser's words.
        why: String,
    },
    /// Allowed, but nothing is connected.
    #[error("No MIDI device is connected. Plug one in and it appears in the list of outputs.")]
    MidiNoDevice,
    /// The chosen device disappeared.
    #[error("The MIDI device was unplugged. Playing on the built-in piano.")]
    MidiUnplugged,
    /// The device refused a message.
    #[error("{port} does not take messages ({why}). Playing on the built-in piano.")]
    MidiSendFailed {
        /// Name of the device.
        port: String,
        /// In the browser's words.
        why: String,
    },

    /// The device is there, and cannot be used.
    #[error(
        "{port} could not be opened ({why}). Another program may be using it: close that, then choose the device \
         again. Playing on the built-in piano."
    )]
    MidiPortBusy {
        /// Name of the device.
        port: String,
        /// In the browser's words, or that it does not answer.
        why: String,
    },

    // --- Files.
    /// More than one file at once.
    #[error(
        "Of {n} files, {file} was taken. Drop the others one at a time, or all of them where the piano is taught your \
         music."
    )]
    OneOfSeveral {
        /// Name of the file.
        file: String,
        /// How many were dropped.
        n: usize,
    },
    /// A primer that cannot be used.
    #[error("{file} {why}. {remedy}")]
    PrimerRefused {
        /// Name of the file.
        file: String,
        /// "could not be read: it stops after 120 bytes".
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A written score that is performed.
    #[error("{file} is a written score, so it is played with expression{}.", clauses(.left_out))]
    ScorePerformed {
        /// Name of the file.
        file: String,
        /// What it had and its performance has not, a clause each.
        left_out: Vec<String>,
    },
    /// A written score that waits, because the browser holds the sound, or because it was chosen as a primer.
    #[error("{file} is a written score.")]
    ScoreFound {
        /// Name of the file.
        file: String,
    },
    /// The browser could not hand over a file.
    #[error("{file} could not be opened ({why}). Choose it again.")]
    FileUnreadable {
        /// Name of the file.
        file: String,
        /// In the browser's words.
        why: String,
    },
    /// No file of sound.
    #[error("The audio could not be made ({why}). The MIDI file can be downloaded all the same.")]
    RecordingFailed {
        /// In the browser's words.
        why: String,
    },
    /// A file that carries its recipe.
    #[error("{file} carries its recipe: it is in the list of performances, and can be played and branched.")]
    RecipeFound {
        /// Name of the file.
        file: String,
    },

    // --- Sessions.
    /// A session's file was read.
    #[error("{file} was opened: {what} in the list of performances now.")]
    SessionOpened {
        /// Name of the file.
        file: String,
        /// "3 performances are".
        what: String,
    },
    /// Parts of a session are damaged.
    #[error("A part of the session is damaged: {what}. All else is there.")]
    SessionDamaged {
        /// "2 performances are missing or shorter than they were".
        what: String,
    },
    /// A session that cannot be read.
    #[error("{file} cannot be opened: {why}. What is here stays as it is.")]
    SessionRefused {
        /// Name of the file, or "The session in this browser".
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two tabs.
    #[error(
        "Another tab has this session open. This one began a new one; the other's takes are in the list."
    )]
    SessionElsewhere,
    /// The quota is used up.
    #[error(
        "The browser has no room left for performances. They stay until the tab is closed: save the session as a \
         file."
    )]
    StorageFull,
    /// No storage at all.
    #[error(
        "This browser keeps nothing for this page ({why}). Performances stay until the tab is closed: save the \
         session as a file."
    )]
    StorageRefused {
        /// In the browser's words.
        why: String,
    },

    // --- Links.
    /// A link was copied.
    #[error("The link is copied. Whoever opens it can play this performance, note for note.")]
    LinkCopied,
    /// The clipboard is closed to the page.
    #[error("The browser does not let the page copy the link ({why}). Copy it here: {link}")]
    LinkNotCopied {
        /// In the browser's words.
        why: String,
        /// The link.
        link: String,
    },
    /// More than a link can hold.
    #[error(
        "This performance does not fit into a link: its primer is longer than 30 seconds, or it was changed too \
         often. Download it as MIDI: the file brings it back here."
    )]
    LinkTooLong,
    /// A score beyond what a link can hold was left out of it.
    #[error(
        "The link is copied. The score's {n_notes} notes do not fit into it: whoever opens it drops the same score to hear \
         this performance."
    )]
    LinkCopiedWithoutScore {
        /// How many.
        n_notes: u32,
    },
    /// A link to a performance of a score that is not here.
    #[error(
        "This link performs a score of {n_notes} notes, which it does not bring. Drop that score here, and it is played so."
    )]
    LinkNeedsScore {
        /// How many notes it has.
        n_notes: u32,
    },
    /// No link, or not all of it.
    #[error("This link is damaged and was not used.")]
    LinkDamaged,
    /// A link of a later version.
    #[error(
        "This link was made with a newer version of this page. Reload the page, then open the link again."
    )]
    LinkTooNew,
    /// Other weights.
    #[error("This link was made with another model, so other music comes.")]
    LinkOtherModel,
    /// The same weights, and other tokens.
    #[error("This version plays it a little differently.")]
    LinkDiffers,

    /// A new version of the page is complete.
    #[error("A new version of this page is here. It comes with the next reload.")]
    NewVersion,
    /// A download could not be started.
    #[error("The file could not be saved ({why}). Try again, or try another browser.")]
    DownloadFailed {
        /// In the browser's words.
        why: String,
    },
}

/// ` (drums are left out)`.
fn clauses(clauses: &[String]) -> String {
    if clauses.is_empty() { String::new() } else { format!(" ({})", clauses.join("; ")) }
}

/// What a button beside a notice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Load the model again.
    ReloadModel,
    /// Load the piano's sound again.
    ReloadSamples,
    /// Take the file for a primer.
    UseAsPrimer,
    /// Play with the weights that were dropped.
    UseModel,
    /// Perform the score.
    Perform,
    /// Take the score for a primer.
    GoOn,
}

impl Remedy {
    /// What the button says.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::ReloadModel | Self::ReloadSamples => "Retry",
            Self::UseAsPrimer => "Use as a primer",
            Self::UseModel => "Use this model",
            Self::Perform => "Perform it",
            Self::GoOn => "Go on from it",
        }
    }
}

impl Notice {
    /// The buttons to offer.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::ScoreFound { .. } => vec![Remedy::Perform, Remedy::GoOn],
            _ => self.remedy().into_iter().collect(),
        }
    }

    /// The first of them.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::ScorePerformed { .. } => Some(Remedy::GoOn),
            Self::ScoreFound { .. } => Some(Remedy::Perform),
            Self::WeightsMissing { .. }
            | Self::PageInstead { .. }
            | Self::WeightsBroken { .. }
            | Self::WeightsCorrupt { .. } => Some(Remedy::ReloadModel),
            Self::ModelDropped { .. } => Some(Remedy::UseModel),
            Self::SamplesMissing { .. } => Some(Remedy::ReloadSamples),
            Self::RecipeFound { .. } => Some(Remedy::UseAsPrimer),
            _ => None,
        }
    }

    /// Whether nothing can be composed until this is dealt with.
    #[must_use]
    pub fn stops_the_engine(&self) -> bool {
        self.remedy() == Some(Remedy::ReloadModel)
            || matches!(self, Self::NoWorker { .. } | Self::WorkerGone { .. })
    }

    /// Whether `other` is news of the same kind, which replaces this one.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// What the visitor should know, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices(Vec<Notice>);

impl Notices {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[Notice] {
        &self.0
    }

    /// Shows a notice in place of an older one of the same kind.
    pub fn tell(&mut self, notice: Notice) {
        let is_last_crash = matches!(notice, Notice::WorkerGone { .. });
        self.0.retain(|earlier| {
            let is_its_crash = is_last_crash && matches!(earlier, Notice::WorkerCrashed { .. });
            !earlier.is_like(&notice) && !is_its_crash
        });
        self.0.push(notice);
    }

    /// Something was read.
    pub fn dismiss(&mut self, index: usize) {
        if index < self.0.len() {
            self.0.remove(index);
        }
    }

    /// Some news are past.
    pub fn settle(&mut self, is_past: impl Fn(&Notice) -> bool) {
        self.0.retain(|notice| !is_past(notice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_read_like_sentences() {
        let notices = [
            Notice::NoWebGpu,
            Notice::WeightsBroken { why: "the connection broke at 7 of 13 MB".into() },
            Notice::MidiUnplugged,
            Notice::PrimerRefused {
                file: "sonata.mid".into(),
                why: "could not be read: it is not a MIDI file".into(),
                remedy: "Try exporting it again.".into(),
            },
        ];
        for notice in notices {
            let sentence = notice.to_string();
            assert!(sentence.ends_with('.') && !sentence.contains(".."), "{sentence}");
        }
    }

    #[test]
    fn a_notice_survives_the_way_from_the_worker() {
        let notice = Notice::WeightsMissing { status: 404, file: "base.safetensors".into() };
        let json = serde_json::to_string(&notice).unwrap();
        assert_eq!(serde_json::from_str::<Notice>(&json).unwrap(), notice);
    }
}
