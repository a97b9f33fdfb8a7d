//! The address of the page where people join, for invite links.

use std::str::FromStr;

use axum::http::HeaderValue;
use signal_core::RoomId;
use thiserror::Error;
use url::Url;

/// The address that invite links begin with, like `https://example.com/join`. The links append the
/// room id to the path and put the token into the fragment. Your page at this address joins the
/// room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl(String);

/// The text is not an address that links can begin with.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected an address like https://example.com/join, without a user, a query or a fragment")]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// The origin of the page, as browsers send it.
    pub(crate) fn origin(&self) -> Option<HeaderValue> {
        let url = Url::parse(&self.0).ok()?;
        url.origin().ascii_serialization().parse().ok()
    }

    /// Makes an invite link. The token is in the fragment, which browsers do not send to servers.
    pub(crate) fn invite(&self, room: RoomId, token: &str) -> String {
        format!("{}/{room}#{token}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl)?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_plain {
            return Err(InvalidPublicUrl);
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_room_in_its_path_and_the_token_in_its_fragment() {
        for (base, link) in [
            ("https://example.com", "https://example.com/222222#token"),
            ("https://example.com/join/", "https://example.com/join/222222#token"),
            ("http://[::1]:8080", "http://[::1]:8080/222222#token"),
        ] {
            let base: PublicUrl = base.parse().unwrap();
            assert_eq!(base.invite(RoomId::from_indices([0; 6]), "token"), link);
        }
    }

    #[test]
    fn what_a_link_cannot_begin_with_is_refused() {
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://user@example.com",
            "https://:secret@example.com",
            "https://example.com?x",
            "https://example.com#x",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{text}");
        }
    }
}
