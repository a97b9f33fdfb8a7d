//! The lower bound: a relay over TCP that reads lengths and addressees and nothing else.
//!
//! A frame is a length, an addressee (both 32 bits, big-endian) and a text. The receiver gets it
//! with the sender in the place of the addressee. The first frame of a connection has no text: it
//! names a room, and the connection gets a number in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};

type Writer = Arc<tokio::sync::Mutex<OwnedWriteHalf>>;
type Rooms = Arc<Mutex<HashMap<u32, Vec<Writer>>>>;

pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await.expect("a file for the connection");
        tokio::spawn(relay(stream, Arc::clone(&rooms)));
    }
}

async fn relay(stream: TcpStream, rooms: Rooms) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut reader, writer) = stream.into_split();
    let mut buffer = BytesMut::new();
    let (room, _) = frame(&mut reader, &mut buffer).await?;
    let writer = Arc::new(tokio::sync::Mutex::new(writer));
    let number = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let members = rooms.entry(room).or_default();
        members.push(Arc::clone(&writer));
        members.len() as u32 - 1
    };
    send(&writer, &encode(number, b"")).await?;
    loop {
        let (to, text) = frame(&mut reader, &mut buffer).await?;
        let addressees: Vec<Writer> = {
            let rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
            let members = rooms.get(&room)?.iter().enumerate();
            let is_meant = |other: u32| if to == EVERYBODY { other != number } else { other == to };
            members
                .filter(|(other, _)| is_meant(*other as u32))
                .map(|(_, writer)| Arc::clone(writer))
                .collect()
        };
        let frame = encode(number, &text);
        for addressee in addressees {
            send(&addressee, &frame).await?;
        }
    }
}

async fn send(writer: &Writer, frame: &[u8]) -> Option<()> {
    writer.lock().await.write_all(frame).await.ok()
}

async fn frame(
    reader: &mut (impl AsyncReadExt + Unpin),
    buffer: &mut BytesMut,
) -> Option<(u32, BytesMut)> {
    loop {
        if let Some(frame) = decode(buffer) {
            return Some(frame);
        }
        buffer.reserve(4096);
        if reader.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// Takes a complete frame out of the buffer.
pub(crate) fn decode(buffer: &mut BytesMut) -> Option<(u32, BytesMut)> {
    let length = u32::from_be_bytes(buffer.get(..4)?.try_into().ok()?) as usize;
    if buffer.len() < 8 + length {
        return None;
    }
    buffer.advance(4);
    let peer = buffer.get_u32();
    Some((peer, buffer.split_to(length)))
}

pub(crate) fn encode(peer: u32, text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(8 + text.len());
    frame.put_u32(text.len() as u32);
    frame.put_u32(peer);
    frame.put_slice(text);
    frame
}

/// The addressee that means everybody else in the room.
pub(crate) const EVERYBODY: u32 = u32::MAX;
