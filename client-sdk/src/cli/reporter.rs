//! Prints what happens in the room, one line for each event.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use signal_core::{ParticipantId, Permissions};

use super::output::Output;
use crate::event::Event;
use crate::participant::Participant;
use crate::session::CloseReason;

#[derive(Clone)]
pub(super) struct Reporter {
    output: Output,
    participant: Participant,
}

impl Reporter {
    pub(super) fn new(output: Output, participant: Participant) -> Self {
        Self { output, participant }
    }

    /// Prints a line, with the time of day in UTC, or an object with the name of the event.
    pub(super) fn tell(&self, event: &str, text: &str, mut json: Value) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = now.as_secs();
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        json["event"] = event.into();
        json["time"] = now.as_secs_f64().into();
        self.output.print(format!("{hour:02}:{minute:02}:{second:02}Z {text}"), &json);
    }

    /// Prints an event, unless it is of no interest.
    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::ActiveSpeaker { participant } => {
                let text = participant.map_or_else(
                    || "nobody speaks".to_owned(),
                    |id| format!("{} speaks", self.name(id)),
                );
                let id = participant.as_ref().map(ParticipantId::as_str);
                self.tell("active_speaker", &text, json!({"participant": id}));
            }
            Event::Closed(reason) => self.closed(reason),
            Event::ConnectionState { participant, state, failure } => {
                let name = self.name(*participant);
                let state = format!("{state:?}").to_lowercase();
                let failure = failure.map(|failure| failure.to_string());
                let why = failure.as_ref().map_or(String::new(), |failure| format!(": {failure}"));
                let text = format!("{name}: connection {state}{why}");
                let json = json!({
                    "participant": participant.as_str(),
                    "state": state,
                    "failure": failure,
                });
                self.tell("connection", &text, json);
            }
            Event::HostMessage { topic, data } => {
                let (topic_text, bytes) = (topic.escape_debug(), data.len());
                let text = format!("the server: message \"{topic_text}\" of {bytes} bytes");
                let data: Value = serde_json::from_slice(data).unwrap_or_default();
                self.tell("host_message", &text, json!({"topic": topic, "data": data}));
            }
            Event::Message { from, topic, data } => {
                let (name, bytes) = (self.name(*from), data.len());
                let text = format!("{name}: message \"{}\" of {bytes} bytes", topic.escape_debug());
                let data: Value = serde_json::from_slice(data).unwrap_or_default();
                let json = json!({"participant": from.as_str(), "topic": topic, "data": data});
                self.tell("message", &text, json);
            }
            Event::Degraded { slot, reason } => {
                let json = json!({"slot": slot.to_string(), "reason": reason.to_string()});
                self.tell("degraded", &format!("{slot} is no longer sent: {reason}"), json);
            }
            Event::Data { participant, data } => {
                self.data(*participant, data);
            }
            Event::DataChannel(channel) => {
                let (id, label) = (channel.participant(), channel.label());
                let text = format!("{}: channel \"{}\"", self.name(id), label.escape_debug());
                let json = json!({"participant": id.as_str(), "label": label});
                self.tell("channel", &text, json);
            }
            Event::Ended { slot } => {
                self.tell(
                    "played",
                    &format!("{slot} has played to its end"),
                    json!({"slot": slot.to_string()}),
                );
            }
            Event::Lagged { dropped } => {
                self.tell(
                    "lagged",
                    &format!("{dropped} events were lost"),
                    json!({"dropped": dropped}),
                );
            }
            Event::OverBudget { cost, budget } => {
                let needed = cost.upload;
                let text =
                    format!("sending to everybody needs {needed} bit/s; the budget is {budget}");
                self.tell("over_budget", &text, json!({"needed": needed, "budget": budget}));
            }
            Event::ParticipantJoined(info) => {
                let text = format!("{} ({}) is in the room", info.name.escape_debug(), info.id);
                let json = json!({"participant": info.id.as_str(), "name": &*info.name});
                self.tell("participant_joined", &text, json);
            }
            Event::ParticipantLeft(id) => {
                self.tell(
                    "participant_left",
                    &format!("{id} has left"),
                    json!({"participant": id.as_str()}),
                );
            }
            Event::PermissionsChanged(permissions) => {
                let Permissions { message, update, publish, moderate, .. } = *permissions;
                let json = json!({
                    "message": message,
                    "update": update,
                    "publish": publish,
                    "moderate": moderate,
                });
                let text = format!(
                    "permissions: message {message}, update {update}, publish {publish}, \
                     moderate {moderate}"
                );
                self.tell("permissions_changed", &text, json);
            }
            Event::Reconnecting => {
                self.tell("reconnecting", "lost the server, looking for it", json!({}));
            }
            Event::Rejoined { id } => {
                self.tell(
                    "rejoined",
                    &format!("back in the room as {id}"),
                    json!({"id": id.as_str()}),
                );
            }
            Event::Resumed { lossy } => {
                self.tell("resumed", "the server is back", json!({"lossy": lossy}));
            }
            Event::RoomExpiring { left } => {
                let seconds = left.as_secs();
                let text = format!("the room ends in {seconds} s");
                self.tell("room_expiring", &text, json!({"seconds": seconds}));
            }
            Event::ShareEnded { reason } => {
                let text = format!("the shared screen has ended: {reason}");
                self.tell("share_ended", &text, json!({"reason": reason.to_string()}));
            }
            Event::SignalingLost { reason } => {
                let text = format!("cannot return to the room; media continues: {reason}");
                self.tell("signaling_lost", &text, json!({"reason": reason}));
            }
            Event::SignalingError { code, message } => {
                let json = json!({"code": code, "message": message});
                self.tell(
                    "signaling_error",
                    &format!("the server refused: {message} ({code})"),
                    json,
                );
            }
            Event::Track(track) => {
                let (id, kind) = (track.participant(), track.kind());
                let codec =
                    track.codec().map_or("an unknown codec".to_owned(), |codec| codec.to_string());
                let source = track.source().map(|source| source.to_string());
                let slot = track.slot().map(|slot| slot.to_string());
                let json = json!({
                    "participant": id.as_str(),
                    "kind": kind.to_string(),
                    "codec": codec,
                    "slot": slot,
                    "source": source,
                });
                self.tell("track", &format!("{}: {kind} in {codec}", self.name(id)), json);
            }
            Event::DataChannelOpen { .. }
            | Event::IceServers(_)
            | Event::ParticipantUpdated { .. }
            | Event::PasswordAttempts { .. }
            | Event::RoomUpdated(_) => {}
        }
    }

    fn data(&self, from: ParticipantId, data: &[u8]) {
        let text = String::from_utf8_lossy(data);
        let shown: String = text.escape_debug().take(MAX_SHOWN).collect();
        let line = format!("{}: {} bytes \"{shown}\"", self.name(from), data.len());
        let json = json!({"participant": from.as_str(), "text": text, "bytes": data.len()});
        self.tell("data", &line, json);
    }

    fn closed(&self, reason: &CloseReason) {
        let (name, text) = match reason {
            CloseReason::Kicked { reason } => ("kicked", reason.clone()),
            CloseReason::Left => ("left", String::new()),
            CloseReason::Refused { code } => ("refused", code.to_string()),
            CloseReason::Replaced => ("replaced", String::new()),
            CloseReason::RoomClosed { reason } => ("room_closed", reason.clone()),
            CloseReason::RoomExpired { reason } => ("room_expired", reason.clone()),
            CloseReason::SignalingLost { reason } => ("signaling_lost", reason.clone()),
        };
        let line = format!("the room is over: {} {text}", name.replace('_', " "));
        self.tell("closed", line.trim_end(), json!({"reason": name, "text": text}));
    }

    /// The name to print for a participant, or its id if it has none.
    fn name(&self, id: ParticipantId) -> String {
        let name = self.participant.participant(id).map(|info| info.name);
        name.map_or_else(|| id.to_string(), |name| format!("{} ({id})", name.escape_debug()))
    }
}

const MAX_SHOWN: usize = 60;
