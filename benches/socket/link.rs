//! The participant's end of a connection. It is as cheap as possible, so that the benchmark
//! measures the server.
//!
//! WebSocket frames are written by hand (RFC 6455), so that the same loop drives all servers and
//! only the framing differs.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bare;
use crate::servers::Kind;

/// A connection in a room.
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    /// The id that the server gave it.
    pub(crate) id: String,
    /// The path that it was opened with.
    pub(crate) path: String,
}

/// The bytes that have been read.
pub(crate) struct Incoming {
    framing: Framing,
    buffer: BytesMut,
}

/// The framing of the writing half.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing(Framing);

#[derive(Clone, Copy, Eq, PartialEq)]
enum Framing {
    Lengths,
    WebSocket,
}

/// A frame that arrives on a connection.
pub(crate) enum Frame {
    Text(BytesMut),
    Ping,
}

impl Link {
    /// Opens a connection in a room, which is a number at the bare relay and a path elsewhere.
    pub(crate) async fn open(kind: Kind, address: &str, room: u32, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket of TCP");
        let framing = match kind {
            Kind::Bare => {
                stream.write_all(&bare::encode(room, b"")).await.expect("the server reads");
                Framing::Lengths
            }
            Kind::Axum | Kind::Server | Kind::Limited => {
                upgrade(&mut stream, path).await;
                Framing::WebSocket
            }
        };
        let incoming = Incoming { framing, buffer: BytesMut::new() };
        let (outgoing, path) = (Outgoing(framing), path.to_owned());
        let mut link = Self { stream, incoming, outgoing, id: String::new(), path };
        link.id = link.welcome().await;
        link
    }

    async fn welcome(&mut self) -> String {
        loop {
            if let Some((number, _)) = (self.incoming.framing == Framing::Lengths)
                .then(|| bare::decode(&mut self.incoming.buffer))
                .flatten()
            {
                return number.to_string();
            }
            if let Some(Frame::Text(text)) = self.incoming.websocket_frame() {
                let welcome: serde_json::Value =
                    serde_json::from_slice(&text).expect("the server sends JSON");
                return welcome["participant_id"].as_str().expect("it is welcome").to_owned();
            }
            self.read().await;
        }
    }

    /// Reads the available bytes, at least one.
    pub(crate) async fn read(&mut self) {
        self.incoming.read(&mut self.stream).await;
    }
}

impl Incoming {
    pub(crate) async fn read(&mut self, stream: &mut (impl AsyncReadExt + Unpin)) {
        self.buffer.reserve(4096);
        let read = stream.read_buf(&mut self.buffer).await.expect("the server goes on");
        assert_ne!(read, 0, "the server has closed a connection");
    }

    /// Takes the next complete frame.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        match self.framing {
            Framing::Lengths => bare::decode(&mut self.buffer).map(|(_, text)| Frame::Text(text)),
            Framing::WebSocket => self.websocket_frame(),
        }
    }

    /// Decodes a frame of a server, which is never masked or fragmented.
    fn websocket_frame(&mut self) -> Option<Frame> {
        if self.framing != Framing::WebSocket {
            return None;
        }
        let (&first, &second) = (self.buffer.first()?, self.buffer.get(1)?);
        let (header, length) = match second {
            126 => (4, u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?) as usize),
            127 => (10, u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?) as usize),
            length => (2, length as usize),
        };
        if self.buffer.len() < header + length {
            return None;
        }
        self.buffer.advance(header);
        let payload = self.buffer.split_to(length);
        match first {
            0x81 => Some(Frame::Text(payload)),
            0x89 => Some(Frame::Ping),
            _ => panic!("the server has sent a frame that begins with {first:#x}"),
        }
    }
}

impl Outgoing {
    /// Appends a text for a participant to the output.
    pub(crate) fn text(self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        match self.0 {
            Framing::Lengths => {
                let to = if to == "room" { bare::EVERYBODY } else { to.parse().expect("a number") };
                out.extend_from_slice(&bare::encode(to, text));
            }
            Framing::WebSocket => write_masked(0x81, text, out),
        }
    }

    /// Appends the answer to a ping to the output.
    pub(crate) fn pong(self, out: &mut Vec<u8>) {
        write_masked(0x8a, b"", out);
    }
}

/// A frame of a client, which begins with that byte.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_masked(first, payload, &mut frame);
    frame
}

fn write_masked(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length => {
            out.push(0x80 | 126);
            let length = u16::try_from(length).expect("a short payload");
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

pub(crate) fn upgrade_request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

async fn upgrade(stream: &mut TcpStream, path: &str) {
    stream.write_all(upgrade_request(path).as_bytes()).await.expect("the server reads");
    let mut head = Vec::new();
    // Reads single bytes, so that nothing behind the head is consumed.
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the server answers"));
    }
    let head = String::from_utf8_lossy(&head);
    // The accept value for the sample key in RFC 6455 section 1.3.
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "no WebSocket was opened: {head}");
}

/// Not zero, since a server may skip unmasking for zero.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
