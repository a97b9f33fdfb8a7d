//! The trait for logins of the embedding application.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use signal_core::DisplayName;

use crate::auth::token_error::TokenError;
use crate::embedder;

/// Your own login: sessions in a database, opaque tokens of an identity provider, or anything else
/// that a web page can send as a token. See [`Identity::custom`](super::Identity::custom).
///
/// The server calls it once for each request and socket with an access token, including those of
/// strangers, so cache what is expensive to look up. It must not block. The server waits 5 s for an
/// answer, or half of [`request_patience`](crate::Limits::request_patience) if that is less. If the
/// call takes longer or panics, the result is [`TokenError::Unverifiable`] and the log says why.
///
/// ```
/// use std::collections::HashMap;
/// use signal_server::{Authenticate, Identity, Server, TokenError, User, async_trait};
///
/// /// The user of each session.
/// struct Sessions(HashMap<String, String>);
///
/// #[async_trait]
/// impl Authenticate for Sessions {
///     async fn authenticate(&self, token: &str) -> Result<User, TokenError> {
///         // With a database: `.await.map_err(|_| TokenError::Unverifiable)?`
///         let name = self.0.get(token).ok_or(TokenError::Invalid)?;
///         Ok(User::new(name).named(name))
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let sessions = Sessions(HashMap::from([("a-long-random-text".to_owned(), "alice".to_owned())]));
/// let server = Server::builder(Identity::custom(sessions)).build();
/// # }
/// ```
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Verifies an access token and returns the user that it is for.
    ///
    /// # Errors
    ///
    /// The token is invalid or expired, or it cannot be verified now.
    async fn authenticate(&self, token: &str) -> Result<User, TokenError>;
}

/// A user who is logged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    pub(crate) subject: String,
    pub(crate) name: Option<DisplayName>,
}

impl User {
    /// A user with a subject, which identifies the user in the login. The login must never reuse a
    /// subject. It is stored with the rooms that the user creates, and is never shown to others.
    /// With an empty subject the token counts as [invalid](TokenError::Invalid).
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), name: None }
    }

    /// Sets the name that others see in rooms. A name that cannot be shown, because it is empty or
    /// longer than 32 characters, is ignored.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: DisplayName::parse(name).ok().flatten(), ..self }
    }
}

/// A login of the embedding application, with a timeout.
#[derive(Clone)]
pub(crate) struct Login {
    login: Arc<dyn Authenticate>,
    patience: Duration,
}

impl Login {
    pub(crate) fn new(login: impl Authenticate) -> Self {
        Self { login: Arc::new(login), patience: PATIENCE }
    }

    /// Limits the timeout to half the time that a request may take, so that the request can still
    /// be answered.
    pub(crate) fn cap_timeout(&mut self, request_patience: Duration) {
        self.patience = PATIENCE.min(request_patience / 2);
    }

    pub(crate) async fn user(&self, token: &str) -> Result<User, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Invalid);
        }
        let answer =
            embedder::ask(self.patience, async { self.login.authenticate(token).await }).await;
        answer.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot verify an access token: the custom login failed");
            Err(TokenError::Unverifiable)
        })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
