//! The requests to create and to join a room, and their answers.

use std::fmt;

use serde::{Deserialize, Serialize};
use signal_core::ice::IceServer;

use crate::invite::Invite;

/// The settings of a new room. Every field has a default.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewRoom {
    /// The name to show. The default is the creator's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The password: six visible ASCII characters. The default is six random digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The capacity, 1 to 50. The default is 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u8>,
    /// The lifetime in minutes, 1 to 1440. The default is 120.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_minutes: Option<u16>,
    /// What the creator's [`leave`](crate::Participant::leave) does to the room. The default is to
    /// close it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_creator_leave: Option<OnCreatorLeave>,
}

/// What the creator's [`leave`](crate::Participant::leave) does to a room.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OnCreatorLeave {
    /// It closes the room for everybody.
    Close,
    /// The room stays open.
    Keep,
}

/// A room that was created. Share its id and password, or its [`invite`](Self::invite).
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CreatedRoom {
    /// The id of the room.
    pub room_id: String,
    /// The password that opens the room.
    pub password: String,
    /// The name to show.
    pub name: String,
    /// The capacity.
    pub max_participants: u16,
    /// When the room ends (RFC 3339).
    pub expires_at: String,
    /// The token of the creator's seat; `None` from servers that issue none, where the access token
    /// is used instead.
    #[serde(default)]
    pub ws_token: Option<String>,
    /// The ICE servers for the creator; empty from servers that send them with `joined` only.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// The secret part of the invite; `None` from servers without invites.
    #[serde(default)]
    pub invite_token: Option<String>,
    /// A link to the room that [`Invite`] parses; `None` from servers that do not know the address
    /// of the page.
    #[serde(default)]
    pub join_url: Option<String>,
}

impl CreatedRoom {
    /// The invite, which opens the room without the password; `None` from servers without invites.
    #[must_use]
    pub fn invite(&self) -> Option<Invite> {
        let token = self.invite_token.as_ref()?;
        Some(Invite::new(&self.room_id, token))
    }
}

/// Leaves out the password and the tokens.
impl fmt::Debug for CreatedRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedRoom")
            .field("room_id", &self.room_id)
            .field("name", &self.name)
            .field("max_participants", &self.max_participants)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A room that was joined over HTTP and not yet entered.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct JoinedRoom {
    /// The id that the server has reserved. It may change: [`Participant::id`] is authoritative.
    ///
    /// [`Participant::id`]: crate::Participant::id
    pub participant_id: String,
    /// The token that takes the seat, valid for ten minutes.
    pub ws_token: String,
    /// The room's name.
    pub room_name: String,
    /// The ICE servers for this participant.
    pub ice_servers: Vec<IceServer>,
}

/// Leaves out the token.
impl fmt::Debug for JoinedRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinedRoom")
            .field("participant_id", &self.participant_id)
            .finish_non_exhaustive()
    }
}
