//! ICE servers, with time-limited TURN credentials.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha1::Sha1;
use signal_core::{ParticipantId, Room, Seat, Timestamp, wire};

use crate::secret::Secret;

/// The STUN and TURN servers that participants are told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct IceServers {
    pub(crate) stun_urls: Vec<String>,
    pub(crate) turn_urls: Vec<String>,
    pub(crate) turn_secret: Option<Secret>,
}

/// One entry of `ice_servers`, in the form of `RTCIceServer` (W3C WebRTC section 4.2.2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IceServer {
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

impl IceServers {
    /// The same, to be told over a signaling connection.
    pub(crate) fn announced(&self, room: &Room, id: ParticipantId) -> signal_core::IceServers {
        let servers =
            wire::payload(&self.for_participant(room, id)).expect("lists of strings have a JSON form");
        signal_core::IceServers { servers, expires_at: room.expires_at() }
    }

    /// The servers for one participant, with credentials that last as long as its room.
    pub(crate) fn for_participant(&self, room: &Room, id: ParticipantId) -> Vec<IceServer> {
        let mut servers = Vec::new();
        if let (Some(secret), false) = (&self.turn_secret, self.turn_urls.is_empty()) {
            let is_creator = room.seat(id).map_or(id == room.creator_id(), Seat::is_creator);
            let role = if is_creator { "user" } else { "guest" };
            let (username, credential) = turn_credential(secret, room.expires_at(), &format!("{role}_{id}"));
            let urls = self.turn_urls.clone();
            servers.push(IceServer { urls, username: Some(username), credential: Some(credential) });
        }
        if !self.stun_urls.is_empty() {
            servers.push(IceServer { urls: self.stun_urls.clone(), username: None, credential: None });
        }
        servers
    }
}

/// A user name that names its expiry and the password that belongs to it (draft-uberti-behave-turn-rest).
fn turn_credential(secret: &Secret, expires: Timestamp, user: &str) -> (String, String) {
    let username = format!("{}:{user}", expires.as_millis() / 1000);
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(username.as_bytes());
    let credential = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    (username, credential)
}
