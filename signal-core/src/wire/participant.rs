//! Participants and rooms within messages.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::Problem;
use super::field::{Target, payload_of, present};
use super::instant;
use crate::message::{ParticipantInfo, Payload, RoomInfo};
use crate::protocol::ProtocolVersion;

/// An entry of the list of participants, as it is read.
#[derive(Deserialize)]
pub(super) struct ReadParticipant<'a> {
    id: Target,
    name: String,
    is_creator: bool,
    connected: Option<bool>,
    #[serde(borrow, default, deserialize_with = "present")]
    state: Option<&'a RawValue>,
}

impl ReadParticipant<'_> {
    pub(super) fn parse(self, frame: &Bytes) -> Result<ParticipantInfo, Problem> {
        Ok(ParticipantInfo {
            id: super::server::id(self.id)?,
            name: self.name.into(),
            is_creator: self.is_creator,
            connected: self.connected.unwrap_or(true),
            state: self.state.map(|state| payload_of(frame, "state", state)).transpose()?,
        })
    }
}

/// The room, as it is read.
#[derive(Deserialize)]
pub(super) struct ReadRoom {
    id: String,
    name: String,
    max_participants: u8,
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

/// An entry of the list of participants, as it is written.
#[derive(Serialize)]
pub(super) struct WrittenParticipant<'a> {
    id: &'a str,
    name: &'a str,
    is_creator: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a RawValue>,
}

impl<'a> WrittenParticipant<'a> {
    pub(super) fn of(participant: &'a ParticipantInfo, protocol: ProtocolVersion) -> Self {
        let is_v2 = protocol == ProtocolVersion::V2;
        Self {
            id: participant.id.as_str(),
            name: &participant.name,
            is_creator: participant.is_creator,
            connected: is_v2.then_some(participant.connected),
            state: participant.state.as_ref().filter(|_| is_v2).map(Payload::as_raw),
        }
    }
}

/// The room, as it is written.
#[derive(Serialize)]
pub(super) struct WrittenRoom<'a> {
    id: &'a str,
    name: &'a str,
    max_participants: u8,
    expires_at: String,
    locked: bool,
}

impl<'a> From<&'a RoomInfo> for WrittenRoom<'a> {
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
