//! Decodes the messages of participants.

use bytes::Bytes;
use serde::Deserialize;

use crate::message::{Audience, ClientMessage, Moderation, Request, RequestId, SignalKind, Topic};
use crate::name::DisplayName;
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::wire::error::{DecodeError, Problem};
use crate::wire::field::{self, Raw, SignalFields, Target, payload_of, required};

/// Decodes a message of a participant.
///
/// Fields that the type of message does not have are ignored. In v1 everything that only v2 has is
/// ignored too.
///
/// # Errors
///
/// The frame is not a message. [`DecodeError::code`] is the error code for its sender.
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

// One flat struct and not an enum with `#[serde(tag = "type")]`, which cannot borrow a `RawValue`.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(borrow, default)]
    to: Raw<'a>,
    #[serde(borrow, default)]
    sdp: Raw<'a>,
    #[serde(borrow, default)]
    candidate: Raw<'a>,
    #[serde(borrow, default)]
    neg: Raw<'a>,
    #[serde(borrow, default)]
    tracks: Raw<'a>,
    #[serde(borrow, default)]
    topic: Raw<'a>,
    #[serde(borrow, default)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    t: Raw<'a>,
    #[serde(borrow, default)]
    name: Raw<'a>,
    #[serde(borrow, default)]
    state: Raw<'a>,
    #[serde(borrow, default)]
    action: Raw<'a>,
    #[serde(borrow, default)]
    participant_id: Raw<'a>,
    #[serde(borrow, default)]
    req: Raw<'a>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Answer,
    Candidate,
    GetIceServers,
    Leave,
    Message,
    Moderate,
    Offer,
    Ping,
    Update,
    #[serde(other)]
    Unknown,
}

impl Envelope<'_> {
    fn req(&self) -> Result<Option<RequestId>, Problem> {
        let Some(req) = self.req.not_null() else { return Ok(None) };
        let req = field::string(req, "req")?;
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
            (Kind::Moderate, ProtocolVersion::V2) => self.moderation(),
            (Kind::Ping, ProtocolVersion::V2) => {
                let t = match self.t.present() {
                    Some(t) => payload_of(frame, "t", t)?,
                    None => Payload::null(),
                };
                Ok(ClientMessage::Ping { t })
            }
            (Kind::Update, ProtocolVersion::V2) => self.update(frame),
            (
                Kind::GetIceServers | Kind::Message | Kind::Moderate | Kind::Ping | Kind::Update,
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
        let to = field::target(self.to, "to")?.id().ok_or(Problem::UnknownPeer)?;
        let mut fields =
            SignalFields { sdp: self.sdp, candidate: self.candidate, ..SignalFields::default() };
        if protocol == ProtocolVersion::V2 {
            fields.neg = self.neg;
            match kind {
                SignalKind::Answer | SignalKind::Offer => fields.tracks = self.tracks,
                SignalKind::Candidate => {}
            }
        }
        Ok(ClientMessage::Signal { to, signal: fields.parse(frame, kind)? })
    }

    fn application_message(self, frame: &Bytes) -> Result<ClientMessage, Problem> {
        let to = match field::target(self.to, "to")? {
            Target::Host => Audience::Host,
            Target::Room => Audience::Room,
            Target::One(id) => Audience::One(id),
            Target::Nobody => return Err(Problem::UnknownPeer),
        };
        let topic = field::string(required(self.topic.present(), "topic")?, "topic")?;
        let topic = Topic::new(&topic).map_err(|error| Problem::field("topic", error))?;
        let data = payload_of(frame, "data", required(self.data.present(), "data")?)?;
        Ok(ClientMessage::Message { to, topic, data })
    }

    fn moderation(self) -> Result<ClientMessage, Problem> {
        let action = field::string(required(self.action.present(), "action")?, "action")?;
        let participant = || {
            let target = field::target(self.participant_id, "participant_id")?;
            target.id().ok_or(Problem::UnknownPeer)
        };
        let moderation = match &*action {
            "ban" => Moderation::Ban(participant()?),
            "close" => Moderation::Close,
            "kick" => Moderation::Kick(participant()?),
            "lock" => Moderation::Lock,
            "unlock" => Moderation::Unlock,
            _ => return Err(Problem::field("action", "expected kick, ban, lock, unlock or close")),
        };
        Ok(ClientMessage::Moderate(moderation))
    }

    fn update(self, frame: &Bytes) -> Result<ClientMessage, Problem> {
        let name = match self.name.not_null() {
            Some(name) => {
                let name = field::typed_text(name, "name")?.without_halves();
                DisplayName::parse(&name).map_err(|error| Problem::field("name", error))?
            }
            None => None,
        };
        let state =
            self.state.present().map(|state| payload_of(frame, "state", state)).transpose()?;
        Ok(ClientMessage::Update { name, state })
    }
}
