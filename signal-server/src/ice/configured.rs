//! The configured ICE servers, with time-limited TURN credentials.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use signal_core::ice::IceServer;

use super::source::{IceRequest, IceServerSource, IceServers};
use crate::auth::secret::Secret;

/// The configured STUN and TURN servers, which all participants use.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfiguredServers {
    pub(crate) stun_urls: Vec<String>,
    pub(crate) turn_urls: Vec<String>,
    pub(crate) turn_secret: Option<Secret>,
}

impl ConfiguredServers {
    /// Returns the servers for one participant, with credentials that expire with its room.
    pub(crate) fn for_participant(&self, request: &IceRequest) -> IceServers {
        let mut servers = Vec::new();
        if let (Some(secret), false) = (&self.turn_secret, self.turn_urls.is_empty()) {
            let role = if request.is_creator { "user" } else { "guest" };
            let user = format!("{role}_{}", request.participant);
            let (username, credential) = turn_credential(secret, request.until, &user);
            servers.push(IceServer::turn(&self.turn_urls, username, credential));
        }
        if !self.stun_urls.is_empty() {
            servers.push(IceServer::stun(&self.stun_urls));
        }
        IceServers { servers, expires_at: request.until }
    }
}

#[async_trait]
impl IceServerSource for ConfiguredServers {
    async fn ice_servers(
        &self,
        request: &IceRequest,
    ) -> Result<IceServers, Box<dyn Error + Send + Sync>> {
        Ok(self.for_participant(request))
    }
}

/// Makes a user name that contains the expiry, and its password (draft-uberti-behave-turn-rest).
fn turn_credential(secret: &Secret, expires: SystemTime, user: &str) -> (String, String) {
    let expires = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let username = format!("{expires}:{user}");
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(username.as_bytes());
    let credential = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    (username, credential)
}
