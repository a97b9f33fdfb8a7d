//! The subjects of events. A newer event about the same subject replaces an earlier one.

use signal_core::ParticipantId;

use super::Event;
use crate::slot::Slot;

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Subject {
    ActiveSpeaker,
    Closed,
    ConnectionState(ParticipantId),
    /// One of the places for data channels of a participant.
    DataChannel(ParticipantId, usize),
    DataChannelOpen(ParticipantId),
    Degraded(Slot),
    Ended(Slot),
    IceServers,
    Joined(ParticipantId),
    Left(ParticipantId),
    OverBudget,
    PasswordAttempts,
    PermissionsChanged,
    Reconnecting,
    Rejoined,
    Resumed,
    RoomExpiring,
    RoomUpdated,
    ShareEnded,
    SignalingError(String),
    SignalingLost,
    /// One of the places for tracks of a participant.
    Track(ParticipantId, usize),
    Updated(ParticipantId),
}

impl Subject {
    /// The subject of an event; `None` for events that are never replaced, and for tracks and data
    /// channels, whose place only the queue knows.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::ActiveSpeaker { .. } => Some(Self::ActiveSpeaker),
            Event::Closed(_) => Some(Self::Closed),
            Event::ConnectionState { participant, .. } => Some(Self::ConnectionState(*participant)),
            Event::DataChannelOpen { participant } => Some(Self::DataChannelOpen(*participant)),
            Event::Degraded { slot, .. } => Some(Self::Degraded(slot.clone())),
            Event::Ended { slot } => Some(Self::Ended(slot.clone())),
            Event::IceServers(_) => Some(Self::IceServers),
            Event::OverBudget { .. } => Some(Self::OverBudget),
            Event::PasswordAttempts { .. } => Some(Self::PasswordAttempts),
            Event::ParticipantJoined(participant) => Some(Self::Joined(participant.id)),
            Event::ParticipantLeft(id) => Some(Self::Left(*id)),
            Event::ParticipantUpdated { participant, .. } => Some(Self::Updated(*participant)),
            Event::PermissionsChanged(_) => Some(Self::PermissionsChanged),
            Event::Reconnecting => Some(Self::Reconnecting),
            Event::Rejoined { .. } => Some(Self::Rejoined),
            Event::Resumed { .. } => Some(Self::Resumed),
            Event::RoomExpiring { .. } => Some(Self::RoomExpiring),
            Event::RoomUpdated(_) => Some(Self::RoomUpdated),
            Event::ShareEnded { .. } => Some(Self::ShareEnded),
            Event::SignalingError { code, .. } => Some(Self::SignalingError(code.clone())),
            Event::SignalingLost { .. } => Some(Self::SignalingLost),
            Event::Data { .. }
            | Event::DataChannel(_)
            | Event::HostMessage { .. }
            | Event::Lagged { .. }
            | Event::Message { .. }
            | Event::Track(_) => None,
        }
    }

    pub(super) fn participant(&self) -> Option<ParticipantId> {
        match self {
            Self::ConnectionState(id)
            | Self::DataChannel(id, _)
            | Self::DataChannelOpen(id)
            | Self::Joined(id)
            | Self::Left(id)
            | Self::Track(id, _)
            | Self::Updated(id) => Some(*id),
            Self::ActiveSpeaker
            | Self::Closed
            | Self::Degraded(_)
            | Self::Ended(_)
            | Self::IceServers
            | Self::OverBudget
            | Self::PasswordAttempts
            | Self::PermissionsChanged
            | Self::Reconnecting
            | Self::Rejoined
            | Self::Resumed
            | Self::RoomExpiring
            | Self::RoomUpdated
            | Self::ShareEnded
            | Self::SignalingError(_)
            | Self::SignalingLost => None,
        }
    }

    /// Whether its events hold a track or a channel, of which few may wait.
    pub(super) fn is_handle(&self) -> bool {
        matches!(self, Self::DataChannel(..) | Self::Track(..))
    }
}
