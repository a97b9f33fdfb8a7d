//! What a participant learns about its room.

mod queue;
mod subject;

use std::time::Duration;

use bytes::Bytes;
use signal_core::{IceServer, ParticipantId, ParticipantInfo, RoomInfo};

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
    /// Another participant is the one who speaks, or nobody does.
    /// [The guide](crate::guide::tracks#who-speaks) says how that is decided.
    ActiveSpeaker {
        /// Who speaks; `None` if nobody does.
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
    /// Another participant's application sent a message through the server.
    Message {
        /// The sender.
        from: ParticipantId,
        /// The topic.
        topic: String,
        /// The message, a JSON value.
        data: Bytes,
    },
    /// A source could not be opened or has ended, and is no longer sent; everything else goes on.
    /// With neither audio nor video left, this participant watches and listens.
    Degraded {
        /// Where nothing is sent any more.
        slot: Slot,
        /// Why.
        reason: MediaError,
    },
    /// Another participant sent data over the default data channel. Up to 1 MiB of each participant
    /// waits to be taken; then that participant is held up.
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
    /// A file that plays [once](crate::Playback::once) has come to its end. The others keep its
    /// last frame. A source that is published in its place needs no negotiation if it has the same
    /// codec. [`Playback::seek`](crate::Playback::seek) plays it again, and
    /// [`Participant::unpublish`](crate::Participant::unpublish) ends the track.
    Ended {
        /// Where it is sent.
        slot: Slot,
    },
    /// Connections use these ICE servers from now on. Servers that speak the second version of the
    /// protocol send them at the start and whenever they renew the credentials.
    IceServers(Vec<IceServer>),
    /// The application took events too slowly, and some were dropped: messages of a sender of whom
    /// 1 MiB waited, the oldest of more than 8 tracks or 64 data channels of one participant, or
    /// what somebody sent who has left again.
    Lagged {
        /// How many were dropped.
        dropped: u64,
    },
    /// The connections that exist now are likely to need more upload than
    /// [`Options::upload_budget`]. The event repeats only after the need was below the budget in
    /// between. Nothing is done about it unless [`Options::shed_video`] is set.
    ///
    /// [`Options::shed_video`]: crate::Options::shed_video
    /// [`Options::upload_budget`]: crate::Options::upload_budget
    OverBudget {
        /// The expected cost.
        cost: MeshCost,
        /// The budget, in bits a second.
        budget: u64,
    },
    /// The room has run out of password attempts, or has all of them again; only its creator gets
    /// this event. With none left, only invites open the room, until time or
    /// [`Client::change_room`](crate::Client::change_room) restores them.
    PasswordAttempts {
        /// How many attempts are left.
        left: u8,
        /// The time until the next attempt; zero if one is possible now.
        retry_after: Duration,
    },
    /// A participant entered the room. After entering, and after [`Rejoined`](Self::Rejoined), one
    /// event comes for each participant that is there already.
    ParticipantJoined(ParticipantInfo),
    /// Somebody left the room for good.
    ParticipantLeft(ParticipantId),
    /// Something about a participant changed; fields that did not change are `None`.
    ParticipantUpdated {
        /// The participant.
        participant: ParticipantId,
        /// Its new name.
        name: Option<String>,
        /// Its new state, a JSON value.
        state: Option<Bytes>,
        /// Whether it now has a signaling connection. Its media may flow without one.
        connected: Option<bool>,
    },
    /// The signaling connection was lost and is being opened again: for as long as media flows to
    /// anybody, and for about three minutes otherwise. Media goes on.
    Reconnecting,
    /// This participant is back in the room under another id. Everybody else was announced as gone
    /// and joins again.
    Rejoined {
        /// The new id.
        id: ParticipantId,
    },
    /// The signaling connection is back, and the seat is the one from before.
    Resumed {
        /// Whether messages were lost. Negotiations that were under way start over.
        lossy: bool,
    },
    /// The room ends soon, as [`Options::expiry_notice`](crate::Options::expiry_notice) says. If
    /// its creator extends it, this is told again before its new end.
    /// [`CloseReason::RoomExpired`](crate::CloseReason::RoomExpired) tells the end itself. Servers
    /// that speak the first version of the protocol do not say when rooms end.
    RoomExpiring {
        /// The time that is left.
        left: Duration,
    },
    /// Something about the room changed: its name, its capacity, its lock or its end.
    RoomUpdated(RoomInfo),
    /// What was shared has ended by itself and is no longer sent; the video, if there is one, is
    /// back in its place.
    ShareEnded {
        /// Why.
        reason: MediaError,
    },
    /// No way leads back into the room: the server does not know it any more, or does not let this
    /// participant in. Media goes on with those it flows to, nobody else will come, and
    /// [`Closed`](Self::Closed) follows when the last connection has ended.
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
    /// What to tell instead of this event and an earlier one about the same subject that nobody has
    /// seen.
    fn replacing(self, earlier: Self) -> Self {
        match (self, earlier) {
            (
                Self::ParticipantUpdated { participant, name, state, connected },
                Self::ParticipantUpdated {
                    name: earlier_name,
                    state: earlier_state,
                    connected: earlier_connected,
                    ..
                },
            ) => Self::ParticipantUpdated {
                participant,
                name: name.or(earlier_name),
                state: state.or(earlier_state),
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
            SessionEvent::Message { from, topic, data } => Self::Message { from, topic, data },
            SessionEvent::ParticipantJoined(participant) => Self::ParticipantJoined(participant),
            SessionEvent::ParticipantLeft(id) => Self::ParticipantLeft(id),
            SessionEvent::ParticipantUpdated { participant, name, state, connected } => {
                Self::ParticipantUpdated { participant, name, state, connected }
            }
            SessionEvent::PasswordAttempts { left, retry_after } => {
                Self::PasswordAttempts { left, retry_after }
            }
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
