//! Logins of the embedder's own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use signal_core::DisplayName;

use crate::auth::token_error::TokenError;
use crate::embedder;

/// A login of one's own: sessions in a database, opaque tokens of an identity provider, whatever a browser page can
/// send as a token. See [`Identity::custom`](super::Identity::custom).
///
/// It is asked once for each request and socket that shows an access token, so by strangers as well: what is expensive
/// to find out should be remembered. It must not block; an answer is waited for 5 s, or half of
/// [`request_patience`](crate::Limits::request_patience) if that is less. If it takes longer or panics, the token cannot
/// be judged ([`TokenError::Unverifiable`]) and the log says why.
///
/// ```
/// use std::collections::HashMap;
/// use signal_server::{Authenticate, Identity, Server, TokenError, User, async_trait};
///
/// /// Who has which session.
/// struct Sessions(HashMap<String, String>);
///
/// #[async_trait]
/// impl Authenticate for Sessions {
///     async fn authenticate(&self, token: &str) -> Result<User, TokenError> {
///         // Of a database: `.await.map_err(|_| TokenError::Unverifiable)?`
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
    /// Whom an access token is for.
    ///
    /// # Errors
    ///
    /// It is for nobody, or not any more, or that cannot be found out now.
    async fn authenticate(&self, token: &str) -> Result<User, TokenError>;
}

/// Somebody who is logged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    pub(crate) subject: String,
    pub(crate) name: Option<DisplayName>,
}

impl User {
    /// A user by the name that the login has for it, and for nobody else ever. It is kept with the rooms that the user
    /// creates, and never shown to others. An empty one is nobody's: the token is taken for
    /// [invalid](TokenError::Invalid).
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), name: None }
    }

    /// The name to show to others in rooms, unless it is unfit for that: empty, or longer than 32 characters.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: DisplayName::parse(name).ok().flatten(), ..self }
    }
}

/// Somebody else's login.
#[derive(Clone)]
pub(crate) struct Login {
    login: Arc<dyn Authenticate>,
    patience: Duration,
}

impl Login {
    pub(crate) fn new(login: impl Authenticate) -> Self {
        Self { login: Arc::new(login), patience: PATIENCE }
    }

    /// Waits for no answer so long that the request which needs it would end before.
    pub(crate) fn hurry(&mut self, request_patience: Duration) {
        self.patience = PATIENCE.min(request_patience / 2);
    }

    pub(crate) async fn user(&self, token: &str) -> Result<User, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Invalid);
        }
        let answer =
            embedder::ask(self.patience, async { self.login.authenticate(token).await }).await;
        answer.unwrap_or_else(|error| {
            tracing::error!(%error, "an access token cannot be judged: the login of this application failed");
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
