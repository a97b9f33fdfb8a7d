//! Messages from the host to participants, and from participants to the host.

use std::sync::Arc;

use super::text::{RequestId, Topic};
use crate::error::ErrorCode;
use crate::identity::Identity;
use crate::ids::{ConnId, ParticipantId, RoomId, Ticket};
use crate::payload::Payload;

/// A message from the host to participants who speak v2.
///
/// Each receiver gets it after its `joined`, and once more if it resumes without having received
/// it. Messages that are handed to one hub arrive in order.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HostMessage {
    /// The participant that it is for; `None` for everybody in the room.
    pub to: Option<ParticipantId>,
    /// The topic.
    pub topic: Topic,
    /// The message, any JSON value. The limit is that of a participant's message.
    pub data: Payload,
    /// An id that is returned in a [`HostMessageRefusal`]. No participant sees it.
    pub req: Option<RequestId>,
}

/// A [`HostMessage`] was not delivered to a participant. Its connection stays as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HostMessageRefusal {
    /// The room.
    pub room: RoomId,
    /// The participant that does not get it; `None` for everybody, or for those that another node
    /// serves.
    pub participant: Option<ParticipantId>,
    /// The reason:
    ///
    /// - [`RateLimited`](ErrorCode::RateLimited): too many messages wait for this participant.
    /// - [`PeerNotFound`](ErrorCode::PeerNotFound): there is no such participant.
    /// - [`PeerUnreachable`](ErrorCode::PeerUnreachable): it speaks v1, or its node is out of
    ///   reach.
    /// - [`MessageTooLarge`](ErrorCode::MessageTooLarge): `data` is over
    ///   [`max_data_bytes`](crate::config::HubConfig::max_data_bytes).
    /// - [`RoomNotFound`](ErrorCode::RoomNotFound), [`RoomClosed`](ErrorCode::RoomClosed),
    ///   [`RoomExpired`](ErrorCode::RoomExpired): there is no such room any more.
    pub code: ErrorCode,
    /// The id of the message.
    pub req: Option<RequestId>,
}

/// A message from a participant to the host.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MessageToHost {
    /// The connection of the participant.
    pub conn: ConnId,
    /// Its room.
    pub room: RoomId,
    /// The [epoch](crate::room::Room::epoch) of its room.
    pub epoch: u64,
    /// The participant.
    pub participant: ParticipantId,
    /// The ticket that its token names. It stays the same when the participant opens another
    /// socket.
    pub ticket: Ticket,
    /// Who it is, in the host's own terms, with the attributes that it has now.
    pub identity: Arc<Identity>,
    /// The topic.
    pub topic: Topic,
    /// The message.
    pub data: Payload,
    /// The id that an error carries.
    pub req: Option<RequestId>,
}

impl HostMessage {
    /// Creates a message to everybody in a room. Participants who speak v1 are left out.
    pub fn to_room(topic: Topic, data: Payload) -> Self {
        Self { to: None, topic, data, req: None }
    }

    /// Creates a message to one participant, for example in answer to its [`MessageToHost`].
    pub fn to_one(participant: ParticipantId, topic: Topic, data: Payload) -> Self {
        Self { to: Some(participant), topic, data, req: None }
    }

    /// Sets an id, which a [`HostMessageRefusal`] returns.
    #[must_use]
    pub fn req(self, req: RequestId) -> Self {
        Self { req: Some(req), ..self }
    }
}

impl HostMessageRefusal {
    /// The refusal of a message for a room that does not exist.
    pub(crate) fn without_room(room: RoomId, message: HostMessage) -> Self {
        let HostMessage { to, req, .. } = message;
        Self { room, participant: to, code: ErrorCode::RoomNotFound, req }
    }
}
