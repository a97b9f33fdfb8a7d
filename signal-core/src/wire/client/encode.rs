//! Encodes the messages of participants.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::ids::ParticipantId;
use crate::message::{Audience, ClientMessage, Moderation, RequestId};
use crate::name::DisplayName;
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::wire::field::{EVERYBODY, HOST};
use crate::wire::relayed::encode_signal;
use crate::wire::to_json;

/// Encodes a message of a participant.
pub fn encode_client(message: &ClientMessage, req: Option<&RequestId>) -> Bytes {
    let json = match message {
        ClientMessage::Signal { to, signal } => {
            return encode_signal("to", to, signal, ProtocolVersion::V2);
        }
        ClientMessage::GetIceServers => MessageJson::GetIceServers {},
        ClientMessage::Leave => MessageJson::Leave {},
        ClientMessage::Message { to, topic, data } => MessageJson::Message {
            to: match to {
                Audience::Host => HOST,
                Audience::One(id) => id.as_str(),
                Audience::Room => EVERYBODY,
            },
            topic: topic.as_str(),
            data: data.as_raw(),
        },
        ClientMessage::Moderate(moderation) => {
            let (action, participant) = match moderation {
                Moderation::Ban(id) => ("ban", Some(id)),
                Moderation::Close => ("close", None),
                Moderation::Kick(id) => ("kick", Some(id)),
                Moderation::Lock => ("lock", None),
                Moderation::Unlock => ("unlock", None),
            };
            let participant_id = participant.map(ParticipantId::as_str);
            MessageJson::Moderate { action, participant_id }
        }
        ClientMessage::Ping { t } => MessageJson::Ping { t: t.as_raw() },
        ClientMessage::Update { name, state } => MessageJson::Update {
            name: name.as_ref().map(DisplayName::as_str),
            state: state.as_ref().map(Payload::as_raw),
        },
    };
    to_json(&RequestJson { message: json, req: req.map(RequestId::as_str) })
}

#[derive(Serialize)]
struct RequestJson<'a> {
    #[serde(flatten)]
    message: MessageJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    req: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum MessageJson<'a> {
    GetIceServers {},
    Leave {},
    Message {
        to: &'a str,
        topic: &'a str,
        data: &'a RawValue,
    },
    Moderate {
        action: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        participant_id: Option<&'a str>,
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
