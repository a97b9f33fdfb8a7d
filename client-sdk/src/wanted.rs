//! The media that a participant wants to receive.

use std::collections::HashMap;

use signal_core::ParticipantId;

/// Which media to receive from a participant. The other side does not send the rest.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Wanted {
    /// Whether to receive audio.
    pub audio: bool,
    /// Whether to receive video, which includes screens.
    pub video: bool,
}

impl Wanted {
    /// Audio and no video.
    pub const AUDIO: Self = Self { audio: true, video: false };
    /// Audio and video.
    pub const EVERYTHING: Self = Self { audio: true, video: true };
    /// Neither audio nor video.
    pub const NOTHING: Self = Self { audio: false, video: false };
    /// Video and no audio.
    pub const VIDEO: Self = Self { audio: false, video: true };
}

/// The wanted media of each participant.
#[derive(Debug)]
pub(crate) struct Wants {
    usual: Wanted,
    /// The participants for which it is not the default.
    of: HashMap<ParticipantId, Wanted>,
}

impl Wants {
    pub(crate) fn new(usual: Wanted) -> Self {
        Self { usual, of: HashMap::new() }
    }

    pub(crate) fn of(&self, participant: ParticipantId) -> Wanted {
        self.of.get(&participant).copied().unwrap_or(self.usual)
    }

    /// Sets the wanted media of a participant; `false` if it is the same as before.
    pub(crate) fn change(&mut self, participant: ParticipantId, wanted: Wanted) -> bool {
        let is_other = self.of(participant) != wanted;
        self.of.insert(participant, wanted);
        is_other
    }

    pub(crate) fn forget(&mut self, participant: ParticipantId) {
        self.of.remove(&participant);
    }
}
