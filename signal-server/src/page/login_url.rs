//! The address of the login that the page opens.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::Uri;
use thiserror::Error;

/// The address of your login, like `https://login.example.com/rooms`, which the page opens for
/// users who create a room; see [`Page::OpensLogin`](crate::Page::OpensLogin).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoginUrl(String);

/// The text is not the address of a login.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "expected an address like https://login.example.com/rooms without a user or a fragment; http \
     is possible on this machine only"
)]
pub struct InvalidLoginUrl;

impl LoginUrl {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LoginUrl {
    type Err = InvalidLoginUrl;

    fn from_str(text: &str) -> Result<Self, InvalidLoginUrl> {
        is_usable(text).then(|| Self(text.to_owned())).ok_or(InvalidLoginUrl)
    }
}

fn is_usable(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let host = authority.host();
    let is_private = match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_loopback(host),
        _ => false,
    };
    // A `Uri` silently drops the fragment.
    is_private && !authority.as_str().contains('@') && !text.contains('#')
}

/// Whether a host, as in a URL, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_by_tls_or_from_this_machine() {
        for text in [
            "https://login.example.com/",
            "https://login.example.com:8443/authorize?client_id=rooms",
            "http://127.0.0.1:8090/login",
            "http://[::1]/login",
            "http://localhost:8090",
        ] {
            assert_eq!(text.parse::<LoginUrl>().as_ref().map(LoginUrl::as_str), Ok(text));
        }
        for text in [
            "",
            "/login",
            "login.example.com",
            "http://login.example.com",
            "javascript:alert(1)",
            "https://user@login.example.com",
            "https://login.example.com#x",
        ] {
            assert_eq!(text.parse::<LoginUrl>(), Err(InvalidLoginUrl), "{text}");
        }
    }
}
