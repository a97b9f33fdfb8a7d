//! Frame to message.

use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::error::ErrorCode;
use crate::ids::ParticipantId;
use crate::message::{ClientMessage, Participant, Payload, ServerMessage, Signal, SignalKind};

/// Reads a message that a participant sent.
///
/// Fields the type does not have are ignored.
///
/// # Errors
///
/// The sender's fault in every case; see [`DecodeError::code`] for what to tell it.
pub fn decode_client(frame: &Bytes) -> Result<ClientMessage, DecodeError> {
    let envelope: ClientEnvelope<'_> = parse(frame)?;
    let (kind, payload, field) = match envelope.kind {
        ClientKind::Answer => (SignalKind::Answer, envelope.sdp, "sdp"),
        ClientKind::Candidate => (SignalKind::Candidate, envelope.candidate, "candidate"),
        ClientKind::Leave => return Ok(ClientMessage::Leave),
        ClientKind::Offer => (SignalKind::Offer, envelope.sdp, "sdp"),
        ClientKind::Unknown => return Err(DecodeError::UnknownType),
    };
    let to = required(envelope.to, "to")?.0.ok_or(DecodeError::UnknownPeer)?;
    let payload = slice(frame, required(payload, field)?);
    Ok(ClientMessage::Signal { to, signal: Signal { kind, payload } })
}

/// Reads a message that the server sent.
///
/// Fields the type does not have are ignored.
///
/// # Errors
///
/// [`DecodeError::UnknownType`] is what a newer server may cause and a client should pass over; the rest is
/// the server's fault.
pub fn decode_server(frame: &Bytes) -> Result<ServerMessage, DecodeError> {
    let envelope: ServerEnvelope<'_> = parse(frame)?;
    let (kind, payload, field) = match envelope.kind {
        ServerKind::Answer => (SignalKind::Answer, envelope.sdp, "sdp"),
        ServerKind::Candidate => (SignalKind::Candidate, envelope.candidate, "candidate"),
        ServerKind::Error => {
            let name = required(envelope.code, "code")?;
            let code = ErrorCode::from_wire(&name).ok_or(DecodeError::UnknownErrorCode(name))?;
            return Ok(ServerMessage::Error { code, message: envelope.message.unwrap_or_default() });
        }
        ServerKind::Joined => {
            let participants = required(envelope.participants, "participants")?;
            return Ok(ServerMessage::Joined {
                participant_id: id(required(envelope.participant_id, "participant_id")?)?,
                participants: participants.into_iter().map(participant).collect::<Result<_, _>>()?,
            });
        }
        ServerKind::Offer => (SignalKind::Offer, envelope.sdp, "sdp"),
        ServerKind::PeerJoined => {
            let participant = participant(required(envelope.participant, "participant")?)?;
            return Ok(ServerMessage::PeerJoined { participant });
        }
        ServerKind::PeerLeft => {
            let participant_id = id(required(envelope.participant_id, "participant_id")?)?;
            return Ok(ServerMessage::PeerLeft { participant_id });
        }
        ServerKind::RoomClosed => {
            return Ok(ServerMessage::RoomClosed { reason: envelope.reason.unwrap_or_default() });
        }
        ServerKind::Unknown => return Err(DecodeError::UnknownType),
    };
    let from = id(required(envelope.from, "from")?)?;
    let payload = slice(frame, required(payload, field)?);
    Ok(ServerMessage::Signal { from, signal: Signal { kind, payload } })
}

/// Makes the payload of a [`Signal`] of a value: a string for an SDP, an object for a candidate.
///
/// # Errors
///
/// The caller's fault: the value has no JSON form (a map with keys that are not strings, for example).
pub fn payload<T: Serialize + ?Sized>(value: &T) -> Result<Payload, DecodeError> {
    let json = serde_json::to_vec(value).map_err(DecodeError::invalid)?;
    Ok(Payload::from_validated(json.into()))
}

/// A frame that is not a message.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON, or a field is missing or of the wrong type.
    #[error("{0}")]
    Invalid(String),
    /// An `error` message with a code this version does not know.
    #[error("unknown error code `{0}`")]
    UnknownErrorCode(String),
    /// Addressed to something that cannot be a participant id.
    #[error("`to` is not the id of a participant")]
    UnknownPeer,
    /// A type this version does not know.
    #[error("unknown message type")]
    UnknownType,
}

impl DecodeError {
    /// What to tell the sender of the frame.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) | Self::UnknownErrorCode(_) => ErrorCode::InvalidMessage,
            Self::UnknownPeer => ErrorCode::PeerNotFound,
            Self::UnknownType => ErrorCode::UnknownType,
        }
    }

    fn invalid(error: impl fmt::Display) -> Self {
        Self::Invalid(error.to_string())
    }
}

// Flat and not `#[serde(tag = "type")]`: an internally tagged enum cannot borrow a `RawValue`.
#[derive(Deserialize)]
struct ClientEnvelope<'a> {
    #[serde(rename = "type")]
    kind: ClientKind,
    to: Option<Target>,
    #[serde(borrow, default, deserialize_with = "present")]
    sdp: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    candidate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientKind {
    Answer,
    Candidate,
    Leave,
    Offer,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct ServerEnvelope<'a> {
    #[serde(rename = "type")]
    kind: ServerKind,
    from: Option<Target>,
    #[serde(borrow, default, deserialize_with = "present")]
    sdp: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    candidate: Option<&'a RawValue>,
    participant_id: Option<Target>,
    participant: Option<WireParticipant>,
    participants: Option<Vec<WireParticipant>>,
    reason: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ServerKind {
    Answer,
    Candidate,
    Error,
    Joined,
    Offer,
    PeerJoined,
    PeerLeft,
    RoomClosed,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct WireParticipant {
    id: Target,
    name: String,
    is_creator: bool,
}

/// A string where a participant id belongs; `None` if it cannot be one.
#[derive(Clone, Copy)]
struct Target(Option<ParticipantId>);

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        // A visitor takes escaped strings without allocating, which a borrowed `&str` field would refuse.
        impl Visitor<'_> for IdVisitor {
            type Value = Target;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a participant id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Target, E> {
                Ok(Target(text.parse().ok()))
            }
        }

        deserializer.deserialize_str(IdVisitor)
    }
}

/// Keeps `null` apart from absent, which a plain `Option` does not.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn parse<'a, T: Deserialize<'a>>(frame: &'a Bytes) -> Result<T, DecodeError> {
    serde_json::from_slice(frame).map_err(DecodeError::invalid)
}

fn required<T>(field: Option<T>, name: &str) -> Result<T, DecodeError> {
    field.ok_or_else(|| DecodeError::Invalid(format!("missing field `{name}`")))
}

fn id(target: Target) -> Result<ParticipantId, DecodeError> {
    target.0.ok_or_else(|| DecodeError::Invalid("malformed participant id".into()))
}

fn participant(wire: WireParticipant) -> Result<Participant, DecodeError> {
    Ok(Participant { id: id(wire.id)?, name: wire.name.into(), is_creator: wire.is_creator })
}

fn slice(frame: &Bytes, value: &RawValue) -> Payload {
    Payload::from_validated(frame.slice_ref(value.get().as_bytes()))
}
