//! Encodes the messages of the server.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::ice::IceServers;
use crate::message::{
    Addressee, Missed, ParticipantInfo, PeerUpdate, RequestId, Resumed, ServerMessage, Welcome,
};
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::reason::{CloseReason, LeaveReason};
use crate::wire::field::HOST;
use crate::wire::instant::rfc3339;
use crate::wire::participant::{ParticipantJson, PermissionsJson, RoomJson};
use crate::wire::relayed::{encode_message, encode_signal};
use crate::wire::to_json;

/// Encodes a message of the server; in v1 with exactly the fields of the API document. A message
/// that only v2 has is encoded as in v2.
///
/// Frames are cheap to share: for a broadcast, encode once and clone the bytes.
pub fn encode_server(message: &ServerMessage, protocol: ProtocolVersion) -> Bytes {
    let is_v2 = protocol == ProtocolVersion::V2;
    let json = match message {
        ServerMessage::Signal { from, signal } => {
            return encode_signal("from", from, signal, protocol);
        }
        ServerMessage::Error { code, message, about, retry_after, req } => MessageJson::Error {
            code: code.as_str(),
            message,
            about: about.as_ref().filter(|_| is_v2).map(addressee),
            retryable: is_v2.then_some(retry_after.is_some()),
            retry_after_ms: retry_after.filter(|_| is_v2).map(millis),
            req: text(req.as_ref().filter(|_| is_v2)),
        },
        ServerMessage::HostMessage { topic, data } => return encode_message(HOST, topic, data),
        ServerMessage::IceServers { ice, req } => {
            MessageJson::IceServers { ice: ice.into(), req: text(req.as_ref()) }
        }
        ServerMessage::Joined { participant_id, participants, welcome } => MessageJson::Joined {
            participant_id: participant_id.as_str(),
            participants: list(participants, protocol),
            welcome: welcome.as_ref().filter(|_| is_v2).map(WelcomeJson::from),
        },
        ServerMessage::Kicked { reason } => MessageJson::Kicked { reason },
        ServerMessage::Message { from, topic, data } => {
            return encode_message(from.as_str(), topic, data);
        }
        ServerMessage::PasswordAttempts { left, retry_after } => {
            MessageJson::PasswordAttempts { left: *left, retry_after_ms: millis(*retry_after) }
        }
        ServerMessage::PeerJoined { participant } => {
            MessageJson::PeerJoined { participant: ParticipantJson::of(participant, protocol) }
        }
        ServerMessage::PeerLeft { participant_id, reason } => MessageJson::PeerLeft {
            participant_id: participant_id.as_str(),
            reason: reason.filter(|_| is_v2).map(LeaveReason::as_str),
        },
        ServerMessage::PeerUpdated { participant_id, update } => {
            let PeerUpdate { name, state, attributes, publish, connected, lossy } = update;
            MessageJson::PeerUpdated {
                participant_id: participant_id.as_str(),
                name: name.as_deref(),
                state: state.as_ref().map(Payload::as_raw),
                attributes: attributes.as_ref().map(|attributes| attributes.payload().as_raw()),
                publish: *publish,
                connected: *connected,
                lossy: lossy.then_some(true),
            }
        }
        ServerMessage::PermissionsUpdated { permissions } => {
            MessageJson::PermissionsUpdated { permissions: (*permissions).into() }
        }
        ServerMessage::Pong { t, server_time, req } => MessageJson::Pong {
            t: t.as_raw(),
            server_time: rfc3339(*server_time),
            req: text(req.as_ref()),
        },
        ServerMessage::Resumed(resumed) => MessageJson::Resumed(Box::new(resumed.into())),
        ServerMessage::RoomClosed { reason, code } => MessageJson::RoomClosed {
            reason,
            code: code.filter(|_| is_v2).map(CloseReason::as_str),
        },
        ServerMessage::RoomUpdated { room } => MessageJson::RoomUpdated { room: room.into() },
        ServerMessage::ServerDraining { reconnect_after } => {
            MessageJson::ServerDraining { reconnect_after_ms: millis(*reconnect_after) }
        }
    };
    to_json(&json)
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum MessageJson<'a> {
    Error {
        code: &'static str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        about: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retryable: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        req: Option<&'a str>,
    },
    IceServers {
        #[serde(flatten)]
        ice: IceServersJson<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        req: Option<&'a str>,
    },
    Joined {
        participant_id: &'a str,
        participants: Vec<ParticipantJson<'a>>,
        #[serde(flatten)]
        welcome: Option<WelcomeJson<'a>>,
    },
    Kicked {
        reason: &'a str,
    },
    PasswordAttempts {
        left: u8,
        retry_after_ms: u64,
    },
    PeerJoined {
        participant: ParticipantJson<'a>,
    },
    PeerLeft {
        participant_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
    PeerUpdated {
        participant_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        attributes: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        publish: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        connected: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lossy: Option<bool>,
    },
    PermissionsUpdated {
        permissions: PermissionsJson,
    },
    Pong {
        t: &'a RawValue,
        server_time: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        req: Option<&'a str>,
    },
    Resumed(Box<ResumedJson<'a>>),
    RoomClosed {
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
    },
    RoomUpdated {
        room: RoomJson<'a>,
    },
    ServerDraining {
        reconnect_after_ms: u64,
    },
}

/// The fields of `joined` that only v2 has.
#[derive(Serialize)]
struct WelcomeJson<'a> {
    v: u8,
    room: RoomJson<'a>,
    permissions: PermissionsJson,
    #[serde(flatten)]
    ice: IceServersJson<'a>,
    resume_token: &'a str,
    resume_grace_ms: u64,
    server_time: String,
}

#[derive(Serialize)]
struct IceServersJson<'a> {
    ice_servers: &'a RawValue,
    ice_expires_at: String,
}

#[derive(Serialize)]
struct ResumedJson<'a> {
    seq: u64,
    received: Option<u64>,
    replayed: Option<u64>,
    resume_token: &'a str,
    #[serde(flatten)]
    ice: IceServersJson<'a>,
    #[serde(flatten)]
    snapshot: Option<SnapshotJson<'a>>,
}

#[derive(Serialize)]
struct SnapshotJson<'a> {
    participant_id: &'a str,
    participants: Vec<ParticipantJson<'a>>,
    v: u8,
    room: RoomJson<'a>,
    permissions: PermissionsJson,
    resume_grace_ms: u64,
    server_time: String,
}

impl<'a> From<&'a Welcome> for WelcomeJson<'a> {
    fn from(welcome: &'a Welcome) -> Self {
        Self {
            v: 2,
            room: (&welcome.room).into(),
            permissions: welcome.permissions.into(),
            ice: (&welcome.ice).into(),
            resume_token: &welcome.resume_token,
            resume_grace_ms: millis(welcome.resume_grace),
            server_time: rfc3339(welcome.server_time),
        }
    }
}

impl<'a> From<&'a IceServers> for IceServersJson<'a> {
    fn from(ice: &'a IceServers) -> Self {
        Self { ice_servers: ice.servers.as_raw(), ice_expires_at: rfc3339(ice.expires_at) }
    }
}

impl<'a> From<&'a Resumed> for ResumedJson<'a> {
    fn from(resumed: &'a Resumed) -> Self {
        let (received, replayed, snapshot) = match &resumed.missed {
            Missed::Replayed { replayed, received } => (Some(*received), Some(*replayed), None),
            Missed::Snapshot {
                participant_id,
                participants,
                room,
                permissions,
                resume_grace,
                server_time,
            } => {
                let snapshot = SnapshotJson {
                    participant_id: participant_id.as_str(),
                    participants: list(participants, ProtocolVersion::V2),
                    v: 2,
                    room: room.into(),
                    permissions: (*permissions).into(),
                    resume_grace_ms: millis(*resume_grace),
                    server_time: rfc3339(*server_time),
                };
                (None, None, Some(snapshot))
            }
        };
        let Resumed { seq, resume_token, ice, .. } = resumed;
        Self { seq: *seq, received, replayed, resume_token, ice: ice.into(), snapshot }
    }
}

fn list(participants: &[ParticipantInfo], protocol: ProtocolVersion) -> Vec<ParticipantJson<'_>> {
    participants.iter().map(|participant| ParticipantJson::of(participant, protocol)).collect()
}

fn addressee(about: &Addressee) -> &str {
    match about {
        Addressee::Host => HOST,
        Addressee::Participant(id) => id.as_str(),
    }
}

fn text(req: Option<&RequestId>) -> Option<&str> {
    req.map(RequestId::as_str)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
