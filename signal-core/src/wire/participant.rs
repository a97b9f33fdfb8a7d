//! Participants and rooms within messages, in both directions.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::Problem;
use super::field::{Raw, Target, id, payload_of};
use super::instant;
use crate::identity::Attributes;
use crate::message::{ParticipantInfo, RoomInfo};
use crate::payload::Payload;
use crate::permissions::Permissions;
use crate::protocol::ProtocolVersion;

/// A participant, as it is decoded.
#[derive(Deserialize)]
pub(super) struct ReadParticipant<'a> {
    id: Target,
    name: String,
    is_creator: bool,
    connected: Option<bool>,
    #[serde(borrow, default)]
    state: Raw<'a>,
    #[serde(borrow, default)]
    attributes: Raw<'a>,
    publish: Option<bool>,
}

impl ReadParticipant<'_> {
    pub(super) fn parse(self, frame: &Bytes) -> Result<ParticipantInfo, Problem> {
        Ok(ParticipantInfo {
            id: id(self.id)?,
            name: self.name.into(),
            is_creator: self.is_creator,
            connected: self.connected.unwrap_or(true),
            state: self
                .state
                .present()
                .map(|state| payload_of(frame, "state", state))
                .transpose()?,
            attributes: attributes(frame, self.attributes)?,
            publish: self.publish.unwrap_or(true),
        })
    }
}

/// Reads the attributes of a participant.
pub(super) fn attributes(frame: &Bytes, read: Raw<'_>) -> Result<Option<Attributes>, Problem> {
    let Some(attributes) = read.present() else { return Ok(None) };
    let json = payload_of(frame, "attributes", attributes)?.into();
    let attributes = Attributes::from_json(&json);
    attributes.map(Some).map_err(|error| Problem::field("attributes", error))
}

/// A room, as it is decoded.
#[derive(Deserialize)]
pub(super) struct ReadRoom {
    id: String,
    name: String,
    max_participants: u16,
    expires_at: String,
    locked: bool,
}

impl ReadRoom {
    pub(super) fn parse(self) -> Result<RoomInfo, Problem> {
        let invalid = |field| Problem::field(field, "malformed");
        Ok(RoomInfo {
            id: self.id.parse().map_err(|error| Problem::field("room.id", error))?,
            name: self.name.into(),
            max_participants: self.max_participants,
            expires_at: instant::parse(&self.expires_at)
                .ok_or_else(|| invalid("room.expires_at"))?,
            locked: self.locked,
        })
    }
}

/// A participant, as it is encoded.
#[derive(Serialize)]
pub(super) struct ParticipantJson<'a> {
    id: &'a str,
    name: &'a str,
    is_creator: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<&'a RawValue>,
    /// Only where it may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<bool>,
}

impl<'a> ParticipantJson<'a> {
    pub(super) fn of(participant: &'a ParticipantInfo, protocol: ProtocolVersion) -> Self {
        let is_v2 = protocol == ProtocolVersion::V2;
        Self {
            id: participant.id.as_str(),
            name: &participant.name,
            is_creator: participant.is_creator,
            connected: is_v2.then_some(participant.connected),
            state: participant.state.as_ref().filter(|_| is_v2).map(Payload::as_raw),
            attributes: participant
                .attributes
                .as_ref()
                .filter(|_| is_v2)
                .map(|attributes| attributes.payload().as_raw()),
            publish: (is_v2 && !participant.publish).then_some(false),
        }
    }
}

/// A room, as it is encoded.
#[derive(Serialize)]
pub(super) struct RoomJson<'a> {
    id: &'a str,
    name: &'a str,
    max_participants: u16,
    expires_at: String,
    locked: bool,
}

impl<'a> From<&'a RoomInfo> for RoomJson<'a> {
    fn from(room: &'a RoomInfo) -> Self {
        Self {
            id: room.id.as_str(),
            name: &room.name,
            max_participants: room.max_participants,
            expires_at: instant::rfc3339(room.expires_at),
            locked: room.locked,
        }
    }
}

/// What a participant may do. A field that is absent, as from an older server, stands for the
/// permission that a guest has by default.
#[derive(Deserialize, Serialize)]
pub(super) struct PermissionsJson {
    #[serde(default = "permitted")]
    message: bool,
    #[serde(default = "permitted")]
    update: bool,
    #[serde(default = "permitted")]
    publish: bool,
    #[serde(default)]
    moderate: bool,
}

impl From<Permissions> for PermissionsJson {
    fn from(permissions: Permissions) -> Self {
        let Permissions { message, update, publish, moderate, .. } = permissions;
        Self { message, update, publish, moderate }
    }
}

impl From<PermissionsJson> for Permissions {
    fn from(permissions: PermissionsJson) -> Self {
        let PermissionsJson { message, update, publish, moderate } = permissions;
        Self { message, update, publish, moderate, ..Self::NONE }
    }
}

fn permitted() -> bool {
    true
}
