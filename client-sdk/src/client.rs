//! The server over HTTP: create, join and close rooms.

mod builder;

use std::fmt;
use std::sync::Arc;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::builder::ClientBuilder;
use crate::door::{Door, Pass, Rejoin};
use crate::error::{EnterError, RequestError};
use crate::ice::IceServer;
use crate::invite::Invite;
use crate::options::Options;
use crate::participant::Participant;
use crate::proxy::Proxy;
use crate::signaling::Signaling;

/// A signaling server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    proxy: Option<Proxy>,
    tls: Arc<rustls::ClientConfig>,
}

/// What a room is created with; everything has a default.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewRoom {
    /// The name to show: by default the creator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Six visible ASCII characters: by default six random digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// 1 to 50: by default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u8>,
    /// 1 to 1440 minutes: by default 120.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_minutes: Option<u16>,
}

/// A room that was created: share its number and password.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CreatedRoom {
    /// The room's number.
    pub room_id: String,
    /// What opens it.
    pub password: String,
    /// The name to show.
    pub name: String,
    /// How many participants fit.
    pub max_participants: u8,
    /// When it ends (RFC 3339).
    pub expires_at: String,
    /// The token of the creator's seat, from servers that hand one out; the access token does as well.
    #[serde(default)]
    pub ws_token: Option<String>,
    /// The ICE servers for the creator, from servers that tell them here.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// What opens the room besides the password, from servers that hand it out; see [`invite`](Self::invite).
    #[serde(default)]
    pub invite_token: Option<String>,
    /// A link with that, which [`Invite`] parses, from servers that know where people join.
    #[serde(default)]
    pub join_url: Option<String>,
}

impl CreatedRoom {
    /// What to give to those who are to get in without a password, from servers that know invites.
    #[must_use]
    pub fn invite(&self) -> Option<Invite> {
        let token = self.invite_token.as_ref()?;
        Some(Invite::new(&self.room_id, token))
    }
}

/// Without what opens the room.
impl fmt::Debug for CreatedRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedRoom")
            .field("room_id", &self.room_id)
            .field("name", &self.name)
            .field("max_participants", &self.max_participants)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A room that was joined but not yet entered.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct JoinedRoom {
    /// The id that the server promised; the one to go by is [`Participant::id`].
    pub participant_id: String,
    /// The token of the seat, valid for ten minutes.
    pub ws_token: String,
    /// The name to show.
    pub room_name: String,
    /// Where connections find a way.
    pub ice_servers: Vec<IceServer>,
}

impl Client {
    /// A client of the server at that address, like `https://rooms.example.com`.
    ///
    /// # Errors
    ///
    /// The address is not one of a server.
    pub fn new(url: &str) -> Result<Self, RequestError> {
        Self::builder(url).build()
    }

    /// The same with settings: a proxy, certificate authorities, time-outs.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let client = client_sdk::Client::builder("https://rooms.example.com")
    ///     .proxy("http://proxy.example.com:3128")
    ///     .request_timeout(Duration::from_secs(5))
    ///     .build()?;
    /// # Ok::<(), client_sdk::RequestError>(())
    /// ```
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// Creates a room, as the user of that access token.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses: `unauthorized`, `invalid_argument`.
    pub async fn create_room(
        &self,
        access_token: &str,
        room: &NewRoom,
    ) -> Result<CreatedRoom, RequestError> {
        answer(self.request(Method::POST, &[]).bearer_auth(access_token).json(room)).await
    }

    /// Asks to be let into a room.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses: `wrong_password`, `room_not_found`, `room_full`, `room_expired`,
    /// `password_locked`.
    pub async fn join_room(
        &self,
        room_id: &str,
        password: &str,
        display_name: &str,
    ) -> Result<JoinedRoom, RequestError> {
        self.ask(room_id, &Pass::Password(password.to_owned()), display_name).await
    }

    pub(crate) async fn ask(
        &self,
        room_id: &str,
        pass: &Pass,
        display_name: &str,
    ) -> Result<JoinedRoom, RequestError> {
        let body = match pass {
            Pass::Invite(token) => {
                serde_json::json!({"invite_token": token, "display_name": display_name})
            }
            Pass::Password(password) => {
                serde_json::json!({"password": password, "display_name": display_name})
            }
        };
        answer(self.request(Method::POST, &[room_id, "join"]).json(&body)).await
    }

    /// Closes a room, as the user who created it.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses: `unauthorized`, `forbidden`, `room_not_found`.
    pub async fn close_room(&self, access_token: &str, room_id: &str) -> Result<(), RequestError> {
        let request = self.request(Method::DELETE, &[room_id]).bearer_auth(access_token);
        answer::<serde::de::IgnoredAny>(request).await.map(drop)
    }

    /// Joins a room and enters it.
    ///
    /// # Errors
    ///
    /// As [`join_room`](Self::join_room) and [`enter`](Self::enter).
    pub async fn join(
        &self,
        room_id: &str,
        password: &str,
        display_name: &str,
        options: Options,
    ) -> Result<Participant, EnterError> {
        self.join_with(room_id, Pass::Password(password.to_owned()), display_name, options).await
    }

    /// Joins the room of an invite and enters it.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join), with `invite_void` for an invite that is not valid any more.
    pub async fn join_by_invite(
        &self,
        invite: &Invite,
        display_name: &str,
        options: Options,
    ) -> Result<Participant, EnterError> {
        let pass = Pass::Invite(invite.token.clone());
        self.join_with(&invite.room_id, pass, display_name, options).await
    }

    async fn join_with(
        &self,
        room_id: &str,
        pass: Pass,
        display_name: &str,
        options: Options,
    ) -> Result<Participant, EnterError> {
        let joined = self.ask(room_id, &pass, display_name).await?;
        let rejoin = Rejoin::Pass { pass, display_name: display_name.to_owned() };
        self.enter_by(room_id, joined.ws_token, rejoin, joined.ice_servers, options).await
    }

    /// Creates a room and enters it; returns the room to share.
    ///
    /// # Errors
    ///
    /// As [`create_room`](Self::create_room) and [`enter`](Self::enter).
    pub async fn create(
        &self,
        access_token: &str,
        room: &NewRoom,
        options: Options,
    ) -> Result<(CreatedRoom, Participant), EnterError> {
        let created = self.create_room(access_token, room).await?;
        let token = created.ws_token.clone().unwrap_or_else(|| access_token.to_owned());
        let rejoin = Rejoin::AccessToken(access_token.to_owned());
        let ice_servers = created.ice_servers.clone();
        let participant =
            self.enter_by(&created.room_id, token, rejoin, ice_servers, options).await?;
        Ok((created, participant))
    }

    /// Enters a room with a ws token, or as its creator with an access token.
    ///
    /// # Errors
    ///
    /// A media file cannot be played, the server cannot be reached, or it refuses: `token_expired`, `token_invalid`,
    /// `room_full`, `room_closed`, …
    pub async fn enter(
        &self,
        room_id: &str,
        token: &str,
        ice_servers: Vec<IceServer>,
        options: Options,
    ) -> Result<Participant, EnterError> {
        self.enter_by(room_id, token.to_owned(), Rejoin::Impossible, ice_servers, options).await
    }

    async fn enter_by(
        &self,
        room_id: &str,
        token: String,
        rejoin: Rejoin,
        ice_servers: Vec<IceServer>,
        options: Options,
    ) -> Result<Participant, EnterError> {
        let patience = options.enter_timeout;
        let door =
            Door { client: self.clone(), room_id: room_id.to_owned(), token, rejoin, patience };
        Participant::enter(door, ice_servers, &options).await
    }

    /// The address of a room's WebSocket, token included: keep it out of logs.
    #[must_use]
    pub fn signaling_url(&self, room_id: &str, token: &str) -> String {
        self.socket_url(room_id, &[("v", "2"), ("token", token)])
    }

    pub(crate) fn resume_url(&self, room_id: &str, token: &str, last_seq: u64) -> String {
        self.socket_url(
            room_id,
            &[("v", "2"), ("resume", token), ("last_seq", &last_seq.to_string())],
        )
    }

    fn socket_url(&self, room_id: &str, query: &[(&str, &str)]) -> String {
        let mut url = self.path(&["ws", "webrtc", "rooms", room_id]);
        url.query_pairs_mut().extend_pairs(query);
        // http becomes ws, https becomes wss.
        format!("ws{}", &url.as_str()["http".len()..])
    }

    pub(crate) async fn connect(&self, url: &str) -> Result<Signaling, String> {
        Signaling::connect(url, self.proxy.as_ref(), Arc::clone(&self.tls)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http.request(method, self.path(&[&["api", "webrtc", "rooms"], path].concat()))
    }

    fn path(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an address with a host has a path")
            .pop_if_empty()
            .extend(segments);
        url
    }
}

/// Without the token.
impl fmt::Debug for JoinedRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinedRoom")
            .field("participant_id", &self.participant_id)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, RequestError> {
    let network = |error: reqwest::Error| RequestError::Network(error.without_url().to_string());
    let response = request.send().await.map_err(network)?;
    let status = response.status();
    let body = response.bytes().await.map_err(network)?;
    if status.is_success() {
        let answer: Answer<T> = parse(&body, status)?;
        return answer
            .data
            .ok_or_else(|| RequestError::Protocol("there is no `data` in it".into()));
    }
    let Refusal { code, message } = parse(&body, status)?;
    Err(RequestError::Refused { status: status.as_u16(), code, message })
}

fn parse<T: DeserializeOwned>(body: &[u8], status: StatusCode) -> Result<T, RequestError> {
    serde_json::from_slice(body)
        .map_err(|error| RequestError::Protocol(format!("HTTP status {status}, {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signaling_address_follows_the_servers() {
        let cases = [
            ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws/webrtc/rooms/ABC234?v=2&token=a%2Fb"),
            ("https://example.com/", "wss://example.com/ws/webrtc/rooms/ABC234?v=2&token=a%2Fb"),
            (
                "https://example.com/rooms",
                "wss://example.com/rooms/ws/webrtc/rooms/ABC234?v=2&token=a%2Fb",
            ),
        ];
        for (base, url) in cases {
            assert_eq!(Client::new(base).unwrap().signaling_url("ABC234", "a/b"), url);
        }
    }

    #[test]
    fn what_is_not_a_servers_address_is_refused() {
        for url in ["", "example.com", "ftp://example.com", "mailto:a@b"] {
            assert!(matches!(Client::new(url), Err(RequestError::Address { .. })), "{url}");
        }
    }
}
