//! The server's API: requests over HTTP, and the URLs of WebSockets.

mod answer;
mod management;
mod rooms;

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::http::uri::InvalidUri;
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use signal_core::{Language, ParticipantId};
use tokio::time::Instant;
use url::{Position, Url};

use self::answer::{refusal, shown, success};
use self::management::RoomList;
pub use self::management::{
    ChangedRoom, NewPassword, ParticipantSummary, RoomChange, RoomCredentials, RoomDetails,
    RoomSummary,
};
pub use self::rooms::{CreatedRoom, JoinedRoom, NewRoom, OnCreatorLeave};
use crate::error::{NetworkError, NetworkFailure, Phase, RequestError};
use crate::network::{Network, Request, deadline, read_body, switch_protocol, within};
use crate::signaling::{Handshake, Signaling};
use crate::turn::TurnServers;

/// One server, for requests and sockets; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) network: Network,
    base: Url,
    language: Language,
    request_timeout: Duration,
}

/// The credential to join a room with.
#[derive(Clone)]
pub(crate) enum JoinCredential {
    InviteToken(String),
    Password(String),
}

impl Api {
    pub(crate) fn new(
        url: &str,
        network: Network,
        language: Language,
        request_timeout: Duration,
    ) -> Result<Self, RequestError> {
        let base = Url::parse(url)
            .ok()
            .filter(|base| matches!(base.scheme(), "http" | "https") && base.host().is_some());
        let mut base = base.ok_or_else(|| RequestError::Address { url: url.to_owned() })?;
        // Errors and logs contain the address. It has a host, so this cannot fail.
        let _ = (base.set_username(""), base.set_password(None));
        Ok(Self { network, base, language, request_timeout })
    }

    pub(crate) async fn create_room(
        &self,
        access_token: &str,
        room: &NewRoom,
    ) -> Result<CreatedRoom, RequestError> {
        self.ask(Method::POST, &self.rooms(&[]), Some(access_token), Some(room)).await
    }

    pub(crate) async fn join_room(
        &self,
        room_id: &str,
        credential: &JoinCredential,
        display_name: &str,
    ) -> Result<JoinedRoom, RequestError> {
        let (field, secret) = match credential {
            JoinCredential::InviteToken(token) => ("invite_token", token),
            JoinCredential::Password(password) => ("password", password),
        };
        let body = serde_json::json!({field: secret, "display_name": display_name});
        self.ask(Method::POST, &self.rooms(&[room_id, "join"]), None, Some(&body)).await
    }

    pub(crate) async fn close_room(
        &self,
        access_token: &str,
        room_id: &str,
    ) -> Result<(), RequestError> {
        let url = self.rooms(&[room_id]);
        self.command::<IgnoredAny>(Method::DELETE, &url, access_token).await.map(|_| ())
    }

    pub(crate) async fn list_rooms(
        &self,
        access_token: &str,
    ) -> Result<Vec<RoomSummary>, RequestError> {
        let list: RoomList = self.command(Method::GET, &self.rooms(&[]), access_token).await?;
        Ok(list.rooms)
    }

    pub(crate) async fn show_room(
        &self,
        access_token: &str,
        room_id: &str,
    ) -> Result<RoomDetails, RequestError> {
        self.command(Method::GET, &self.rooms(&[room_id]), access_token).await
    }

    pub(crate) async fn change_room(
        &self,
        access_token: &str,
        room_id: &str,
        change: &RoomChange,
    ) -> Result<ChangedRoom, RequestError> {
        self.ask(Method::PATCH, &self.rooms(&[room_id]), Some(access_token), Some(change)).await
    }

    pub(crate) async fn kick(
        &self,
        access_token: &str,
        room_id: &str,
        participant: ParticipantId,
    ) -> Result<(), RequestError> {
        let url = self.rooms(&[room_id, "participants", &participant.to_string()]);
        self.command::<IgnoredAny>(Method::DELETE, &url, access_token).await.map(|_| ())
    }

    pub(crate) async fn ban(
        &self,
        access_token: &str,
        room_id: &str,
        participant: ParticipantId,
    ) -> Result<RoomCredentials, RequestError> {
        let mut url = self.rooms(&[room_id, "participants", &participant.to_string()]);
        url.set_query(Some("ban=true"));
        self.command(Method::DELETE, &url, access_token).await
    }

    /// The address of a room's WebSocket to take a seat with a token, which it contains.
    pub(crate) fn attach_url(&self, room_id: &str, token: &str) -> Url {
        self.socket_url(room_id, &[("v", "2"), ("token", token)])
    }

    /// The address of a room's WebSocket to resume a seat after `last_seq` messages.
    pub(crate) fn resume_url(&self, room_id: &str, token: &str, last_seq: u64) -> Url {
        self.socket_url(
            room_id,
            &[("v", "2"), ("resume", token), ("last_seq", &last_seq.to_string())],
        )
    }

    /// Opens a WebSocket at one of these addresses.
    pub(crate) async fn connect(
        &self,
        url: &Url,
        deadline: Instant,
    ) -> Result<Signaling, RequestError> {
        let handshake = Handshake::new();
        let mut request = self.request(Method::GET, url, Bytes::new())?;
        request.headers_mut().extend(handshake.headers());
        let failed = |failure| NetworkError { url: shown(url), failure };
        let answer = self.network.send(url, request, deadline).await.map_err(failed)?;
        let status = answer.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let headers = answer.headers().clone();
            let reading = within(Phase::Answering, deadline, read_body(answer));
            let body = reading.await.map_err(failed)?;
            return Err(refusal(url, status, &headers, &body));
        }
        if !handshake.is_accepted(answer.headers()) {
            let reason = "it accepts another WebSocket than the one that was asked for".into();
            return Err(RequestError::Protocol { url: shown(url), reason });
        }
        let (stream, read) = switch_protocol(answer).await.map_err(failed)?;
        Ok(Signaling::open(shown(url), stream, &read).await)
    }

    /// TURN servers are reached by the same proxy and with the same trusted certificates.
    pub(crate) fn turn_servers(&self) -> TurnServers {
        TurnServers::new(self.network.clone())
    }

    fn socket_url(&self, room_id: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.path(&["ws", "webrtc", "rooms", room_id]);
        url.query_pairs_mut().extend_pairs(query);
        let scheme = if self.base.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).expect("ws takes the place of http, as wss does of https");
        url
    }

    /// Sends a request without a body.
    async fn command<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &Url,
        access_token: &str,
    ) -> Result<T, RequestError> {
        self.ask(method, url, Some(access_token), None::<&()>).await
    }

    /// Sends a request and returns the `data` of the answer.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &Url,
        access_token: Option<&str>,
        body: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<T, RequestError> {
        let json = body.map_or(Ok(Vec::new()), serde_json::to_vec);
        let json = json.expect("requests consist of text and numbers");
        let mut request = self.request(method, url, json.into())?;
        if body.is_some() {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        if let Some(token) = access_token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"));
            let mut bearer = bearer.map_err(|_| RequestError::Token)?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        let failed = |failure: NetworkFailure| NetworkError { url: shown(url), failure };
        let deadline = deadline(self.request_timeout);
        let answer = self.network.send(url, request, deadline).await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let reading = within(Phase::Answering, deadline, read_body(answer));
        let body = reading.await.map_err(failed)?;
        if status.is_success() {
            return success(url, &body);
        }
        Err(refusal(url, status, &headers, &body))
    }

    fn request(&self, method: Method, url: &Url, body: Bytes) -> Result<Request, RequestError> {
        let language = match self.language {
            Language::En => "en",
            Language::Zh => "zh",
        };
        let agent = concat!("client-sdk/", env!("CARGO_PKG_VERSION"));
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let mut request = Request::new(body.into());
        *request.method_mut() = method;
        // A room id or a token may be longer than an address can be.
        *request.uri_mut() = url[Position::BeforePath..Position::AfterQuery]
            .parse()
            .map_err(|error: InvalidUri| RequestError::TooLong(error.to_string()))?;
        for (name, value) in [(HOST, host), (USER_AGENT, agent), (ACCEPT_LANGUAGE, language)] {
            let value = value.parse().expect("these consist of visible ASCII, as URLs do");
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    fn rooms(&self, path: &[&str]) -> Url {
        self.path(&[&["api", "webrtc", "rooms"], path].concat())
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
