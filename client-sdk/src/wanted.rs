//! What a participant takes from each other one.

use std::collections::{HashMap, HashSet};

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

/// What is taken from a participant: the wanted media and data, or nothing if it may not publish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Taken {
    pub(crate) media: Wanted,
    pub(crate) data: bool,
}

impl Taken {
    pub(crate) const EVERYTHING: Self = Self { media: Wanted::EVERYTHING, data: true };
}

/// What is taken from each participant.
#[derive(Debug)]
pub(crate) struct Wants {
    usual: Wanted,
    /// The participants for which it is not the default.
    of: HashMap<ParticipantId, Wanted>,
    /// The participants that may not publish.
    silenced: HashSet<ParticipantId>,
}

impl Wants {
    pub(crate) fn new(usual: Wanted) -> Self {
        Self { usual, of: HashMap::new(), silenced: HashSet::new() }
    }

    pub(crate) fn of(&self, participant: ParticipantId) -> Taken {
        if self.silenced.contains(&participant) {
            return Taken { media: Wanted::NOTHING, data: false };
        }
        let media = self.of.get(&participant).copied().unwrap_or(self.usual);
        Taken { media, data: true }
    }

    /// Sets the wanted media of a participant; `false` if the same is taken as before.
    pub(crate) fn change(&mut self, participant: ParticipantId, wanted: Wanted) -> bool {
        let before = self.of(participant);
        self.of.insert(participant, wanted);
        self.of(participant) != before
    }

    /// Sets whether a participant may publish; `false` if the same is taken as before.
    pub(crate) fn permit(&mut self, participant: ParticipantId, publish: bool) -> bool {
        if publish { self.silenced.remove(&participant) } else { self.silenced.insert(participant) }
    }

    pub(crate) fn forget(&mut self, participant: ParticipantId) {
        self.of.remove(&participant);
        self.silenced.remove(&participant);
    }
}
