//! The messages of the hubs, decoded without the crate's own decoder.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use signal_core::{ParticipantId, Permissions};

/// A message of the server, with every field that any of them has.
#[derive(Debug, Deserialize)]
pub struct Told {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub participant_id: Option<Id>,
    #[serde(default)]
    pub participants: Option<Vec<Listed>>,
    #[serde(default)]
    pub participant: Option<Listed>,
    #[serde(default)]
    pub from: Option<Id>,
    #[serde(default, deserialize_with = "present")]
    pub sdp: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    pub candidate: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    pub data: Option<Box<RawValue>>,
    #[serde(default)]
    pub neg: Option<u32>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub about: Option<Id>,
    #[serde(default)]
    pub v: Option<u8>,
    #[serde(default)]
    pub room: Option<RoomTold>,
    #[serde(default)]
    pub permissions: Option<PermissionsTold>,
    #[serde(default)]
    pub resume_token: Option<String>,
    #[serde(default)]
    pub seq: Option<u64>,
    #[serde(default)]
    pub replayed: Option<u64>,
    #[serde(default)]
    pub received: Option<u64>,
    #[serde(default)]
    pub connected: Option<bool>,
    #[serde(default)]
    pub lossy: bool,
    #[serde(default)]
    pub publish: Option<bool>,
    #[serde(default)]
    pub req: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub state: Option<Box<RawValue>>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// An entry of a list of participants.
#[derive(Clone, Debug, Deserialize)]
pub struct Listed {
    pub id: Id,
    pub name: String,
    pub is_creator: bool,
    #[serde(default)]
    pub connected: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    pub state: Option<Box<RawValue>>,
    #[serde(default)]
    pub publish: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct PermissionsTold {
    pub message: bool,
    pub update: bool,
    pub publish: bool,
    pub moderate: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RoomTold {
    pub name: String,
    pub max_participants: u16,
    pub locked: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Id(pub ParticipantId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl From<Permissions> for PermissionsTold {
    fn from(permissions: Permissions) -> Self {
        let Permissions { message, update, publish, moderate, .. } = permissions;
        Self { message, update, publish, moderate }
    }
}

impl Told {
    pub fn parse(frame: &[u8]) -> Self {
        serde_json::from_slice(frame)
            .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(frame)))
    }

    /// The value that a participant has sent, exactly as it arrived.
    pub fn payload(&self) -> Option<&str> {
        self.sdp.as_ref().or(self.candidate.as_ref()).or(self.data.as_ref()).map(|raw| raw.get())
    }

    pub fn is_relayed(&self) -> bool {
        matches!(self.kind.as_str(), "offer" | "answer" | "candidate" | "message")
    }
}

/// The number that follows a word such as `m=` in a payload.
pub fn number(payload: &str, word: &str) -> Option<u64> {
    let digits = &payload[payload.find(word)? + word.len()..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Keeps `null` apart from absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}
