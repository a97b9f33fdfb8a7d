//! The default data channel to each other participant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use signal_core::ParticipantId;

use super::ChannelWriter;

/// Shared between the participant's task, which keeps it up to date, and the handle, which sends
/// without asking the task.
#[derive(Clone, Default)]
pub(crate) struct DefaultChannels(Arc<Mutex<HashMap<ParticipantId, ChannelWriter>>>);

impl DefaultChannels {
    /// Adds a channel that has opened; `false` if there is another one already.
    ///
    /// If both sides offered at once, each has created one, and data is sent over the first.
    pub(crate) fn opened(&self, to: ParticipantId, channel: ChannelWriter) -> bool {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.get(&to).is_some_and(|known| !known.is_closed()) {
            return false;
        }
        channels.insert(to, channel);
        true
    }

    /// Forgets the channel of a connection that is closed.
    pub(crate) fn closed(&self, to: ParticipantId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&to);
    }

    pub(crate) fn get(&self, to: ParticipantId) -> Option<ChannelWriter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&to).cloned()
    }
}
