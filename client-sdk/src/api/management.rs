//! A room as its creator sees and changes it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use signal_core::ParticipantId;

use super::rooms::OnCreatorLeave;
use crate::invite::Invite;

/// A room, as its creator sees it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct RoomSummary {
    /// The id of the room.
    pub room_id: String,
    /// The name to show.
    pub name: String,
    /// The capacity.
    pub max_participants: u16,
    /// How many seats are taken, including those of participants that have lost the server.
    pub participant_count: usize,
    /// Whether newcomers are refused.
    pub locked: bool,
    /// How many password attempts are left.
    pub password_attempts_left: u8,
    /// What the creator's leave does to the room.
    pub on_creator_leave: OnCreatorLeave,
    /// When the room was created (RFC 3339).
    pub created_at: String,
    /// When the room ends (RFC 3339).
    pub expires_at: String,
}

/// A room and who is in it, as its creator sees it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct RoomDetails {
    /// The room.
    #[serde(flatten)]
    pub room: RoomSummary,
    /// The participants, oldest first.
    pub participants: Vec<ParticipantSummary>,
}

/// A participant of a room, as its creator sees it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct ParticipantSummary {
    /// The participant's id.
    #[serde(deserialize_with = "participant_id")]
    pub id: ParticipantId,
    /// The name to show.
    pub name: String,
    /// Whether this participant created the room.
    pub is_creator: bool,
    /// Whether it has a signaling connection.
    pub connected: bool,
}

/// Changes to a room. Fields that are `None` or `false` change nothing. The server applies either
/// all changes or none.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RoomChange {
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether newcomers are refused, even with an invite. Participants with a seat can come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// The capacity, 1 to 50. A smaller one removes nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u8>,
    /// The lifetime in minutes, 1 to 1440, counted from the creation of the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_minutes: Option<u16>,
    /// A new password, which voids the invite and tokens that were not used yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_password: Option<NewPassword>,
    /// Whether to restore the 20 password attempts of the room. A room allows this ten times.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restore_attempts: bool,
}

/// The new password of a room.
#[derive(Clone)]
#[non_exhaustive]
pub enum NewPassword {
    /// Six visible ASCII characters.
    Chosen(String),
    /// Six random digits.
    Random,
}

/// Leaves out the password.
impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chosen(_) => "Chosen(..)",
            Self::Random => "Random",
        })
    }
}

impl Serialize for NewPassword {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Chosen(password) => serializer.serialize_str(password),
            Self::Random => serializer.serialize_bool(true),
        }
    }
}

/// A room after a change.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ChangedRoom {
    /// The room as it is now.
    #[serde(flatten)]
    pub room: RoomSummary,
    /// The new credentials; `None` if the password was not changed.
    #[serde(flatten)]
    pub credentials: Option<RoomCredentials>,
}

/// The credentials of a room after its password was changed.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct RoomCredentials {
    /// The password.
    pub password: String,
    /// The secret part of the invite.
    pub invite_token: String,
    /// A link to the room that [`Invite`] parses; `None` from servers that do not know the address
    /// of the page.
    #[serde(default)]
    pub join_url: Option<String>,
}

impl RoomCredentials {
    /// Returns the invite to the room with that id.
    #[must_use]
    pub fn invite(&self, room_id: &str) -> Invite {
        Invite::new(room_id, &self.invite_token)
    }
}

/// Leaves out the secrets.
impl fmt::Debug for RoomCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomCredentials").finish_non_exhaustive()
    }
}

/// The rooms of a user.
#[derive(Deserialize)]
pub(super) struct RoomList {
    pub(super) rooms: Vec<RoomSummary>,
}

fn participant_id<'de, D: Deserializer<'de>>(from: D) -> Result<ParticipantId, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(serde::de::Error::custom)
}
