//! The trait for logins of the host application.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue, Uri};
use signal_core::DisplayName;
use signal_core::identity::Identity;

use crate::auth::token_error::TokenError;
use crate::embedder;

/// Your own login: sessions in a database, opaque tokens of an identity provider, the cookies of
/// your application, or anything else that a request contains. See
/// [`Login::custom`](super::Login::custom).
///
/// The server calls it once for each request and socket that needs a login and has no ws token,
/// including those of strangers, so cache what is expensive to look up. The call must not block.
/// The server waits 5 s for an answer, or half of
/// [`request_patience`](crate::Limits::request_patience) if that is less. If the call takes longer
/// or panics, the result is [`TokenError::Unverifiable`] and the log says why.
///
/// # Cookies
///
/// A browser adds cookies to the requests of every page, including a hostile one that acts in its
/// visitor's name. Therefore the login sees cookies only in requests of pages that your application
/// itself served: those with `Sec-Fetch-Site: same-origin`, or with an `Origin` whose host and port
/// are those of `Host`. Cookies are removed from all other requests, including those of pages that
/// [`Origins`](crate::Origins::listed) permit and of programs that send no `Origin`. A browser that
/// sends neither header, as old ones do with `GET`, can log in only by a token.
///
/// Nothing else is removed. A login that trusts anything else that a browser adds by itself, such
/// as a client certificate or a header of an authenticating proxy, has to compare origins itself.
///
/// ```
/// use std::collections::HashMap;
/// use signal_server::{Authenticate, Login, LoginRequest, Server, TokenError, User, async_trait};
///
/// /// The user of each session.
/// struct Sessions(HashMap<String, String>);
///
/// #[async_trait]
/// impl Authenticate for Sessions {
///     async fn authenticate(&self, request: LoginRequest<'_>) -> Result<User, TokenError> {
///         let session = request.token.or(request.cookie("session")).ok_or(TokenError::Invalid)?;
///         // With a database: `.await.map_err(|_| TokenError::Unverifiable)?`
///         let name = self.0.get(session).ok_or(TokenError::Invalid)?;
///         Ok(User::new(name).named(name))
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let sessions = Sessions(HashMap::from([("a-long-random-text".to_owned(), "alice".to_owned())]));
/// let server = Server::builder(Login::custom(sessions)).build();
/// # }
/// ```
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Returns the user that a request comes from.
    ///
    /// # Errors
    ///
    /// The request has no valid login because a token is missing, invalid or expired, or the login
    /// cannot decide now.
    async fn authenticate(&self, request: LoginRequest<'_>) -> Result<User, TokenError>;
}

/// A request or the handshake of a socket, as a login sees it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct LoginRequest<'a> {
    /// The access token from `Authorization: Bearer`, or from a socket's query or subprotocol;
    /// `None` if it is missing or empty.
    pub token: Option<&'a str>,
    /// The headers, [without cookies](Authenticate#cookies) unless they come from your own page.
    pub headers: &'a HeaderMap,
    /// The path and the query, with the prefix that the router is nested under.
    pub uri: &'a Uri,
    /// The address of the client, which a [trusted proxy](crate::Builder::trusted_proxies) may
    /// report. It is `None` if your application does not provide addresses (see
    /// [`Server::router`](crate::Server::router)).
    pub address: Option<IpAddr>,
}

impl<'a> LoginRequest<'a> {
    /// The value of a cookie (RFC 6265 section 4.2.1), as it was sent.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        let lines = self.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        // Pages may set cookies that are not text; the others are still read.
        let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';'));
        pairs
            .filter_map(|pair| str::from_utf8(pair).ok()?.split_once('='))
            .find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
    }
}

/// Hides the credentials.
impl fmt::Debug for LoginRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.uri.path();
        f.debug_struct("LoginRequest")
            .field("path", &path)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A user who is logged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    pub(crate) subject: String,
    pub(crate) name: Option<DisplayName>,
    pub(crate) identity: Identity,
    pub(crate) may_create: bool,
    pub(crate) open_rooms: Option<u32>,
    pub(crate) creates_per_minute: Option<u32>,
}

impl User {
    /// A user with a subject, which identifies the user in the login. The login must never reuse a
    /// subject. It is stored with the rooms that the user creates, and is never shown to
    /// participants. With an empty subject the token counts as [invalid](TokenError::Invalid).
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            name: None,
            identity: Identity::default(),
            may_create: true,
            open_rooms: None,
            creates_per_minute: None,
        }
    }

    /// Sets the name that others see in rooms. A name that cannot be shown, because it is empty or
    /// longer than 32 characters, is ignored.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: DisplayName::parse(name).ok().flatten(), ..self }
    }

    /// Sets the identity that the user has in its own rooms, as the creator: your id of the user,
    /// which events and lists contain, and attributes, which v2 participants see. By default it is
    /// empty.
    #[must_use]
    pub fn identified(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Sets whether the user may create rooms. By default every user may; others get 403
    /// `forbidden`.
    #[must_use]
    pub fn may_create(self, may_create: bool) -> Self {
        Self { may_create, ..self }
    }

    /// Sets how many open rooms the user may have, instead of
    /// [`Limits::open_rooms`](crate::Limits::open_rooms).
    #[must_use]
    pub fn open_rooms(self, most: u32) -> Self {
        Self { open_rooms: Some(most), ..self }
    }

    /// Sets how many rooms the user may create per minute, instead of
    /// [`Limits::creates_per_minute`](crate::Limits::creates_per_minute).
    #[must_use]
    pub fn creates_per_minute(self, most: u32) -> Self {
        Self { creates_per_minute: Some(most), ..self }
    }
}

/// A login of the host application, with a timeout.
#[derive(Clone)]
pub(crate) struct CustomLogin {
    login: Arc<dyn Authenticate>,
    patience: Duration,
}

impl CustomLogin {
    pub(crate) fn new(login: impl Authenticate) -> Self {
        Self { login: Arc::new(login), patience: PATIENCE }
    }

    /// Limits the timeout to half the time that a request may take, so that the request can still
    /// be answered.
    pub(crate) fn cap_timeout(&mut self, request_patience: Duration) {
        self.patience = PATIENCE.min(request_patience / 2);
    }

    pub(crate) async fn user(&self, request: LoginRequest<'_>) -> Result<User, TokenError> {
        let answer =
            embedder::ask(self.patience, async { self.login.authenticate(request).await }).await;
        answer.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot authenticate a request: the custom login failed");
            Err(TokenError::Unverifiable)
        })
    }
}

impl fmt::Debug for CustomLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomLogin(..)")
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_beside_others_that_are_no_text() {
        let mut headers = HeaderMap::new();
        for line in [&b"theme=dark; name=\xff; session=abc=; empty="[..], b" other = 1"] {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        let uri = Uri::default();
        let request = LoginRequest { token: None, headers: &headers, uri: &uri, address: None };
        let cookies =
            ["session", "empty", "other", "name", "none"].map(|name| request.cookie(name));
        assert_eq!(cookies, [Some("abc="), Some(""), Some("1"), None, None]);
    }
}
