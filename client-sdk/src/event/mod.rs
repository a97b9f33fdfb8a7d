//! The events of a participant.

mod queue;
mod subject;

use std::time::Duration;

use bytes::Bytes;
use signal_core::ice::IceServer;
use signal_core::identity::Attributes;
use signal_core::message::{ParticipantInfo, RoomInfo};
use signal_core::{ParticipantId, Permissions};

pub(crate) use self::queue::{EventQueue, Events};
use crate::channel::DataChannel;
use crate::media::MediaError;
use crate::mesh::MeshCost;
use crate::session::{CloseReason, ConnectionFailure, ConnectionState, SessionEvent};
use crate::slot::Slot;
use crate::track::RemoteTrack;

/// Something that happened in the room, in the order in which this participant learned of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The active speaker has changed. [The guide](crate::guide::tracks#who-speaks) explains how it
    /// is determined.
    ActiveSpeaker {
        /// The participant who speaks; `None` if nobody does.
        participant: Option<ParticipantId>,
    },
    /// The room is over for this participant. No event follows.
    Closed(CloseReason),
    /// The connection to another participant changed its state.
    ConnectionState {
        /// The other participant.
        participant: ParticipantId,
        /// The new state.
        state: ConnectionState,
        /// Why the connection was given up, if it was.
        failure: Option<ConnectionFailure>,
    },
    /// The host application sent a message, to this participant or to the whole room. Up to 1 MiB
    /// of these messages waits to be taken. [`Participant::send_message`] to [`Audience::Host`]
    /// answers.
    ///
    /// [`Audience::Host`]: crate::Audience::Host
    /// [`Participant::send_message`]: crate::Participant::send_message
    HostMessage {
        /// The topic.
        topic: String,
        /// The message, a JSON value.
        data: Bytes,
    },
    /// Another participant's application sent a message through the server.
    Message {
        /// The sender.
        from: ParticipantId,
        /// The topic.
        topic: String,
        /// The message, a JSON value.
        data: Bytes,
    },
    /// A source could not be opened or has ended, and is no longer sent. Everything else continues.
    /// Without audio and video, this participant watches and listens.
    Degraded {
        /// The slot in which nothing is sent any more.
        slot: Slot,
        /// The reason.
        reason: MediaError,
    },
    /// Another participant sent data over the default data channel. Up to 1 MiB of each participant
    /// waits to be taken; beyond that, the participant has to wait.
    Data {
        /// The sender.
        participant: ParticipantId,
        /// The data; the UTF-8 bytes of text.
        data: Bytes,
    },
    /// Another participant opened a named data channel.
    DataChannel(DataChannel),
    /// The default data channel to another participant is open.
    DataChannelOpen {
        /// The other participant.
        participant: ParticipantId,
    },
    /// A file that plays [once](crate::Playback::once) has come to its end. The others still see
    /// its last frame. Publishing a source of the same codec in its place needs no negotiation.
    /// [`Playback::seek`](crate::Playback::seek) plays it again, and
    /// [`Participant::unpublish`](crate::Participant::unpublish) ends the track.
    Ended {
        /// The slot of the file.
        slot: Slot,
    },
    /// Connections use these ICE servers from now on. In v2 they arrive on entry, when this
    /// participant renews the credentials, and when the room is extended.
    IceServers(Vec<IceServer>),
    /// The application took events too slowly, and some were dropped: messages of a participant, or
    /// of the host application, with 1 MiB waiting, the oldest of more than 16 tracks or 64 data
    /// channels of one participant, or events of a participant that has left again.
    Lagged {
        /// The number of dropped events.
        dropped: u64,
    },
    /// The connections that exist now are likely to need more upload than
    /// [`Options::upload_budget`]. The event repeats only after the need has fallen below the
    /// budget in between. It has no other effect unless [`Options::shed_video`] is set.
    ///
    /// [`Options::shed_video`]: crate::Options::shed_video
    /// [`Options::upload_budget`]: crate::Options::upload_budget
    OverBudget {
        /// The expected cost.
        cost: MeshCost,
        /// The budget, in bits a second.
        budget: u64,
    },
    /// The password attempts of the room have run out, or all of them are available again. Only the
    /// creator gets this event. Without attempts, only invites open the room, until time or
    /// [`Client::change_room`](crate::Client::change_room) restores them.
    PasswordAttempts {
        /// How many attempts are left.
        left: u8,
        /// The time until the next attempt; zero if one is possible now.
        retry_after: Duration,
    },
    /// A participant entered the room. After entering, and after [`Rejoined`](Self::Rejoined),
    /// there is one event for each participant that is already in the room.
    ParticipantJoined(ParticipantInfo),
    /// A participant left the room for good.
    ParticipantLeft(ParticipantId),
    /// Something about a participant changed; fields that did not change are `None`.
    ParticipantUpdated {
        /// The participant.
        participant: ParticipantId,
        /// Its new name.
        name: Option<String>,
        /// Its new state, a JSON value.
        state: Option<Bytes>,
        /// Its new attributes, which the host application has set; empty if it has none any more.
        attributes: Option<Attributes>,
        /// Whether it may now send media and data. While it may not, nothing of it is delivered:
        /// its tracks end, and its data is dropped.
        publish: Option<bool>,
        /// Whether it now has a signaling connection. Its media may flow without one.
        connected: Option<bool>,
    },
    /// The permissions of this participant have changed. [`Participant::permissions`] also returns
    /// what it may do after entering.
    ///
    /// [`Participant::permissions`]: crate::Participant::permissions
    PermissionsChanged(Permissions),
    /// The signaling connection was lost and is being reopened, for as long as media flows to
    /// anybody, and otherwise for about three minutes. Media continues.
    Reconnecting,
    /// This participant is back in the room under another id. Everybody else was announced as gone
    /// and joins again.
    Rejoined {
        /// The new id.
        id: ParticipantId,
    },
    /// The signaling connection is open again, and the seat is the same as before.
    Resumed {
        /// Whether messages were lost. Negotiations that were under way start over.
        lossy: bool,
    },
    /// The room ends soon; see [`Options::expiry_notice`](crate::Options::expiry_notice). If it
    /// is extended, the event repeats before the new end.
    /// [`CloseReason::RoomExpired`](crate::CloseReason::RoomExpired) reports the end itself. In v1
    /// the server does not announce when a room ends.
    RoomExpiring {
        /// The time that is left.
        left: Duration,
    },
    /// Something about the room changed: its name, its capacity, its lock or its end.
    RoomUpdated(RoomInfo),
    /// The shared source has ended by itself and is no longer sent. The video, if there is one,
    /// takes its place again.
    ShareEnded {
        /// The reason.
        reason: MediaError,
    },
    /// This participant cannot return to the room, because the server no longer knows the room or
    /// does not admit the participant. Media on existing connections continues, no other
    /// participant will join, and [`Closed`](Self::Closed) follows when the last connection has
    /// ended.
    SignalingLost {
        /// A human-readable reason.
        reason: String,
    },
    /// The server refused something that this participant sent.
    SignalingError {
        /// The stable code.
        code: String,
        /// A human-readable reason.
        message: String,
    },
    /// Another participant's audio or video has begun to arrive.
    Track(RemoteTrack),
}

impl Event {
    /// The event that replaces this one and an unseen earlier one about the same subject.
    fn replacing(self, earlier: Self) -> Self {
        match (self, earlier) {
            (
                Self::ParticipantUpdated {
                    participant,
                    name,
                    state,
                    attributes,
                    publish,
                    connected,
                },
                Self::ParticipantUpdated {
                    name: earlier_name,
                    state: earlier_state,
                    attributes: earlier_attributes,
                    publish: earlier_publish,
                    connected: earlier_connected,
                    ..
                },
            ) => Self::ParticipantUpdated {
                participant,
                name: name.or(earlier_name),
                state: state.or(earlier_state),
                attributes: attributes.or(earlier_attributes),
                publish: publish.or(earlier_publish),
                connected: connected.or(earlier_connected),
            },
            (Self::Resumed { lossy }, Self::Resumed { lossy: earlier }) => {
                Self::Resumed { lossy: lossy || earlier }
            }
            (newer, _) => newer,
        }
    }
}

impl From<SessionEvent> for Event {
    fn from(event: SessionEvent) -> Self {
        match event {
            SessionEvent::Closed(reason) => Self::Closed(reason),
            SessionEvent::ConnectionState { participant, state, failure } => {
                Self::ConnectionState { participant, state, failure }
            }
            SessionEvent::HostMessage { topic, data } => Self::HostMessage { topic, data },
            SessionEvent::Message { from, topic, data } => Self::Message { from, topic, data },
            SessionEvent::ParticipantJoined(participant) => Self::ParticipantJoined(participant),
            SessionEvent::ParticipantLeft(id) => Self::ParticipantLeft(id),
            SessionEvent::ParticipantUpdated {
                participant,
                name,
                state,
                attributes,
                publish,
                connected,
            } => Self::ParticipantUpdated {
                participant,
                name,
                state,
                attributes,
                publish,
                connected,
            },
            SessionEvent::PasswordAttempts { left, retry_after } => {
                Self::PasswordAttempts { left, retry_after }
            }
            SessionEvent::PermissionsChanged(permissions) => Self::PermissionsChanged(permissions),
            SessionEvent::Reconnecting => Self::Reconnecting,
            SessionEvent::Rejoined { id } => Self::Rejoined { id },
            SessionEvent::Resumed { lossy } => Self::Resumed { lossy },
            SessionEvent::RoomExpiring { left } => Self::RoomExpiring { left },
            SessionEvent::RoomUpdated(room) => Self::RoomUpdated(room),
            SessionEvent::SignalingError { code, message } => {
                Self::SignalingError { code, message }
            }
            SessionEvent::SignalingLost { reason } => Self::SignalingLost { reason },
        }
    }
}
