//! Enters a room of the server over a WebSocket, and learns the ICE servers of participants.

use std::time::Duration;

use signal_core::ice::IceServer;
use tokio::time::timeout;

use super::finding::{Findings, Outcome};
use super::server;
use crate::api::{JoinCredential, NewRoom, OnCreatorLeave};
use crate::cli::target::{Key, Target};
use crate::client::Client;
use crate::error::{EnterError, NetworkError, RequestError};
use crate::event::Event;
use crate::options::Options;

/// The credential that admits this program to a room.
pub(super) enum Credential {
    /// Creates a room of its own.
    AccessToken(String),
    Join {
        room: String,
        credential: JoinCredential,
    },
    WsToken {
        room: String,
        token: String,
    },
    Nothing,
}

impl Credential {
    pub(super) fn of(
        target: Option<Target>,
        password: Option<String>,
        token: Option<String>,
    ) -> Self {
        let Some(Target { room, key, .. }) = target else {
            return token.map_or(Self::Nothing, Self::AccessToken);
        };
        match (key, password) {
            (Some(Key::Invite(invite)), _) => {
                Self::Join { room, credential: JoinCredential::InviteToken(invite.token) }
            }
            (Some(Key::WsToken(token)), _) => Self::WsToken { room, token },
            (None, Some(password)) => {
                Self::Join { room, credential: JoinCredential::Password(password) }
            }
            (None, None) => Self::Nothing,
        }
    }
}

/// The ICE servers that a participant of this server gets.
pub(super) async fn check(
    client: &Client,
    credential: Credential,
    options: &Options,
    findings: &mut Findings,
) -> Option<Vec<IceServer>> {
    let (room, token, listed) = match credential {
        Credential::Nothing => {
            let why = "needs a link that opens a room, its password in ROOM_BOT_PASSWORD, or, \
                       without a room, an access token in ROOM_BOT_TOKEN";
            findings.add("room", "", Outcome::Skipped(why.into()));
            return None;
        }
        Credential::WsToken { room, token } => (room, token, Vec::new()),
        Credential::Join { room, credential } => {
            match client.api.join_room(&room, &credential, NAME).await {
                Ok(joined) => {
                    findings.add("room", &*room, Outcome::Passed("lets this program in".into()));
                    (room, joined.ws_token, joined.ice_servers)
                }
                Err(error) => return refused("room", &room, &error, findings),
            }
        }
        Credential::AccessToken(token) => {
            let new = NewRoom {
                name: Some(NAME.into()),
                expires_minutes: Some(5),
                on_creator_leave: Some(OnCreatorLeave::Close),
                ..NewRoom::default()
            };
            match client.create_room(&token, &new).await {
                Ok(room) => {
                    let of = room.room_id.clone();
                    let created = "created, to be closed again".to_owned();
                    findings.add("room", &*of, Outcome::Passed(created));
                    let servers = enter(
                        client,
                        &of,
                        room.ws_token.as_ref().unwrap_or(&token),
                        room.ice_servers,
                        options,
                        findings,
                    )
                    .await;
                    // The room is closed already, unless it was never entered.
                    let _ = client.close_room(&token, &of).await;
                    return servers;
                }
                Err(error) => return refused("room", "", &error, findings),
            }
        }
    };
    enter(client, &room, &token, listed, options, findings).await
}

async fn enter(
    client: &Client,
    room: &str,
    token: &str,
    listed: Vec<IceServer>,
    options: &Options,
    findings: &mut Findings,
) -> Option<Vec<IceServer>> {
    let mut participant = match client.enter(room, token, listed.clone(), options.clone()).await {
        Ok(participant) => participant,
        Err(EnterError::Request(error)) => return refused("websocket", room, &error, findings),
        Err(error) => {
            findings.add("websocket", room, Outcome::failed(error, BEFORE_SOCKET));
            return None;
        }
    };
    findings.add(
        "websocket",
        room,
        Outcome::Passed(format!("in the room as {}", participant.id())),
    );
    // v2 announces the servers again, with newer credentials.
    let told = async {
        loop {
            if let Event::IceServers(servers) = participant.next_event().await? {
                break Some(servers);
            }
        }
    };
    let told = timeout(TELLING, told).await.ok().flatten();
    participant.leave().await;
    Some(told.unwrap_or(listed))
}

fn refused(
    check: &'static str,
    of: &str,
    error: &RequestError,
    findings: &mut Findings,
) -> Option<Vec<IceServer>> {
    let advice = match (error, error.code()) {
        (RequestError::Network(NetworkError { failure, .. }), _) => server::advice(failure),
        (RequestError::WrongPath { .. }, _) => "Check the path of the address, if it has one.",
        (_, Some("unauthorized")) => "Get another access token: this one is not valid there.",
        (_, Some("wrong_password")) => "Check the password in ROOM_BOT_PASSWORD.",
        (_, Some("invite_void")) => "Ask for a new link: the password was changed since.",
        (_, Some("room_not_found" | "room_expired")) => {
            "Check the id of the room: no such room is open."
        }
        (_, Some(_)) => "Try another room, or later.",
        (_, None) => BEFORE_SOCKET,
    };
    findings.add(check, of, Outcome::failed(error, advice));
    None
}

const NAME: &str = "room-bot doctor";
const TELLING: Duration = Duration::from_secs(2);
const BEFORE_SOCKET: &str =
    "A proxy in front of the server has to pass on WebSockets (the header Upgrade).";
