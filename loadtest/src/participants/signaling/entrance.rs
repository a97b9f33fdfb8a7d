//! How a participant enters its room, and enters it again.

use std::time::Instant;

use signal_core::ParticipantId;
use signal_core::message::{Missed, ParticipantInfo, ServerMessage};
use thiserror::Error;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use super::connection::Connection;
use crate::measure::latency_kind::Kind;
use crate::measure::recorder::{Fate, Recorder, Step};
use crate::network::{Socket, SocketError};
use crate::participants::world::{RoomAccess, World};
use crate::scenario::Visit;

/// The server's answer to an entry.
pub(super) struct Entered {
    pub(super) connection: Connection,
    pub(super) id: ParticipantId,
    pub(super) there: Vec<ParticipantId>,
    pub(super) resume_token: String,
    /// When it began to open its socket.
    pub(super) since: Instant,
}

/// Why an entry failed.
#[derive(Debug, Error)]
pub(super) enum EntranceError {
    #[error(transparent)]
    Request(#[from] client_sdk::RequestError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("{code}: {message}")]
    Refused { code: String, message: String },
    #[error("the server closed the socket before anybody had joined")]
    Closed,
}

/// The step of entering that goes on, and since when, so that it can be recorded whenever it is
/// given up.
pub(super) struct Progress<'a> {
    recorder: &'a Recorder,
    kind: Kind,
    since: Instant,
}

impl<'a> Progress<'a> {
    pub(super) fn new(recorder: &'a Recorder, intended: Instant) -> Self {
        Self { recorder, kind: Kind::HttpJoin, since: intended }
    }

    pub(super) fn give_up(&self, fate: Fate, now: Instant) {
        self.recorder.unanswered(self.kind, self.since, fate, now);
    }

    fn done(&mut self, started: Instant, next: Kind) {
        let now = Instant::now();
        self.recorder.answered(self.kind, Step { intended: self.since, started, ended: now });
        self.begin(next, now);
    }

    fn begin(&mut self, kind: Kind, now: Instant) {
        (self.kind, self.since) = (kind, now);
    }
}

/// Joins and enters.
pub(super) async fn enter(
    world: &World,
    visit: &Visit,
    room: &RoomAccess,
    progress: &mut Progress<'_>,
) -> Result<Entered, EntranceError> {
    let client = &world.target.client;
    let token = if visit.is_creator {
        progress.begin(Kind::WebsocketOpen, Instant::now());
        room.creator.token.clone()
    } else {
        let started = Instant::now();
        let joined = client.join_room(&room.id, &room.password, "load").await?;
        progress.done(started, Kind::WebsocketOpen);
        joined.ws_token
    };
    let since = Instant::now();
    let url = client.signaling_url(&room.id, &token);
    let url = Url::parse(&url).map_err(|_| SocketError::Address)?;
    let socket = world.target.network.open(&url).await?;
    let opened = Instant::now();
    world
        .recorder
        .answered(Kind::WebsocketOpen, Step { intended: since, started: since, ended: opened });
    (progress.kind, progress.since) = (Kind::WebsocketJoined, since);
    let mut connection = Connection::new(socket, world.scenario.cut_every.is_some());
    match connection.next().await {
        Ok(ServerMessage::Joined { participant_id, participants, welcome: Some(welcome) }) => {
            progress.done(since, Kind::WebsocketJoined);
            let resume_token = welcome.resume_token.to_string();
            let there = ids(&participants);
            Ok(Entered { connection, id: participant_id, there, resume_token, since })
        }
        Ok(ServerMessage::Error { code, message, .. }) => {
            Err(EntranceError::Refused { code: code.as_str().into(), message })
        }
        Ok(_) | Err(_) => Err(EntranceError::Closed),
    }
}

/// The server's answer to a resume.
pub(super) struct Resumed {
    pub(super) socket: Socket,
    pub(super) resume_token: String,
    /// The number of the participant's messages that the server has taken; `None` for a seat that
    /// was given a snapshot.
    pub(super) taken: Option<u64>,
    /// The number of messages that it has missed for good, and is taken to have received.
    pub(super) received: Option<u64>,
}

/// Resumes a seat whose socket was lost.
pub(super) async fn resume(
    world: &World,
    room: &RoomAccess,
    resume_token: &str,
    received: u64,
) -> Result<Resumed, EntranceError> {
    let url = world.target.client.signaling_url(&room.id, resume_token);
    let mut url = Url::parse(&url).map_err(|_| SocketError::Address)?;
    url.query_pairs_mut()
        .clear()
        .append_pair("v", "2")
        .append_pair("resume", resume_token)
        .append_pair("last_seq", &received.to_string());
    let mut socket = world.target.network.open(&url).await?;
    loop {
        let text = match futures_util::StreamExt::next(&mut socket).await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            _ => return Err(EntranceError::Closed),
        };
        return match signal_core::wire::decode_server(&text.into()) {
            Ok(ServerMessage::Resumed(resumed)) => {
                let (taken, received) = match resumed.missed {
                    Missed::Replayed { received, .. } => (Some(received), None),
                    Missed::Snapshot { .. } => (None, Some(resumed.seq)),
                };
                let resume_token = resumed.resume_token.to_string();
                Ok(Resumed { socket, resume_token, taken, received })
            }
            Ok(ServerMessage::Error { code, message, .. }) => {
                Err(EntranceError::Refused { code: code.as_str().into(), message })
            }
            Ok(_) | Err(_) => Err(EntranceError::Closed),
        };
    }
}

impl EntranceError {
    /// Whether trying again can help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Closed | Self::Socket(_) => true,
            Self::Refused { code, .. } => is_passing(code),
            Self::Request(error) => error.code().is_none_or(is_passing),
        }
    }
}

fn is_passing(code: &str) -> bool {
    matches!(code, "rate_limited" | "unavailable")
}

fn ids(participants: &[ParticipantInfo]) -> Vec<ParticipantId> {
    participants.iter().map(|participant| participant.id).collect()
}
