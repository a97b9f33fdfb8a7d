//! One end of a signaling WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use signal_core::ProtocolVersion;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response as Handshake;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::asyncapi::{self, Side};
use super::{PATIENCE, keys, text};

/// A signaling WebSocket that validates messages in both directions against the AsyncAPI document.
pub struct Participant {
    socket: WebSocketStream<TcpStream>,
    protocol: ProtocolVersion,
    /// How many invalid frames it has sent whose refusal has not arrived yet.
    misspoken: u32,
}

impl Participant {
    /// Opens a socket. The error is the answer that refused the upgrade.
    pub async fn connect(
        request: impl IntoClientRequest + Unpin,
    ) -> Result<(Self, Handshake), tungstenite::Error> {
        Self::connect_from(TcpSocket::new_v4().unwrap(), request).await
    }

    /// The same over a given TCP socket.
    pub async fn connect_from(
        socket: TcpSocket,
        request: impl IntoClientRequest + Unpin,
    ) -> Result<(Self, Handshake), tungstenite::Error> {
        let request = request.into_client_request()?;
        let protocol = asyncapi::protocol(&request);
        let address = request.uri().authority().unwrap().as_str().parse().unwrap();
        let stream = socket.connect(address).await?;
        let handshake = timeout(PATIENCE, client_async(request, stream)).await;
        let (socket, response) = handshake.expect("the server answers the handshake")?;
        Ok((Self { socket, protocol, misspoken: 0 }, response))
    }

    /// Sends a valid message.
    pub async fn say(&mut self, message: &Value) {
        asyncapi::assert_fits(self.protocol, Side::Client, message);
        self.say_text(&message.to_string()).await;
    }

    /// Sends any text.
    pub async fn say_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub async fn send(&mut self, message: Message) {
        let said =
            message.is_text().then(|| serde_json::from_slice(&message.clone().into_data()).ok());
        let is_message = said.flatten().is_some_and(|said: Value| {
            asyncapi::fault(self.protocol, Side::Client, &said).is_none()
        });
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

    /// The close code of the server, which has to come next.
    pub async fn closed(&mut self) -> u16 {
        match self.next().await {
            Some(Message::Close(Some(CloseFrame { code, .. }))) => code.into(),
            other => panic!("a close was expected, not {other:?}"),
        }
    }

    /// Reads to the end and returns the close code.
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

    /// Checks that no message is waiting: the next one is the answer to an unknown message.
    pub async fn expect_nothing_waiting(&mut self) {
        self.say_text(r#"{"type":"marker"}"#).await;
        assert_eq!(self.error().await, "unknown_type");
    }

    /// Closes in order.
    pub async fn close(&mut self) {
        self.socket.close(None).await.unwrap();
    }

    /// Reads the answer to its own close, and the end.
    pub async fn expect_end(&mut self) {
        match self.next().await {
            Some(Message::Close(_)) => assert_eq!(self.next().await, None),
            other => panic!("the answer to the close was expected, not {other:?}"),
        }
    }

    /// The TCP connection.
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
            Some(Message::Close(Some(close))) => asyncapi::assert_close_code(close.code.into()),
            Some(_) | None => {}
        }
        next
    }

    /// Checks that a message is in the document, and that the server refused invalid frames only.
    fn judge(&mut self, message: &Value) {
        asyncapi::assert_fits(self.protocol, Side::Server, message);
        // A schema sees only one of two equal fields.
        let is_refusal = (message["code"] == "invalid_message"
            && !text(&message["message"]).contains("duplicate"))
            || message["code"] == "unknown_type";
        if message["type"] == "error" && is_refusal {
            assert!(
                self.misspoken > 0,
                "refused, but asyncapi.json finds nothing wrong: {message}"
            );
            self.misspoken -= 1;
        }
    }
}
