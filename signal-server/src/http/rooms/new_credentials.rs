//! The password that a change or a ban has set.

use serde::Serialize;

use crate::rooms::credentials::RoomCredentials;

/// The new password and invite, if they were set. Either both are present or neither.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = NewRoomPass))]
pub(in crate::http) struct NewCredentials {
    /// The new password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    password: Option<String>,
    /// The new invite token, which opens the room without the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    invite_token: Option<String>,
    /// A link with the invite in its fragment, if the server knows its public URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    join_url: Option<String>,
}

impl From<RoomCredentials> for NewCredentials {
    fn from(RoomCredentials { password, invite_token, join_url }: RoomCredentials) -> Self {
        Self { password, invite_token: Some(invite_token), join_url }
    }
}
