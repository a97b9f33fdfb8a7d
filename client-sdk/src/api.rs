//! The server's API: requests over HTTP, and the address of a room's WebSocket.

mod rooms;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use self::rooms::{CreatedRoom, JoinedRoom, NewRoom, OnCreatorLeave};
use crate::error::RequestError;
use crate::proxy::Proxy;
use crate::signaling::Signaling;
use crate::turn::TurnServers;

/// One server, as requests and sockets reach it; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: Url,
    proxy: Option<Proxy>,
    tls: Arc<rustls::ClientConfig>,
}

/// What opens a room to somebody who joins it.
#[derive(Clone)]
pub(crate) enum JoinCredential {
    InviteToken(String),
    Password(String),
}

impl Api {
    pub(crate) fn new(
        url: &str,
        proxy: Option<Proxy>,
        tls: rustls::ClientConfig,
        request_timeout: Duration,
    ) -> Result<Self, RequestError> {
        let invalid = || RequestError::Address { url: url.to_owned() };
        let base = Url::parse(url).map_err(|_| invalid())?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(invalid());
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(concat!("client-sdk/", env!("CARGO_PKG_VERSION")))
            .timeout(request_timeout);
        let http = match &proxy {
            Some(proxy) => http.proxy(proxy.for_requests()?),
            // By default reqwest would follow `HTTP_PROXY`.
            None => http.no_proxy(),
        };
        let http = http.build().map_err(|error| RequestError::Network(error.to_string()))?;
        Ok(Self { http, base, proxy, tls: Arc::new(tls) })
    }

    pub(crate) async fn create_room(
        &self,
        access_token: &str,
        room: &NewRoom,
    ) -> Result<CreatedRoom, RequestError> {
        answer(self.request(Method::POST, &[]).bearer_auth(access_token).json(room)).await
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
        answer(self.request(Method::POST, &[room_id, "join"]).json(&body)).await
    }

    pub(crate) async fn close_room(
        &self,
        access_token: &str,
        room_id: &str,
    ) -> Result<(), RequestError> {
        let request = self.request(Method::DELETE, &[room_id]).bearer_auth(access_token);
        answer::<serde::de::IgnoredAny>(request).await.map(drop)
    }

    /// The address of a room's WebSocket for whoever takes a seat; it contains the token.
    pub(crate) fn attach_url(&self, room_id: &str, token: &str) -> String {
        self.socket_url(room_id, &[("v", "2"), ("token", token)])
    }

    /// The same for whoever resumes one after `last_seq` messages.
    pub(crate) fn resume_url(&self, room_id: &str, token: &str, last_seq: u64) -> String {
        self.socket_url(
            room_id,
            &[("v", "2"), ("resume", token), ("last_seq", &last_seq.to_string())],
        )
    }

    /// Opens a WebSocket at one of these addresses.
    pub(crate) async fn connect(&self, url: &str) -> Result<Signaling, String> {
        Signaling::connect(url, self.proxy.as_ref(), Arc::clone(&self.tls)).await
    }

    /// The TURN servers of a participant are reached as this one is.
    pub(crate) fn turn_servers(&self) -> TurnServers {
        TurnServers::new(Arc::clone(&self.tls), self.proxy.clone())
    }

    fn socket_url(&self, room_id: &str, query: &[(&str, &str)]) -> String {
        let mut url = self.path(&["ws", "webrtc", "rooms", room_id]);
        url.query_pairs_mut().extend_pairs(query);
        // http becomes ws, https becomes wss.
        format!("ws{}", &url.as_str()["http".len()..])
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

#[derive(Deserialize)]
struct Success<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, RequestError> {
    // The address is left out of the error since it may hold a token.
    let network = |error: reqwest::Error| RequestError::Network(error.without_url().to_string());
    let response = request.send().await.map_err(network)?;
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
    let body = response.bytes().await.map_err(network)?;
    if status.is_success() {
        let success: Success<T> = parse(&body, status)?;
        return success.data.ok_or_else(|| RequestError::Protocol("`data` is missing".into()));
    }
    let Refusal { code, message } = parse(&body, status)?;
    Err(RequestError::Refused { status: status.as_u16(), code, message, retry_after })
}

/// The server gives whole seconds (RFC 9110 section 10.2.3).
fn seconds(value: &HeaderValue) -> Option<Duration> {
    Some(Duration::from_secs(value.to_str().ok()?.parse().ok()?))
}

fn parse<T: DeserializeOwned>(body: &[u8], status: StatusCode) -> Result<T, RequestError> {
    serde_json::from_slice(body)
        .map_err(|error| RequestError::Protocol(format!("HTTP status {status}, {error}")))
}
