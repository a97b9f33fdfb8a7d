//! The way into a room, the first time and again.

use std::time::Duration;

use signal_core::wire::decode_server;
use signal_core::{ErrorCode, ServerMessage};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::error::EnterError;
use crate::ice::IceServer;
use crate::session::{Setback, Way};
use crate::signaling::Signaling;

/// What it takes to enter a room.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) client: Client,
    pub(crate) room_id: String,
    pub(crate) token: String,
    pub(crate) rejoin: Rejoin,
    /// For how long entering may take.
    pub(crate) patience: Duration,
}

/// What gets a token where the one there is has been refused.
#[derive(Clone)]
pub(crate) enum Rejoin {
    /// The creator's access token, which opens its own room.
    AccessToken(String),
    /// Nothing: the token was handed in from outside.
    Impossible,
    /// What the room was joined with.
    Pass { pass: Pass, display_name: String },
}

/// What opens a room.
#[derive(Clone)]
pub(crate) enum Pass {
    Invite(String),
    Password(String),
}

/// What becomes of the seat if entering is given up.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Seat {
    /// It is kept.
    Known,
    /// It is given back.
    New,
}

/// A signaling connection and what came over it first.
pub(crate) struct Entered {
    pub(crate) signaling: Signaling,
    pub(crate) first: ServerMessage,
    /// The token that the seat was taken with.
    pub(crate) token: String,
}

impl Entered {
    /// The ICE servers that came with the welcome, from servers that tell them there.
    pub(crate) fn ice_servers(&self) -> Option<Vec<IceServer>> {
        match &self.first {
            ServerMessage::Joined { welcome: Some(welcome), .. } => IceServer::list(&welcome.ice),
            _ => None,
        }
    }
}

impl Door {
    /// Enters for the first time.
    pub(crate) async fn enter(&self) -> Result<Entered, EnterError> {
        let url = self.client.signaling_url(&self.room_id, &self.token);
        timeout(self.patience, self.open(&url, Seat::New)).await.map_err(|_| EnterError::Timeout)?
    }

    /// Enters again, after a while.
    pub(crate) async fn enter_again(
        mut self,
        way: Way,
        after: Duration,
    ) -> Result<Entered, Setback> {
        sleep(after).await;
        timeout(self.patience, self.try_way(way))
            .await
            .unwrap_or_else(|_| Err(Setback::Unreachable { reason: "no answer in time".into() }))
    }

    async fn try_way(&mut self, way: Way) -> Result<Entered, Setback> {
        let url = match way {
            Way::Attach => self.client.signaling_url(&self.room_id, &self.token),
            Way::Join => {
                self.renew_token().await?;
                self.client.signaling_url(&self.room_id, &self.token)
            }
            Way::Resume { token, last_seq } => {
                self.client.resume_url(&self.room_id, &token, last_seq)
            }
        };
        self.open(&url, Seat::Known).await.map_err(|error| match error {
            EnterError::Refused { code, message } => Setback::Refused { code, reason: message },
            error => Setback::Unreachable { reason: error.to_string() },
        })
    }

    async fn renew_token(&mut self) -> Result<(), Setback> {
        match &self.rejoin {
            Rejoin::AccessToken(token) => self.token.clone_from(token),
            Rejoin::Impossible => {
                let reason = "the token is not accepted any more".into();
                return Err(Setback::Refused { code: ErrorCode::TokenExpired.to_string(), reason });
            }
            Rejoin::Pass { pass, display_name } => {
                let joined = self.client.ask(&self.room_id, pass, display_name).await;
                self.token = joined
                    .map_err(|error| {
                        let reason = error.to_string();
                        match error.code() {
                            Some(code) => Setback::Refused { code: code.to_owned(), reason },
                            None => Setback::Unreachable { reason },
                        }
                    })?
                    .ws_token;
            }
        }
        Ok(())
    }

    /// Connects and waits for the server's first message, which says how things stand or why not.
    async fn open(&self, url: &str, seat: Seat) -> Result<Entered, EnterError> {
        let mut signaling = self.client.connect(url).await.map_err(EnterError::Signaling)?;
        if seat == Seat::Known {
            // Whether or not this attempt comes to an end in time, the next one wants it.
            signaling.keep_seat();
        }
        loop {
            let frame =
                signaling.next().await.map_err(|ended| EnterError::Signaling(ended.reason))?;
            match decode_server(&frame) {
                Ok(first @ (ServerMessage::Joined { .. } | ServerMessage::Resumed(_))) => {
                    return Ok(Entered { signaling, first, token: self.token.clone() });
                }
                Ok(ServerMessage::Error { code, message, .. }) => {
                    return Err(EnterError::Refused { code: code.to_string(), message });
                }
                Ok(other) => tracing::debug!(?other, "before `joined`"),
                Err(error) => {
                    let reason = format!("the first message is not understood: {error}");
                    return Err(EnterError::Signaling(reason));
                }
            }
        }
    }
}
