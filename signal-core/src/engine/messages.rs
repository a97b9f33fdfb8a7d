//! Messages from and to the host.

use std::sync::Arc;

use super::Engine;
use crate::error::ErrorCode;
use crate::hub::Input;
use crate::ids::RoomId;
use crate::message::{HostMessage, HostMessageRefusal, MessageToHost};
use crate::time::Timestamp;

impl Engine {
    /// Sends a message of the host to a room, or to one participant in it. Returns the participants
    /// that do not get it, with the reason; usually none.
    ///
    /// Participants who speak v1 have no such messages: a message to a room leaves them out, and
    /// one to such a participant is refused. A participant that is still entering gets the message
    /// after its `joined`; if that fails, [`Event::Refused`](crate::Event::Refused) reports it.
    #[must_use = "these participants do not get the message"]
    pub fn send(
        &mut self,
        room: RoomId,
        message: HostMessage,
        now: Timestamp,
    ) -> Vec<HostMessageRefusal> {
        let Some(record) = self.store.room(room).map(Arc::clone) else {
            return vec![HostMessageRefusal::without_room(room, message)];
        };
        self.refusals = Some(Vec::new());
        self.input(Input::HostMessage { record, message }, now);
        self.refusals.take().unwrap_or_default()
    }

    /// Takes the next message to the host; none without
    /// [`EngineConfig::max_message_bytes`](crate::EngineConfig::max_message_bytes). Answer it with
    /// [`send`](Self::send) or [`refuse`](Self::refuse), or not at all.
    #[must_use]
    pub fn poll_message(&mut self) -> Option<MessageToHost> {
        self.inbox.take()
    }

    /// Answers a message to the host with an error, which carries the id of the message. The
    /// participant gets it over whichever socket it has by now.
    pub fn refuse(&mut self, message: MessageToHost, code: ErrorCode, now: Timestamp) {
        self.input(Input::ToHostRefused { message, code }, now);
    }
}
