//! A real server, and clients of it that know nothing but HTTP, WebSocket and JSON.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by several test programs, none of which uses all of it"
)]

pub mod contract;
pub mod openapi;
pub mod program;

use std::net::SocketAddr;
use std::time::Duration;

use contract::Side;
use futures_util::{SinkExt, StreamExt};
use openapi::Exchange;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use signal_core::Dialect;
use signal_server::testing::{self, TestServer};
use signal_server::{Builder, Secret, Server};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response as Handshake;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

pub const ACCESS_SECRET: &str = "access-secret-of-the-tests-0123456789";
/// Not a SDP, but what a page may send as one: every way to write a character in JSON.
pub const ODD_SDP: &str = r#""v=0\r\no=- \u00e9é\/\"😀\ud83d\ude00\u0000""#;
/// Long enough for a busy machine; reached only if something hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server and an HTTP client.
pub struct Api {
    address: SocketAddr,
    http: reqwest::Client,
    /// The login that access tokens come from.
    login: Server,
    /// The server, if it runs in this process.
    server: Option<TestServer>,
}

/// What a request was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// A room that was created, and how to get into it.
pub struct Room {
    pub id: String,
    pub password: String,
    /// The creator's.
    pub access_token: String,
}

/// A client for plain HTTP. It wants to know whose cryptography it would use where another crate of the workspace has it
/// built with TLS.
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
        answer(self.request(Method::POST, &format!("/api/webrtc/rooms/{room}/join")).json(body)).await
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

    /// What `join` hands out to somebody who knows the password.
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

    /// Comes back with a resume token after the first message; what is heard first is an answer or an error.
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

/// What the tests run with unless they say otherwise.
pub fn builder() -> Builder {
    Server::builder(Secret::new(ACCESS_SECRET))
}

/// The answer to a request, which has to be as the server's OpenAPI document says.
pub async fn answer(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, url) = (request.method().clone(), request.url().clone());
    let response = timeout(PATIENCE, client.execute(request)).await.expect("the server answers").unwrap();
    let retry_after = openapi::has_retry_after(&response);
    let Answer { status, body } = read(response).await;
    openapi::judge(&client, Exchange { method: &method, url: &url, status, retry_after, body: &body }).await;
    Answer { status, body }
}

pub async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} without JSON: {text}"));
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

/// A signaling WebSocket that holds what is said to the AsyncAPI document, in both directions.
pub struct Participant {
    socket: WebSocketStream<TcpStream>,
    dialect: Dialect,
    /// How many frames it has sent that are no messages, and has not been told so.
    misspoken: u32,
}

impl Participant {
    /// Opens a socket, or tells how the upgrade was refused.
    pub async fn connect(
        request: impl IntoClientRequest + Unpin,
    ) -> Result<(Self, Handshake), tungstenite::Error> {
        Self::connect_from(TcpSocket::new_v4().unwrap(), request).await
    }

    /// The same, with a TCP socket of one's own making.
    pub async fn connect_from(
        socket: TcpSocket,
        request: impl IntoClientRequest + Unpin,
    ) -> Result<(Self, Handshake), tungstenite::Error> {
        let request = request.into_client_request()?;
        let dialect = contract::dialect(&request);
        let address = request.uri().authority().unwrap().as_str().parse().unwrap();
        let stream = socket.connect(address).await?;
        let handshake = timeout(PATIENCE, client_async(request, stream)).await;
        let (socket, response) = handshake.expect("the server answers the handshake")?;
        Ok((Self { socket, dialect, misspoken: 0 }, response))
    }

    /// Says what a client may say.
    pub async fn say(&mut self, message: &Value) {
        contract::assert_fits(self.dialect, Side::Client, message);
        self.say_text(&message.to_string()).await;
    }

    /// Says anything.
    pub async fn say_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub async fn send(&mut self, message: Message) {
        let said = message.is_text().then(|| serde_json::from_slice(&message.clone().into_data()).ok());
        let is_message = said
            .flatten()
            .is_some_and(|said: Value| contract::fault(self.dialect, Side::Client, &said).is_none());
        self.misspoken += u32::from(!is_message);
        self.socket.send(message).await.unwrap();
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        self.hear_within(PATIENCE).await
    }

    /// The same, where it may take that long.
    pub async fn hear_within(&mut self, patience: Duration) -> Value {
        match self.next_within(patience).await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    pub async fn hear_text(&mut self) -> String {
        match self.next().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    /// The id in `joined`, which has to be the next message.
    pub async fn joined(&mut self) -> String {
        let joined = self.hear().await;
        assert_eq!(joined["type"], "joined", "{joined}");
        text(&joined["participant_id"])
    }

    /// The code of `error`, which has to be the next message.
    pub async fn error(&mut self) -> String {
        let error = self.hear().await;
        assert_eq!(keys(&error), ["code", "message", "type"], "{error}");
        assert_eq!(error["type"], "error");
        text(&error["code"])
    }

    /// The code the server closes with, which has to be the next thing that comes.
    pub async fn closed(&mut self) -> u16 {
        match self.next().await {
            Some(Message::Close(Some(CloseFrame { code, .. }))) => code.into(),
            other => panic!("a close was expected, not {other:?}"),
        }
    }

    /// Reads to the end, and tells with which code it came.
    pub async fn read_until_closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Some(Message::Close(Some(CloseFrame { code, .. }))) => return code.into(),
                Some(_) => {}
                None => panic!("the socket ended without a close"),
            }
        }
    }

    /// Everything that comes up to the end, the close included, as text.
    pub async fn rest(&mut self) -> String {
        let mut rest = String::new();
        loop {
            match self.next().await {
                Some(Message::Text(text)) => rest.push_str(&text),
                Some(close) => rest.push_str(&format!("{close:?}")),
                None => return rest,
            }
        }
    }

    /// Has the server answer something, so that whatever it sent before is here.
    pub async fn expect_nothing_waiting(&mut self) {
        self.say_text(r#"{"type":"marker"}"#).await;
        assert_eq!(self.error().await, "unknown_type");
    }

    /// Closes in order.
    pub async fn close(&mut self) {
        self.socket.close(None).await.unwrap();
    }

    /// Reads the answer to one's own close, and the end.
    pub async fn expect_end(&mut self) {
        match self.next().await {
            Some(Message::Close(_)) => assert_eq!(self.next().await, None),
            other => panic!("the answer to the close was expected, not {other:?}"),
        }
    }

    /// What the frames come through.
    pub fn tcp(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }

    async fn next(&mut self) -> Option<Message> {
        self.next_within(PATIENCE).await
    }

    async fn next_within(&mut self, patience: Duration) -> Option<Message> {
        let next = async {
            loop {
                match self.socket.next().await.transpose().unwrap() {
                    Some(Message::Ping(_) | Message::Pong(_)) => {}
                    other => return other,
                }
            }
        };
        let next = timeout(patience, next).await.expect("something comes");
        match &next {
            Some(Message::Text(text)) => self.judge(&serde_json::from_str(text).unwrap()),
            Some(Message::Close(Some(close))) => contract::assert_close_code(close.code.into()),
            Some(_) | None => {}
        }
        next
    }

    /// What the server says is what the document has, and what it refuses is not.
    fn judge(&mut self, message: &Value) {
        contract::assert_fits(self.dialect, Side::Server, message);
        // Of a field that comes twice a schema sees one.
        let is_refusal = (message["code"] == "invalid_message"
            && !text(&message["message"]).contains("duplicate"))
            || message["code"] == "unknown_type";
        if message["type"] == "error" && is_refusal {
            assert!(self.misspoken > 0, "refused, but asyncapi.json finds nothing wrong: {message}");
            self.misspoken -= 1;
        }
    }
}

/// Moves the time of the server forward; what is due happens.
///
/// A socket that is silent for 45 s is dropped, so that those who should stay have to be heard in between.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits for something that comes about in this process.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it comes about");
}

/// The fields of an object, sorted.
pub fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
