//! Invites, which open a room without its password.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::Url;

/// An invite to one room: the id of the room and a token. It works even while wrong passwords block
/// the password.
///
/// It parses from a link whose path ends in the room id and whose fragment is the token, like
/// `https://host/…/ABC234#token`; the fragment may also be `invite=token`. Everybody who has the
/// invite can enter, so keep it out of logs.
#[derive(Clone, Eq, PartialEq)]
pub struct Invite {
    server: Option<String>,
    pub(crate) room_id: String,
    pub(crate) token: String,
}

impl Invite {
    /// Creates an invite to the room with that id.
    #[must_use]
    pub fn new(room_id: impl Into<String>, token: impl Into<String>) -> Self {
        Self { server: None, room_id: room_id.into(), token: token.into() }
    }

    /// The origin of the link: scheme, host and port; `None` for an invite that was not parsed from
    /// a link. It is the address of the server only if the server has the origin of the page and no
    /// path prefix.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// The id of the room.
    #[must_use]
    pub fn room_id(&self) -> &str {
        &self.room_id
    }
}

/// Leaves out the token.
impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite").field("room_id", &self.room_id).finish_non_exhaustive()
    }
}

/// The text is not an invite.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not an invite: expected a link that ends in the room id, `#` and a token")]
pub struct InviteError;

impl FromStr for Invite {
    type Err = InviteError;

    fn from_str(link: &str) -> Result<Self, InviteError> {
        let url = Url::parse(link.trim()).map_err(|_| InviteError)?;
        let room_id =
            url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let fragment = url.fragment().unwrap_or_default();
        let token = fragment.strip_prefix("invite=").unwrap_or(fragment);
        if room_id.is_empty() || token.is_empty() {
            return Err(InviteError);
        }
        Ok(Self { server: Some(url.origin().ascii_serialization()), ..Self::new(room_id, token) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_the_room_and_the_token() {
        for (link, server) in [
            ("https://a.example/r/ABC234#s3-cr_et", "https://a.example"),
            (" http://[::1]:81/ABC234?x=1#invite=s3-cr_et\n", "http://[::1]:81"),
        ] {
            let invite: Invite = link.parse().unwrap();
            assert_eq!((invite.server(), invite.room_id()), (Some(server), "ABC234"));
            assert_eq!(invite.token, "s3-cr_et");
            assert_eq!(format!("{invite:?}"), r#"Invite { room_id: "ABC234", .. }"#);
        }
        assert_eq!(Invite::new("ABC234", "x").server(), None);
    }

    #[test]
    fn what_is_no_link_or_lacks_a_part_is_refused() {
        for link in [
            "",
            "ABC234#x",
            "https://a.example/#x",
            "https://a.example/ABC234",
            "https://a/ABC234#invite=",
        ] {
            assert_eq!(link.parse::<Invite>(), Err(InviteError), "{link}");
        }
    }
}
