//! The JSON that is sent for an event. It contains no password, token or address.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use signal_core::Timestamp;
use signal_core::identity::{Attributes, UserId};
use signal_core::room::CloseReason;
use signal_core::room::event::{
    ChangedSettings, EventLeaveReason, EventParticipant, RoomEvent, RoomEventKind,
};
use signal_core::wire::rfc3339;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::event_type::WebhookEvent;
use crate::clock::{Clock, to_timestamp};
use crate::permissions::PermissionsJson;

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    event: WebhookEvent,
    id: &'a str,
    /// When the event took effect.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    room: Room<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<Participant<'a>>,
    #[serde(flatten)]
    details: Details<'a>,
}

#[derive(Serialize)]
struct Room<'a> {
    id: String,
    /// The `sub` of the access token, if the room has a creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    creator: Option<&'a str>,
    /// The host's own data of the room, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Participant<'a> {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    Changed { changed: Changed<'a> },
    Detached { until: String },
    Ended { reason: &'static str },
    Permitted { permissions: PermissionsJson },
    Replaced { replaces: String },
    Resumed { continued: bool },
    Without {},
}

#[derive(Serialize)]
struct Changed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_participants: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<BTreeMap<String, String>>,
    /// Whether there is a new one, or the old one is void.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    password: bool,
}

/// The JSON of an event.
pub(super) fn body(event: WebhookEvent, id: &str, of: &RoomEvent, clock: Clock) -> Vec<u8> {
    let time = |at: Timestamp| rfc3339(to_timestamp(clock.wall_time(at)));
    let (participant, details) = match &of.kind {
        RoomEventKind::Closed { reason } => (None, Details::Ended { reason: closed(*reason) }),
        RoomEventKind::Changed(settings) => {
            (None, Details::Changed { changed: Changed::of(settings, time) })
        }
        RoomEventKind::Joined { participant }
        | RoomEventKind::Renamed { participant }
        | RoomEventKind::AttributesChanged { participant } => {
            (Some(participant), Details::Without {})
        }
        RoomEventKind::Left { participant, reason } => {
            (Some(participant), Details::Ended { reason: left(*reason) })
        }
        RoomEventKind::PermissionsChanged { participant } => {
            let permissions = participant.permissions.into();
            (Some(participant), Details::Permitted { permissions })
        }
        RoomEventKind::Replaced { participant, replaces } => {
            (Some(participant), Details::Replaced { replaces: replaces.to_string() })
        }
        RoomEventKind::Detached { participant, until } => {
            (Some(participant), Details::Detached { until: time(*until) })
        }
        RoomEventKind::Resumed { participant, continued } => {
            (Some(participant), Details::Resumed { continued: *continued })
        }
        // Of a room that was created, and of its password there is no more to say.
        _ => (None, Details::Without {}),
    };
    let room = Room {
        id: of.key.room.to_string(),
        creator: of.creator.as_deref(),
        data: of.data.as_ref().map(Attributes::texts),
    };
    let data = Data { room, participant: participant.map(Participant::of), details };
    serde_json::to_vec(&Body { event, id, timestamp: time(of.at), data })
        .expect("texts, numbers and maps with text keys are JSON")
}

/// Reads the type of an event from its JSON, and when it took effect; `None` if it is damaged.
pub(super) fn read(body: &[u8]) -> Option<(WebhookEvent, SystemTime)> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "type")]
        event: WebhookEvent,
        timestamp: String,
    }
    let Head { event, timestamp } = serde_json::from_slice(body).ok()?;
    let at = OffsetDateTime::parse(&timestamp, &Rfc3339).ok()?;
    Some((event, at.into()))
}

impl<'a> Participant<'a> {
    fn of(participant: &'a EventParticipant) -> Self {
        let identity = &participant.identity;
        Self {
            id: participant.id.to_string(),
            name: participant.name.to_string(),
            user: identity.user.as_ref().map(UserId::as_str),
            attributes: identity.attributes.as_ref().map(Attributes::texts),
        }
    }
}

impl<'a> Changed<'a> {
    fn of(settings: &'a ChangedSettings, time: impl Fn(Timestamp) -> String) -> Self {
        Self {
            name: settings.name.as_deref(),
            locked: settings.locked,
            max_participants: settings.capacity.map(|capacity| capacity.participants()),
            expires_at: settings.expires_at.map(time),
            data: settings.data.as_ref().map(Attributes::texts),
            password: settings.password,
        }
    }
}

fn closed(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::ByAdmin => "admin",
        CloseReason::ByCreator => "closed_by_creator",
        CloseReason::Expired => "expired",
        _ => "other",
    }
}

fn left(reason: EventLeaveReason) -> &'static str {
    match reason {
        EventLeaveReason::Kicked => "kicked",
        EventLeaveReason::Lost => "lost",
        EventLeaveReason::RoomClosed => "room_closed",
        _ => "left",
    }
}
