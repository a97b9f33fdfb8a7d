//! A server, and a client of its HTTP interface that checks the answers against the OpenAPI
//! document.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use signal_server::testing::{self, TestServer};
use signal_server::{Builder, Server};
use tokio::time::timeout;

use super::openapi::{self, Exchange};
use super::{PATIENCE, Participant, builder, keys, text};

/// A server and an HTTP client.
pub struct Api {
    address: SocketAddr,
    http: reqwest::Client,
    /// The login that access tokens come from.
    login: Server,
    /// The server, if it runs in this process.
    server: Option<TestServer>,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// A created room, and its credentials.
pub struct Room {
    pub id: String,
    pub password: String,
    /// The creator's.
    pub access_token: String,
}

/// A client for plain HTTP. It needs a cryptography provider nevertheless if another crate of the
/// workspace enables its TLS.
pub fn http_client() -> reqwest::Client {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl Api {
    pub async fn start() -> Self {
        Self::start_with(builder()).await
    }

    pub async fn start_with(builder: Builder) -> Self {
        let server = testing::start_with(builder).await.unwrap();
        let api = Self::at(server.address());
        Self { server: Some(server), ..api }
    }

    /// A server that runs elsewhere.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, http: http_client(), login: builder().build(), server: None }
    }

    /// The server, which has to run in this process.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs in this process").server()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    pub fn access_token(&self, subject: &str) -> String {
        self.login.access_token(subject, Some(subject), Duration::from_secs(3600)).unwrap()
    }

    /// Creates a room as alice.
    pub async fn create(&self, body: &Value) -> Answer {
        let token = self.access_token("alice");
        answer(self.request(Method::POST, "/api/webrtc/rooms").bearer_auth(token).json(body)).await
    }

    pub async fn join(&self, room: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, &format!("/api/webrtc/rooms/{room}/join")).json(body))
            .await
    }

    /// Joins as a client of a proxy that the server trusts.
    pub async fn join_from(&self, client: &str, room: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, &format!("/api/webrtc/rooms/{room}/join"));
        answer(request.header("x-forwarded-for", client).json(body)).await
    }

    pub async fn close(&self, room: &str, access_token: &str) -> Answer {
        let path = format!("/api/webrtc/rooms/{room}");
        answer(self.request(Method::DELETE, &path).bearer_auth(access_token)).await
    }

    /// Asks for something of a room's as its creator.
    pub async fn ask(&self, method: Method, room: &Room, path: &str) -> Answer {
        let path = format!("/api/webrtc/rooms/{}{path}", room.id);
        answer(self.request(method, &path).bearer_auth(&room.access_token)).await
    }

    /// Changes a room as its creator.
    pub async fn change(&self, room: &Room, body: &Value) -> Answer {
        let path = format!("/api/webrtc/rooms/{}", room.id);
        answer(self.request(Method::PATCH, &path).bearer_auth(&room.access_token).json(body)).await
    }

    pub async fn room(&self) -> Room {
        self.room_with(&json!({})).await
    }

    /// A room of alice's.
    pub async fn room_with(&self, body: &Value) -> Room {
        let data = self.create(body).await.data();
        let access_token = self.access_token("alice");
        Room { id: text(&data["room_id"]), password: text(&data["password"]), access_token }
    }

    /// The `ws_token` that `join` answers to a guest with the password.
    pub async fn ws_token(&self, room: &Room, name: &str) -> String {
        let body = json!({"password": room.password, "display_name": name});
        text(&self.join(&room.id, &body).await.data()["ws_token"])
    }

    pub fn socket_url(&self, room: &str, token: &str) -> String {
        format!("ws://{}/ws/webrtc/rooms/{room}?token={token}", self.address)
    }

    /// Opens a socket with a token in its URL.
    pub async fn attach(&self, room: &str, token: &str) -> Participant {
        Participant::connect(self.socket_url(room, token)).await.unwrap().0
    }

    /// Enters with a token, as v2.
    pub async fn enter_v2(&self, room: &Room, token: &str) -> (Participant, Value) {
        let url = self.socket_url(&room.id, token) + "&v=2";
        let (mut participant, _) = Participant::connect(url).await.unwrap();
        let joined = participant.hear().await;
        assert_eq!(joined["type"], "joined", "{joined}");
        (participant, joined)
    }

    /// Resumes with a token after the first message. Returns the first message: `resumed` or an
    /// error.
    pub async fn resume(&self, room: &Room, token: &str) -> (Participant, Value) {
        let url = format!("{}&resume={token}&last_seq=1", self.socket_url(&room.id, ""));
        let (mut participant, _) = Participant::connect(url).await.unwrap();
        let first = participant.hear().await;
        (participant, first)
    }

    /// The creator in its room, with its id.
    pub async fn creator(&self, room: &Room) -> (Participant, String) {
        let mut creator = self.attach(&room.id, &room.access_token).await;
        let id = creator.joined().await;
        (creator, id)
    }

    /// A guest in the room, with its id.
    pub async fn guest(&self, room: &Room, name: &str) -> (Participant, String) {
        let mut guest = self.attach(&room.id, &self.ws_token(room, name).await).await;
        let id = guest.joined().await;
        (guest, id)
    }
}

/// Sends a request. Fails if the answer does not match the server's OpenAPI document.
pub async fn answer(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, url) = (request.method().clone(), request.url().clone());
    let response =
        timeout(PATIENCE, client.execute(request)).await.expect("the server answers").unwrap();
    let retry_after = openapi::has_retry_after(&response);
    let Answer { status, body } = read(response).await;
    openapi::judge(
        &client,
        Exchange { method: &method, url: &url, status, retry_after, body: &body },
    )
    .await;
    Answer { status, body }
}

pub async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} without JSON: {text}"));
    Answer { status, body }
}

impl Answer {
    /// The data of a success.
    pub fn data(self) -> Value {
        let Self { status, mut body } = self;
        assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
        assert_eq!(keys(&body), ["data", "success"]);
        body["data"].take()
    }

    /// Status and code of a failure.
    pub fn refused(&self) -> (u16, &str) {
        assert_eq!(self.body["success"], json!(false), "{self:?}");
        assert_eq!(keys(&self.body), ["code", "message", "success"]);
        assert!(!self.message().is_empty(), "{self:?}");
        (self.status, self.body["code"].as_str().unwrap())
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap()
    }
}
