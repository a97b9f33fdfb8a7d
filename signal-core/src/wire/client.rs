//! Messages of a participant, read and written.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{DecodeError, Problem};
use super::field::{Target, payload_of, present, required};
use super::signal::encode_signal;
use crate::message::{
    Audience, ClientMessage, Payload, Request, RequestId, Signal, SignalKind, Topic,
};
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;

/// Reads a message that a participant sent.
///
/// Fields the type does not have are ignored, and so is in v1 everything that only v2 has.
///
/// # Errors
///
/// The sender's fault in every case; see [`DecodeError::code`] for what to tell it.
pub fn decode_client(frame: &Bytes, protocol: ProtocolVersion) -> Result<Request, DecodeError> {
    let envelope: Envelope<'_> = serde_json::from_slice(frame).map_err(Problem::invalid)?;
    let req = match protocol {
        ProtocolVersion::V1 => None,
        ProtocolVersion::V2 => envelope.req()?,
    };
    match envelope.message(frame, protocol) {
        Ok(message) => Ok(Request { message, req }),
        Err(problem) => Err(DecodeError { problem, req }),
    }
}

/// Writes a message of a participant.
pub fn encode_client(message: &ClientMessage, req: Option<&RequestId>) -> Bytes {
    let written = match message {
        ClientMessage::Signal { to, signal } => {
            return encode_signal("to", to, signal, ProtocolVersion::V2);
        }
        ClientMessage::GetIceServers => Written::GetIceServers {},
        ClientMessage::Leave => Written::Leave {},
        ClientMessage::Message { to, topic, data } => Written::Message {
            to: match to {
                Audience::One(id) => id.as_str(),
                Audience::Room => EVERYBODY,
            },
            topic: topic.as_str(),
            data: data.as_raw(),
        },
        ClientMessage::Ping { t } => Written::Ping { t: t.as_raw() },
        ClientMessage::Update { name, state } => Written::Update {
            name: name.as_ref().map(DisplayName::as_str),
            state: state.as_ref().map(Payload::as_raw),
        },
    };
    super::to_json(&WithReq { message: written, req: req.map(RequestId::as_str) })
}

// Flat and not `#[serde(tag = "type")]`: an internally tagged enum cannot borrow a `RawValue`.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    to: Option<Target>,
    #[serde(borrow, default, deserialize_with = "present")]
    sdp: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    candidate: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    neg: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    tracks: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    topic: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    t: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    state: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    req: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Answer,
    Candidate,
    GetIceServers,
    Leave,
    Message,
    Offer,
    Ping,
    Update,
    #[serde(other)]
    Unknown,
}

impl Envelope<'_> {
    fn req(&self) -> Result<Option<RequestId>, Problem> {
        let Some(req) = self.req.filter(|req| req.get() != "null") else { return Ok(None) };
        let req = super::field::string(req, "req")?;
        RequestId::new(&req).map(Some).map_err(|error| Problem::field("req", error))
    }

    fn message(self, frame: &Bytes, protocol: ProtocolVersion) -> Result<ClientMessage, Problem> {
        match (self.kind, protocol) {
            (Kind::Answer, _) => self.signal(frame, SignalKind::Answer, protocol),
            (Kind::Candidate, _) => self.signal(frame, SignalKind::Candidate, protocol),
            (Kind::Offer, _) => self.signal(frame, SignalKind::Offer, protocol),
            (Kind::Leave, _) => Ok(ClientMessage::Leave),
            (Kind::GetIceServers, ProtocolVersion::V2) => Ok(ClientMessage::GetIceServers),
            (Kind::Message, ProtocolVersion::V2) => self.application_message(frame),
            (Kind::Ping, ProtocolVersion::V2) => {
                let t = match self.t {
                    Some(t) => payload_of(frame, "t", t)?,
                    None => Payload::null(),
                };
                Ok(ClientMessage::Ping { t })
            }
            (Kind::Update, ProtocolVersion::V2) => self.update(frame),
            (
                Kind::GetIceServers | Kind::Message | Kind::Ping | Kind::Update,
                ProtocolVersion::V1,
            )
            | (Kind::Unknown, _) => Err(Problem::UnknownType),
        }
    }

    fn signal(
        self,
        frame: &Bytes,
        kind: SignalKind,
        protocol: ProtocolVersion,
    ) -> Result<ClientMessage, Problem> {
        let (value, field) = match kind {
            SignalKind::Answer | SignalKind::Offer => (self.sdp, "sdp"),
            SignalKind::Candidate => (self.candidate, "candidate"),
        };
        let to = required(self.to, "to")?.id().ok_or(Problem::UnknownPeer)?;
        let payload = payload_of(frame, field, required(value, field)?)?;
        let mut signal = Signal { kind, payload, negotiation: None, tracks: None };
        if protocol == ProtocolVersion::V2 {
            signal.negotiation = self.neg.map(super::field::negotiation).transpose()?;
            if kind == SignalKind::Offer {
                signal.tracks = self
                    .tracks
                    .map(|tracks| super::field::list(frame, "tracks", tracks))
                    .transpose()?;
            }
        }
        Ok(ClientMessage::Signal { to, signal })
    }

    fn application_message(self, frame: &Bytes) -> Result<ClientMessage, Problem> {
        let to = match required(self.to, "to")? {
            Target::Room => Audience::Room,
            Target::One(id) => Audience::One(id),
            Target::Nobody => return Err(Problem::UnknownPeer),
        };
        let topic = super::field::string(required(self.topic, "topic")?, "topic")?;
        let topic = Topic::new(&topic).map_err(|error| Problem::field("topic", error))?;
        let data = payload_of(frame, "data", required(self.data, "data")?)?;
        Ok(ClientMessage::Message { to, topic, data })
    }

    fn update(self, frame: &Bytes) -> Result<ClientMessage, Problem> {
        let name = match self.name.filter(|name| name.get() != "null") {
            Some(name) => {
                let name = super::field::string(name, "name")?;
                DisplayName::parse(&name).map_err(|error| Problem::field("name", error))?
            }
            None => None,
        };
        let state = self.state.map(|state| payload_of(frame, "state", state)).transpose()?;
        Ok(ClientMessage::Update { name, state })
    }
}

#[derive(Serialize)]
struct WithReq<'a> {
    #[serde(flatten)]
    message: Written<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    req: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Written<'a> {
    GetIceServers {},
    Leave {},
    Message {
        to: &'a str,
        topic: &'a str,
        data: &'a RawValue,
    },
    Ping {
        t: &'a RawValue,
    },
    Update {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'a RawValue>,
    },
}

/// The addressee of a message to the whole room.
pub(super) const EVERYBODY: &str = "room";
