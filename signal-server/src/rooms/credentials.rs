//! The credentials that open a room: its password and its invite.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use signal_core::RoomId;
use signal_core::room::TokenHash;
use signal_core::typed::parse_password;
use thiserror::Error;

use super::public_url::PublicUrl;
use crate::auth::opaque_token;

/// A new password and invite. They are returned only once, since the server keeps only hashes of
/// them.
#[derive(Clone, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RoomCredentials {
    /// The password, which has six characters; absent for a room without a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false, example = "123456"))]
    pub password: Option<String>,
    /// The invite token, which opens the room without the password.
    pub invite_token: String,
    /// A link with the invite in its fragment, if the server knows its public URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "documents",
        schema(nullable = false, example = "https://example.com/join/ABC234#MTI4IHJhbmRvbSBiaXRz")
    )]
    pub join_url: Option<String>,
}

/// A password that you choose for a room: six characters from `!` to `~` (0x21 to 0x7E).
///
/// It is parsed as it is typed: white space and invisible characters around it are removed, and
/// digits of every script are replaced. `Debug` hides it.
#[derive(Clone, Eq, PartialEq)]
pub struct RoomPassword(String);

/// The text cannot be the password of a room.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected 6 characters from ! to ~")]
pub struct InvalidPassword;

/// The choice of a new password.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum PasswordChoice {
    /// 6 random digits.
    #[default]
    Random,
    /// This password.
    This(RoomPassword),
}

impl PasswordChoice {
    /// The password, drawn anew each time if it is random.
    pub(crate) fn password(&self) -> String {
        match self {
            Self::Random => format!("{:06}", rand::random_range(0..1_000_000)),
            Self::This(RoomPassword(password)) => password.clone(),
        }
    }
}

impl FromStr for RoomPassword {
    type Err = InvalidPassword;

    fn from_str(text: &str) -> Result<Self, InvalidPassword> {
        parse_password(text).map(Self).ok_or(InvalidPassword)
    }
}

impl fmt::Debug for RoomPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomPassword(..)")
    }
}

impl RoomCredentials {
    /// Makes credentials for a room, and the hash of the invite that the room keeps.
    pub(crate) fn new(
        room: RoomId,
        password: Option<String>,
        public_url: Option<&PublicUrl>,
    ) -> (Self, TokenHash) {
        let (invite_token, invite) = opaque_token::invite();
        let join_url = public_url.map(|url| url.invite(room, &invite_token));
        (Self { password, invite_token, join_url }, invite)
    }
}

/// `Debug` hides the credentials.
impl fmt::Debug for RoomCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomCredentials(..)")
    }
}
