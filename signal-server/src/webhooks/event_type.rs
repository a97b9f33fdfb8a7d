//! The types of events, under the names that LiveKit gives them where it has them.

use serde::{Deserialize, Serialize};
use signal_core::room::event::RoomEventKind;

use crate::store::queue::Share;

/// The type of an event that is sent to a webhook.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[cfg_attr(feature = "cli", value(rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WebhookEvent {
    /// A room was created.
    RoomStarted,
    /// A room is over.
    RoomFinished,
    /// Settings of a room are different.
    RoomChanged,
    /// A participant has entered.
    ParticipantJoined,
    /// A participant has left.
    ParticipantLeft,
    /// A participant has entered again with the same token, and has another id.
    ParticipantReplaced,
    /// The socket of a participant is lost, and its seat is kept for a while.
    ParticipantDetached,
    /// A participant has a new socket.
    ParticipantResumed,
    /// A participant has another name.
    ParticipantRenamed,
    /// A participant has other attributes.
    ParticipantAttributesChanged,
    /// A participant has other permissions.
    ParticipantPermissionsChanged,
    /// The password attempts have run out.
    PasswordLocked,
    /// All password attempts are available again.
    PasswordUnlocked,
}

impl WebhookEvent {
    /// All types.
    pub const ALL: [Self; 13] = [
        Self::RoomStarted,
        Self::RoomFinished,
        Self::RoomChanged,
        Self::ParticipantJoined,
        Self::ParticipantLeft,
        Self::ParticipantReplaced,
        Self::ParticipantDetached,
        Self::ParticipantResumed,
        Self::ParticipantRenamed,
        Self::ParticipantAttributesChanged,
        Self::ParticipantPermissionsChanged,
        Self::PasswordLocked,
        Self::PasswordUnlocked,
    ];

    /// The type of an event; `None` for those that are not sent.
    pub(super) fn of(kind: &RoomEventKind) -> Option<Self> {
        Some(match kind {
            RoomEventKind::Opened => Self::RoomStarted,
            RoomEventKind::Closed { .. } => Self::RoomFinished,
            RoomEventKind::Changed(_) => Self::RoomChanged,
            RoomEventKind::Joined { .. } => Self::ParticipantJoined,
            RoomEventKind::Left { .. } => Self::ParticipantLeft,
            RoomEventKind::Replaced { .. } => Self::ParticipantReplaced,
            RoomEventKind::Detached { .. } => Self::ParticipantDetached,
            RoomEventKind::Resumed { .. } => Self::ParticipantResumed,
            RoomEventKind::Renamed { .. } => Self::ParticipantRenamed,
            RoomEventKind::AttributesChanged { .. } => Self::ParticipantAttributesChanged,
            RoomEventKind::PermissionsChanged { .. } => Self::ParticipantPermissionsChanged,
            RoomEventKind::PasswordLocked => Self::PasswordLocked,
            RoomEventKind::PasswordUnlocked => Self::PasswordUnlocked,
            _ => return None,
        })
    }

    /// How much of the queue events of this type may fill. Those that tell which rooms there are
    /// and who is in them find space although somebody causes others at will.
    pub(super) fn share(self) -> Share {
        match self {
            Self::RoomStarted
            | Self::RoomFinished
            | Self::ParticipantJoined
            | Self::ParticipantLeft
            | Self::ParticipantReplaced => Share::Whole,
            Self::RoomChanged
            | Self::ParticipantDetached
            | Self::ParticipantResumed
            | Self::ParticipantRenamed
            | Self::ParticipantAttributesChanged
            | Self::ParticipantPermissionsChanged
            | Self::PasswordLocked
            | Self::PasswordUnlocked => Share::Half,
        }
    }
}
