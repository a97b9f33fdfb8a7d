//! Message to frame.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::message::{ClientMessage, Participant, ServerMessage, Signal, SignalKind};

/// Writes a message of a participant.
pub fn encode_client(message: &ClientMessage) -> Bytes {
    match message {
        ClientMessage::Leave => Bytes::from_static(br#"{"type":"leave"}"#),
        ClientMessage::Signal { to, signal } => encode_signal("to", to.as_str(), signal),
    }
}

/// Writes a message of the server.
///
/// A frame is meant to be shared: for a broadcast, encode once and clone the bytes.
pub fn encode_server(message: &ServerMessage) -> Bytes {
    match message {
        ServerMessage::Error { code, message } => {
            to_json(&WireMessage::Error { code: code.as_str(), message })
        }
        ServerMessage::Joined { participant_id, participants } => to_json(&WireMessage::Joined {
            participant_id: participant_id.as_str(),
            participants: participants.iter().map(WireParticipant::from).collect(),
        }),
        ServerMessage::PeerJoined { participant } => {
            to_json(&WireMessage::PeerJoined { participant: participant.into() })
        }
        ServerMessage::PeerLeft { participant_id } => {
            to_json(&WireMessage::PeerLeft { participant_id: participant_id.as_str() })
        }
        ServerMessage::RoomClosed { reason } => to_json(&WireMessage::RoomClosed { reason }),
        ServerMessage::Signal { from, signal } => encode_signal("from", from.as_str(), signal),
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireMessage<'a> {
    Error { code: &'static str, message: &'a str },
    Joined { participant_id: &'a str, participants: Vec<WireParticipant<'a>> },
    PeerJoined { participant: WireParticipant<'a> },
    PeerLeft { participant_id: &'a str },
    RoomClosed { reason: &'a str },
}

#[derive(Serialize)]
struct WireParticipant<'a> {
    id: &'a str,
    name: &'a str,
    is_creator: bool,
}

impl<'a> From<&'a Participant> for WireParticipant<'a> {
    fn from(participant: &'a Participant) -> Self {
        Self { id: participant.id.as_str(), name: &participant.name, is_creator: participant.is_creator }
    }
}

/// Written by hand because it is the hot path: one allocation, the payload pasted.
fn encode_signal(direction: &str, peer: &str, signal: &Signal) -> Bytes {
    let (kind, field) = match signal.kind {
        SignalKind::Answer => ("answer", "sdp"),
        SignalKind::Candidate => ("candidate", "candidate"),
        SignalKind::Offer => ("offer", "sdp"),
    };
    let payload = signal.payload.as_bytes();
    let parts: [&[u8]; 9] = [
        br#"{"type":""#,
        kind.as_bytes(),
        br#"",""#,
        direction.as_bytes(),
        br#"":""#,
        // Neither ids nor field names hold a character that JSON would escape.
        peer.as_bytes(),
        br#"",""#,
        field.as_bytes(),
        br#"":"#,
    ];
    let head: usize = parts.iter().map(|part| part.len()).sum();
    let mut frame = BytesMut::with_capacity(head + payload.len() + 1);
    for part in parts {
        frame.put_slice(part);
    }
    frame.put_slice(payload);
    frame.put_u8(b'}');
    frame.freeze()
}

fn to_json(message: &WireMessage<'_>) -> Bytes {
    serde_json::to_vec(message).expect("strings, booleans and lists of them always have a JSON form").into()
}
