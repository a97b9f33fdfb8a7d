//! Opens the signaling connection: for the first time, and again after it was lost.

use std::sync::Arc;
use std::time::Duration;

use signal_core::ErrorCode;
use signal_core::ice::IceServer;
use signal_core::message::ServerMessage;
use signal_core::wire::decode_server;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use crate::api::{Api, JoinCredential};
use crate::error::{EnterError, NetworkError, NetworkFailure, Phase, RequestError};
use crate::ice::ice_servers;
use crate::network::deadline;
use crate::session::{Reconnect, SignalingLoss};
use crate::signaling::{Ended, Signaling};

/// Everything that is needed to enter one room, now and later.
#[derive(Clone)]
pub(crate) struct SignalingConnector {
    pub(crate) api: Api,
    pub(crate) room_id: String,
    /// The token that takes the seat.
    pub(crate) token: String,
    pub(crate) rejoin: RejoinWith,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
}

/// How to get another token once the server refuses the current one.
#[derive(Clone)]
pub(crate) enum RejoinWith {
    /// The creator's access token opens its own room.
    AccessToken { token: String, leave_closes_room: bool },
    /// The room is joined again with the same credential.
    Credential { credential: JoinCredential, display_name: String },
    /// The token came from the application, and only the application can get another one.
    Nothing,
}

impl RejoinWith {
    /// Whether this is the creator of a room that closes when it leaves.
    pub(crate) fn leave_closes_room(&self) -> bool {
        matches!(self, Self::AccessToken { leave_closes_room: true, .. })
    }
}

/// What happens to the seat if an attempt is given up after the socket was opened.
#[derive(Clone, Copy, Eq, PartialEq)]
enum OnAbort {
    GiveUpSeat,
    KeepSeat,
}

/// An open signaling connection and its first message.
pub(crate) struct Connected {
    pub(crate) signaling: Signaling,
    /// `joined` or `resumed`.
    pub(crate) first: ServerMessage,
    /// The token of the seat.
    pub(crate) token: String,
}

impl Connected {
    /// The ICE servers in `joined`; `None` from servers that do not send them there.
    pub(crate) fn ice_servers(&self) -> Option<Vec<IceServer>> {
        match &self.first {
            ServerMessage::Joined { welcome: Some(welcome), .. } => ice_servers(&welcome.ice),
            _ => None,
        }
    }
}

impl SignalingConnector {
    /// Takes the seat for the first time.
    pub(crate) async fn connect(&self) -> Result<Connected, EnterError> {
        let url = self.api.attach_url(&self.room_id, &self.token);
        self.open(&url, OnAbort::GiveUpSeat, deadline(self.timeout)).await
    }

    /// Returns to the room, after a pause that `hurry` ends early.
    pub(crate) async fn reconnect(
        mut self,
        how: Reconnect,
        after: Duration,
        hurry: Arc<Notify>,
    ) -> Result<Connected, SignalingLoss> {
        // Whether the time is up or somebody hurries, the attempt follows.
        let _ = timeout(after, hurry.notified()).await;
        let deadline = deadline(self.timeout);
        let url = match how {
            Reconnect::Attach => self.api.attach_url(&self.room_id, &self.token),
            Reconnect::Join => {
                self.token = self.new_token().await?;
                self.api.attach_url(&self.room_id, &self.token)
            }
            Reconnect::Resume { token, last_seq } => {
                self.api.resume_url(&self.room_id, &token, last_seq)
            }
        };
        self.open(&url, OnAbort::KeepSeat, deadline).await.map_err(|error| match error {
            EnterError::Refused { code, message, retry_after } => {
                SignalingLoss::Refused { code, reason: message, retry_after }
            }
            EnterError::Request(error) => loss(error),
            error => SignalingLoss::Unreachable { reason: error.to_string() },
        })
    }

    async fn new_token(&self) -> Result<String, SignalingLoss> {
        match &self.rejoin {
            RejoinWith::AccessToken { token, .. } => Ok(token.clone()),
            RejoinWith::Credential { credential, display_name } => {
                let joined = self.api.join_room(&self.room_id, credential, display_name).await;
                Ok(joined.map_err(loss)?.ws_token)
            }
            RejoinWith::Nothing => {
                let reason = "the token is not accepted any more".into();
                let code = ErrorCode::TokenExpired.to_string();
                Err(SignalingLoss::Refused { code, reason, retry_after: None })
            }
        }
    }

    /// Opens the socket and waits for the server's first message: the room, or an error.
    async fn open(
        &self,
        url: &Url,
        on_abort: OnAbort,
        deadline: Instant,
    ) -> Result<Connected, EnterError> {
        let mut signaling = self.api.connect(url, deadline).await?;
        if on_abort == OnAbort::KeepSeat {
            // The next attempt needs the seat even if this one does not end in time.
            signaling.keep_seat();
        }
        loop {
            let Ok(next) = timeout_at(deadline, signaling.next()).await else {
                let failure = NetworkFailure::Timeout { phase: Phase::Entering };
                let url = signaling.url().to_owned();
                return Err(RequestError::from(NetworkError { url, failure }).into());
            };
            let frame = next.map_err(|Ended { code, reason }| EnterError::Closed {
                url: signaling.url().to_owned(),
                code,
                reason,
            })?;
            match decode_server(&frame) {
                Ok(first @ (ServerMessage::Joined { .. } | ServerMessage::Resumed(_))) => {
                    return Ok(Connected { signaling, first, token: self.token.clone() });
                }
                Ok(ServerMessage::Error { code, message, retry_after, .. }) => {
                    let code = code.to_string();
                    return Err(EnterError::Refused { code, message, retry_after });
                }
                Ok(other) => tracing::debug!(?other, "a message before `joined` is ignored"),
                Err(error) => {
                    let (url, reason) = (signaling.url().to_owned(), error.to_string());
                    return Err(RequestError::Protocol { url, reason }.into());
                }
            }
        }
    }
}

/// Converts a failed request to a loss of signaling.
fn loss(error: RequestError) -> SignalingLoss {
    let reason = error.to_string();
    match error {
        RequestError::Refused { code, retry_after, .. } => {
            SignalingLoss::Refused { code, reason, retry_after }
        }
        RequestError::Address { .. }
        | RequestError::Certificate(_)
        | RequestError::Network(_)
        | RequestError::Protocol { .. }
        | RequestError::Proxy { .. }
        | RequestError::Token
        | RequestError::TooLong(_)
        | RequestError::WrongPath { .. } => SignalingLoss::Unreachable { reason },
    }
}
