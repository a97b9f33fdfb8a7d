//! Formats the server's responses for output.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use super::args::RoomsCommand;
use super::table::{printable, table};

/// The output of a command.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Report {
    pub(super) text: String,
    /// The failed parts, each as a line for standard error.
    pub(super) problems: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    rooms: Vec<Room>,
}

#[derive(Deserialize)]
struct Room {
    room_id: String,
    name: String,
    creator: Option<String>,
    has_password: bool,
    max_participants: u32,
    participant_count: u32,
    locked: bool,
    password_attempts_left: u32,
    on_creator_leave: String,
    created_at: String,
    expires_at: String,
}

#[derive(Deserialize)]
struct Details {
    #[serde(flatten)]
    room: Room,
    participants: Vec<Participant>,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Participant {
    id: String,
    name: String,
    is_creator: bool,
    connected: bool,
    user: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    permissions: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
struct Credentials {
    password: Option<String>,
    invite_token: Option<String>,
    join_url: Option<String>,
}

#[derive(Deserialize)]
struct Sent {
    refused: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    participant_id: String,
    code: String,
}

#[derive(Deserialize)]
struct RoomToken {
    ws_token: String,
}

impl Report {
    /// Formats the response to a command for people.
    ///
    /// # Errors
    ///
    /// The response lacks a field, as from a server of another version.
    pub(super) fn of(command: &RoomsCommand, answer: &Value) -> Result<Self, serde_json::Error> {
        let text = match command {
            RoomsCommand::List => list(&List::deserialize(answer)?),
            RoomsCommand::Create(_) => {
                let Room { room_id, .. } = Room::deserialize(answer)?;
                let credentials = credentials(&Credentials::deserialize(answer)?);
                format!("{:24} {room_id}\n{credentials}", "room")
            }
            RoomsCommand::Show(_) => details(&Details::deserialize(answer)?),
            RoomsCommand::Change(_)
            | RoomsCommand::RestoreAttempts(_)
            | RoomsCommand::SetAttributes(_)
            | RoomsCommand::SetData(_)
            | RoomsCommand::SetName(_)
            | RoomsCommand::SetPermissions(_) => "changed\n".to_owned(),
            RoomsCommand::RotatePassword(_) => credentials(&Credentials::deserialize(answer)?),
            RoomsCommand::Kick(_) => "removed\n".to_owned(),
            RoomsCommand::Ban(_) => {
                format!("removed\n{}", credentials(&Credentials::deserialize(answer)?))
            }
            RoomsCommand::Send(_) => {
                return Ok(Self { text: "sent\n".to_owned(), problems: problems(answer)? });
            }
            RoomsCommand::Token(_) => RoomToken::deserialize(answer)?.ws_token + "\n",
            RoomsCommand::Close(_) => "closed\n".to_owned(),
        };
        Ok(Self { text, problems: Vec::new() })
    }

    /// Formats the response to a command as JSON.
    ///
    /// # Errors
    ///
    /// The response lacks a field, as from a server of another version.
    pub(super) fn json(command: &RoomsCommand, answer: &Value) -> Result<Self, serde_json::Error> {
        let problems = match command {
            RoomsCommand::Send(_) => problems(answer)?,
            RoomsCommand::List
            | RoomsCommand::Create(_)
            | RoomsCommand::Show(_)
            | RoomsCommand::Change(_)
            | RoomsCommand::RotatePassword(_)
            | RoomsCommand::RestoreAttempts(_)
            | RoomsCommand::Kick(_)
            | RoomsCommand::Ban(_)
            | RoomsCommand::Token(_)
            | RoomsCommand::SetAttributes(_)
            | RoomsCommand::SetData(_)
            | RoomsCommand::SetName(_)
            | RoomsCommand::SetPermissions(_)
            | RoomsCommand::Close(_) => Vec::new(),
        };
        Ok(Self { text: format!("{answer}\n"), problems })
    }
}

fn list(List { rooms }: &List) -> String {
    let rows = rooms.iter().map(|room| {
        [
            room.room_id.clone(),
            format!("{}/{}", room.participant_count, room.max_participants),
            yes(room.locked),
            room.expires_at.clone(),
            printable(room.creator.as_deref().unwrap_or("-")),
            printable(&room.name),
        ]
    });
    table(["ROOM", "PARTICIPANTS", "LOCKED", "EXPIRES", "CREATOR", "NAME"], rows)
}

fn details(Details { room, participants, data }: &Details) -> String {
    let attempts = room.has_password.then(|| room.password_attempts_left.to_string());
    let on_creator_leave = room.creator.as_ref().map(|_| room.on_creator_leave.clone());
    let lines = [
        ("room", room.room_id.clone()),
        ("name", printable(&room.name)),
        ("creator", printable(room.creator.as_deref().unwrap_or_default())),
        ("participants", format!("{} of {}", room.participant_count, room.max_participants)),
        ("locked", yes(room.locked)),
        ("password attempts left", attempts.unwrap_or_default()),
        ("when the creator leaves", on_creator_leave.unwrap_or_default()),
        ("created", room.created_at.clone()),
        ("expires", room.expires_at.clone()),
        ("data", pairs(data)),
    ];
    let mut text = String::new();
    for (name, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{name:24} {value}");
    }
    let rows = participants.iter().map(|participant| {
        [
            participant.id.clone(),
            yes(participant.connected),
            yes(participant.is_creator),
            printable(participant.user.as_deref().unwrap_or("-")),
            printable(&participant.name),
            permitted(&participant.permissions),
            pairs(&participant.attributes),
        ]
    });
    let headings =
        ["PARTICIPANT", "CONNECTED", "CREATOR", "USER", "NAME", "PERMISSIONS", "ATTRIBUTES"];
    format!("{text}\n{}", table(headings, rows))
}

fn permitted(permissions: &BTreeMap<String, bool>) -> String {
    let permitted = permissions.iter().filter(|(_, is_permitted)| **is_permitted);
    permitted.map(|(name, _)| printable(name)).collect::<Vec<_>>().join(" ")
}

fn pairs(texts: &BTreeMap<String, String>) -> String {
    let pairs = texts.iter().map(|(name, text)| printable(&format!("{name}={text}")));
    pairs.collect::<Vec<_>>().join(" ")
}

/// The lines for a new password and invite; none if they did not change.
fn credentials(new: &Credentials) -> String {
    let lines = [
        ("password", &new.password),
        ("invite token", &new.invite_token),
        ("join URL", &new.join_url),
    ];
    let given = lines.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    given.map(|(name, value)| format!("{name:24} {value}\n")).collect()
}

fn problems(answer: &Value) -> Result<Vec<String>, serde_json::Error> {
    let Sent { refused } = Sent::deserialize(answer)?;
    let problems = refused.iter().map(|Refusal { participant_id, code }| {
        format!("{participant_id} does not get the message: {code}")
    });
    Ok(problems.collect())
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}
