//! Messages between the host application and participants.

use signal_core::message::{HostMessage, HostMessageRefusal};
use signal_core::{ErrorCode, RoomId};
use thiserror::Error;

use super::ServerHandle;
use crate::shard::inbox::MessagesToHost;
use crate::shard::room_ref::RoomRef;

/// Why a message did not reach all of its receivers.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
    /// These participants do not get the message; all others do. Their connections remain open.
    #[error("{}", told(.0))]
    Refused(Vec<HostMessageRefusal>),
}

impl ServerHandle {
    /// Sends a message to a room, or to one participant in it. Its sender is `host`.
    ///
    /// Participants who speak v1 have no such messages: a message to a room leaves them out, and
    /// one to such a participant is refused. A participant that has lost its socket gets the
    /// message when it resumes.
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use signal_server::{HostMessage, Payload, RoomId, ServerHandle, Topic};
    ///
    /// fn announce(server: &ServerHandle, room: RoomId) -> Result<(), Box<dyn Error>> {
    ///     let data = Payload::new("five minutes left")?;
    ///     server.send(room, HostMessage::to_room(Topic::new("notice")?, data))?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The room does not exist or has ended, or a participant does not get the message.
    pub fn send(&self, room: RoomId, message: HostMessage) -> Result<(), SendError> {
        self.send_to(room, message)
    }

    pub(crate) fn send_to(
        &self,
        room: impl Into<RoomRef>,
        message: HostMessage,
    ) -> Result<(), SendError> {
        let room = room.into();
        let app = self.app.upgrade().ok_or(SendError::RoomNotFound)?;
        let refused = app.rooms.shards.of(room.id).send(room, message);
        let refused = refused.ok_or(SendError::RoomNotFound)?;
        let is_over = |refusal: &HostMessageRefusal| {
            matches!(refusal.code, ErrorCode::RoomClosed | ErrorCode::RoomExpired)
        };
        match refused.first() {
            None => Ok(()),
            Some(refusal) if is_over(refusal) => Err(SendError::RoomNotFound),
            Some(_) => Err(SendError::Refused(refused)),
        }
    }

    /// Returns the messages that participants send to `host` from now on. While nobody listens,
    /// participants get the error `peer_not_found`. There is one listener: a further call replaces
    /// it.
    ///
    /// ```
    /// use signal_server::{HostMessage, ServerHandle};
    ///
    /// /// Sends each message back to its sender.
    /// async fn echo(server: ServerHandle) {
    ///     let mut messages = server.messages();
    ///     while let Some(message) = messages.next().await {
    ///         let answer = HostMessage::to_one(message.participant, message.topic, message.data);
    ///         if let Err(error) = server.send(message.room, answer) {
    ///             println!("{}: {error}", message.room);
    ///         }
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn messages(&self) -> MessagesToHost {
        let app = self.app.upgrade();
        app.map_or_else(MessagesToHost::ended, |app| app.rooms.shards.messages())
    }
}

fn told(refused: &[HostMessageRefusal]) -> String {
    let told =
        refused.iter().map(|HostMessageRefusal { participant, code, .. }| match participant {
            Some(participant) => format!("{participant}: {code}"),
            None => format!("everybody: {code}"),
        });
    format!("the message was refused for {}", told.collect::<Vec<_>>().join(", "))
}
