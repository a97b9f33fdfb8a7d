//! Decodes the messages of the server.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use crate::error::ErrorCode;
use crate::ice::IceServers;
use crate::ids::ParticipantId;
use crate::message::{
    Addressee, Missed, ParticipantInfo, PeerUpdate, RequestId, Resumed, RoomInfo, ServerMessage,
    SignalKind, Topic, Welcome,
};
use crate::payload::Payload;
use crate::permissions::Permissions;
use crate::reason::{CloseReason, LeaveReason};
use crate::time::Timestamp;
use crate::wire::error::{DecodeError, Problem};
use crate::wire::field::{self, Raw, SignalFields, Target, id, payload_of, required};
use crate::wire::instant;
use crate::wire::participant::{PermissionsJson, ReadParticipant, ReadRoom, attributes};

/// Decodes a message of the server, in either version of the protocol.
///
/// Fields that the type of message does not have are ignored.
///
/// # Errors
///
/// The frame is not a message. [`Problem::UnknownType`] may come from a newer server, so a client
/// should ignore it; every other problem is the server's fault.
pub fn decode_server(frame: &Bytes) -> Result<ServerMessage, DecodeError> {
    let envelope: Envelope<'_> = serde_json::from_slice(frame).map_err(Problem::invalid)?;
    let req = envelope.req().ok().flatten();
    envelope.message(frame).map_err(|problem| DecodeError { problem, req })
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    from: Option<Target>,
    #[serde(borrow, default)]
    sdp: Raw<'a>,
    #[serde(borrow, default)]
    candidate: Raw<'a>,
    #[serde(borrow, default)]
    neg: Raw<'a>,
    #[serde(borrow, default)]
    tracks: Raw<'a>,
    #[serde(borrow, default)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    t: Raw<'a>,
    #[serde(borrow, default)]
    state: Raw<'a>,
    #[serde(borrow, default)]
    attributes: Raw<'a>,
    #[serde(borrow, default)]
    ice_servers: Raw<'a>,
    #[serde(borrow)]
    participant: Option<ReadParticipant<'a>>,
    #[serde(borrow)]
    participants: Option<Vec<ReadParticipant<'a>>>,
    participant_id: Option<Target>,
    room: Option<ReadRoom>,
    permissions: Option<PermissionsJson>,
    v: Option<u8>,
    ice_expires_at: Option<String>,
    resume_token: Option<String>,
    resume_grace_ms: Option<u64>,
    server_time: Option<String>,
    seq: Option<u64>,
    received: Option<u64>,
    replayed: Option<u64>,
    reason: Option<String>,
    code: Option<String>,
    message: Option<String>,
    about: Option<Target>,
    left: Option<u8>,
    retryable: Option<bool>,
    retry_after_ms: Option<u64>,
    reconnect_after_ms: Option<u64>,
    name: Option<String>,
    topic: Option<String>,
    connected: Option<bool>,
    lossy: Option<bool>,
    publish: Option<bool>,
    req: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Answer,
    Candidate,
    Error,
    IceServers,
    Joined,
    Kicked,
    Message,
    Offer,
    PasswordAttempts,
    PeerJoined,
    PeerLeft,
    PeerUpdated,
    PermissionsUpdated,
    Pong,
    Resumed,
    RoomClosed,
    RoomUpdated,
    ServerDraining,
    #[serde(other)]
    Unknown,
}

impl Envelope<'_> {
    fn message(self, frame: &Bytes) -> Result<ServerMessage, Problem> {
        match self.kind {
            Kind::Answer => self.signal(frame, SignalKind::Answer),
            Kind::Candidate => self.signal(frame, SignalKind::Candidate),
            Kind::Offer => self.signal(frame, SignalKind::Offer),
            Kind::Error => self.error(),
            Kind::IceServers => {
                let req = self.req()?;
                Ok(ServerMessage::IceServers { ice: self.ice(frame)?, req })
            }
            Kind::Joined => self.joined(frame),
            Kind::Kicked => Ok(ServerMessage::Kicked { reason: self.reason.unwrap_or_default() }),
            Kind::Message => {
                let from = required(self.from, "from")?;
                let topic = required(self.topic, "topic")?;
                let topic = Topic::new(&topic).map_err(|error| Problem::field("topic", error))?;
                let data = payload_of(frame, "data", required(self.data.present(), "data")?)?;
                Ok(match from {
                    Target::Host => ServerMessage::HostMessage { topic, data },
                    Target::Nobody | Target::One(_) | Target::Room => {
                        ServerMessage::Message { from: id(from)?, topic, data }
                    }
                })
            }
            Kind::PasswordAttempts => {
                let millis = required(self.retry_after_ms, "retry_after_ms")?;
                let left = required(self.left, "left")?;
                let retry_after = Duration::from_millis(millis);
                Ok(ServerMessage::PasswordAttempts { left, retry_after })
            }
            Kind::PeerJoined => {
                let participant = required(self.participant, "participant")?.parse(frame)?;
                Ok(ServerMessage::PeerJoined { participant })
            }
            Kind::PeerLeft => {
                let participant_id = self.participant_id()?;
                // A reason that only a newer server knows counts as absent.
                let reason = self.reason.as_deref().and_then(LeaveReason::from_wire);
                Ok(ServerMessage::PeerLeft { participant_id, reason })
            }
            Kind::PeerUpdated => {
                let participant_id = self.participant_id()?;
                let update = PeerUpdate {
                    state: self
                        .state
                        .present()
                        .map(|state| payload_of(frame, "state", state))
                        .transpose()?,
                    name: self.name.map(Into::into),
                    attributes: attributes(frame, self.attributes)?,
                    publish: self.publish,
                    connected: self.connected,
                    lossy: self.lossy.unwrap_or(false),
                };
                Ok(ServerMessage::PeerUpdated { participant_id, update })
            }
            Kind::PermissionsUpdated => {
                let permissions = required(self.permissions, "permissions")?.into();
                Ok(ServerMessage::PermissionsUpdated { permissions })
            }
            Kind::Pong => {
                let req = self.req()?;
                let server_time = moment(self.server_time.as_deref(), "server_time")?;
                let t = self.t.present().map(|t| payload_of(frame, "t", t)).transpose()?;
                Ok(ServerMessage::Pong { t: t.unwrap_or_else(Payload::null), server_time, req })
            }
            Kind::Resumed => self.resumed(frame),
            Kind::RoomClosed => {
                let code = self.code.as_deref().and_then(CloseReason::from_wire);
                Ok(ServerMessage::RoomClosed { reason: self.reason.unwrap_or_default(), code })
            }
            Kind::RoomUpdated => {
                Ok(ServerMessage::RoomUpdated { room: required(self.room, "room")?.parse()? })
            }
            Kind::ServerDraining => {
                let millis = required(self.reconnect_after_ms, "reconnect_after_ms")?;
                Ok(ServerMessage::ServerDraining { reconnect_after: Duration::from_millis(millis) })
            }
            Kind::Unknown => Err(Problem::UnknownType),
        }
    }

    fn signal(self, frame: &Bytes, kind: SignalKind) -> Result<ServerMessage, Problem> {
        let from = id(required(self.from, "from")?)?;
        let Self { sdp, candidate, neg, tracks, .. } = self;
        let fields = SignalFields { sdp, candidate, neg, tracks };
        Ok(ServerMessage::Signal { from, signal: fields.parse(frame, kind)? })
    }

    fn error(self) -> Result<ServerMessage, Problem> {
        let req = self.req()?;
        let name = required(self.code, "code")?;
        let code = ErrorCode::from_wire(&name).ok_or(Problem::UnknownErrorCode(name))?;
        let about = self.about.map(addressee).transpose()?;
        let retry_after_ms =
            self.retry_after_ms.or(self.retryable.filter(|retryable| *retryable).map(|_| 0));
        let retry_after = retry_after_ms.map(Duration::from_millis);
        Ok(ServerMessage::Error {
            code,
            message: self.message.unwrap_or_default(),
            about,
            retry_after,
            req,
        })
    }

    fn joined(mut self, frame: &Bytes) -> Result<ServerMessage, Problem> {
        let participants = self.participants(frame)?;
        let participant_id = self.participant_id()?;
        let welcome = match self.v {
            Some(2..) => Some(Welcome {
                ice: self.ice(frame)?,
                room: self.room()?,
                permissions: self.permissions(),
                resume_grace: self.resume_grace()?,
                server_time: moment(self.server_time.as_deref(), "server_time")?,
                resume_token: required(self.resume_token, "resume_token")?.into(),
            }),
            Some(0 | 1) | None => None,
        };
        Ok(ServerMessage::Joined { participant_id, participants, welcome })
    }

    fn resumed(mut self, frame: &Bytes) -> Result<ServerMessage, Problem> {
        let missed = match (self.replayed, self.received) {
            (Some(replayed), Some(received)) => Missed::Replayed { replayed, received },
            (None, _) | (_, None) => Missed::Snapshot {
                participants: self.participants(frame)?,
                participant_id: self.participant_id()?,
                room: self.room()?,
                permissions: self.permissions(),
                resume_grace: self.resume_grace()?,
                server_time: moment(self.server_time.as_deref(), "server_time")?,
            },
        };
        Ok(ServerMessage::Resumed(Resumed {
            seq: required(self.seq, "seq")?,
            missed,
            ice: self.ice(frame)?,
            resume_token: required(self.resume_token, "resume_token")?.into(),
        }))
    }

    fn participants(&mut self, frame: &Bytes) -> Result<Vec<ParticipantInfo>, Problem> {
        let participants = required(self.participants.take(), "participants")?;
        participants.into_iter().map(|participant| participant.parse(frame)).collect()
    }

    fn room(&mut self) -> Result<RoomInfo, Problem> {
        required(self.room.take(), "room")?.parse()
    }

    /// An older server sends none.
    fn permissions(&mut self) -> Permissions {
        self.permissions.take().map_or_else(Permissions::default, Into::into)
    }

    fn ice(&self, frame: &Bytes) -> Result<IceServers, Problem> {
        let servers = field::list(
            frame,
            "ice_servers",
            required(self.ice_servers.present(), "ice_servers")?,
        )?;
        let expires_at = moment(self.ice_expires_at.as_deref(), "ice_expires_at")?;
        Ok(IceServers { servers, expires_at })
    }

    fn participant_id(&self) -> Result<ParticipantId, Problem> {
        id(required(self.participant_id, "participant_id")?)
    }

    fn resume_grace(&self) -> Result<Duration, Problem> {
        required(self.resume_grace_ms, "resume_grace_ms").map(Duration::from_millis)
    }

    fn req(&self) -> Result<Option<RequestId>, Problem> {
        let req = self.req.as_deref().map(RequestId::new);
        req.transpose().map_err(|error| Problem::field("req", error))
    }
}

fn addressee(about: Target) -> Result<Addressee, Problem> {
    match about {
        Target::Host => Ok(Addressee::Host),
        Target::Nobody | Target::One(_) | Target::Room => Ok(id(about)?.into()),
    }
}

fn moment(text: Option<&str>, name: &str) -> Result<Timestamp, Problem> {
    instant::parse(required(text, name)?)
        .ok_or_else(|| Problem::field(name, "expected a time as in RFC 3339"))
}
