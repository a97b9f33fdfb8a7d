//! The address of the page where people join, for invite links.

use std::fmt::{self, Write};
use std::str::FromStr;

use axum::http::{HeaderValue, Uri};
use signal_core::RoomId;
use thiserror::Error;

/// The address that invite links begin with, like `https://example.com/join`. The links append the
/// room id to the path and put the token into the fragment. Your page at this address joins the
/// room. A host name that is not ASCII is written as browsers send it (`xn--…`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl {
    /// Without a slash at its end.
    base: String,
    /// The origin of the page, as browsers send it.
    origin: HeaderValue,
}

/// The text cannot be used as the start of a link.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "expected an address like https://example.com/join, with an ASCII host name and without a user, \
     a query or a fragment"
)]
pub struct InvalidPublicUrl;

impl PublicUrl {
    pub(crate) fn origin(&self) -> HeaderValue {
        self.origin.clone()
    }

    #[cfg(feature = "cli")]
    pub(crate) fn is_secure(&self) -> bool {
        self.base.starts_with("https:")
    }

    /// Whether the links can lead to the page of this crate, below whatever path a proxy serves it.
    #[cfg(feature = "cli")]
    pub(crate) fn is_of_page(&self) -> bool {
        self.base.ends_with("/join")
    }

    /// Makes an invite link. The token is in the fragment, which browsers do not send to servers.
    pub(crate) fn invite(&self, room: RoomId, token: &str) -> String {
        format!("{}/{room}#{token}", self.base)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        Self::parse(text).ok_or(InvalidPublicUrl)
    }
}

impl PublicUrl {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let default_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = uri.authority()?;
        let has_user = authority.as_str().contains('@');
        // A `Uri` silently drops the fragment.
        let has_more = uri.query().is_some() || text.contains('#');
        if has_user || has_more || authority.host().is_empty() {
            return None;
        }
        let mut origin = format!("{scheme}://{}", authority.host().to_ascii_lowercase());
        // A `Uri` accepts a port that is not a 16-bit number, and then reports none.
        if let Some(port) = authority.as_str().strip_prefix(authority.host())?.strip_prefix(':') {
            let port: u16 = port.parse().ok()?;
            if port != default_port {
                let _ = write!(origin, ":{port}");
            }
        }
        let base = format!("{origin}{}", uri.path().trim_end_matches('/'));
        Some(Self { base, origin: origin.parse().ok()? })
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
            ("https://Example.com:443/Join", "https://example.com/Join/222222#token"),
        ] {
            let base: PublicUrl = base.parse().unwrap();
            assert_eq!(base.invite(RoomId::from_indices([0; 6]), "token"), link);
        }
    }

    #[test]
    fn the_origin_is_the_one_that_browsers_send() {
        for (url, origin) in [
            ("https://example.com/join", "https://example.com"),
            ("HTTPS://Example.com:443/join/", "https://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("http://[::1]:80/", "http://[::1]"),
        ] {
            assert_eq!(url.parse::<PublicUrl>().unwrap().origin(), origin, "{url}");
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
            "https://example.com:99999",
            "https://例子.com",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{text}");
        }
    }
}
