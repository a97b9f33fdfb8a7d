//! What every request and connection shares.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use signal_core::{PasswordTag, RoomId};

use crate::auth::identity::Identity;
use crate::auth::origin::Origins;
use crate::auth::ws_token::WsTokens;
use crate::client_address::{Address, TrustedProxies};
use crate::clock::Clock;
use crate::ice::Ice;
use crate::limits::quota::{Occupancy, Quota};
use crate::limits::{Limits, Refusals};
use crate::metrics::{Counts, Metrics};
use crate::rooms::public_url::PublicUrl;
use crate::shard::drain::Drain;
use crate::shard::{Shards, Timers};
use crate::store::Writer;

pub(crate) struct App {
    pub(crate) identity: Identity,
    pub(crate) ws_tokens: WsTokens,
    pub(crate) ice: Ice,
    pub(crate) origins: Origins,
    /// Where people join, if that is known.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limits: Limits,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) metrics: Metrics,
    /// All TCP connections, and those of each peer.
    pub(crate) connections: Arc<Occupancy<()>>,
    pub(crate) peers: Arc<Occupancy<Address>>,
    /// Signaling sockets of each client.
    pub(crate) sockets: Arc<Occupancy<Address>>,
    /// Rooms of each user.
    pub(crate) open_rooms: Arc<Occupancy<String>>,
    pub(crate) creates: Quota<String>,
    pub(crate) changes: Quota<String>,
    pub(crate) joins: Quota<Address>,
    pub(crate) failed_joins: Quota<Address>,
    pub(crate) ice_requests: Quota<Address>,
    pub(crate) shards: Shards,
    /// Held so that the timers run as long as the rooms live.
    #[expect(dead_code, reason = "does its work by being dropped")]
    pub(crate) timers: Timers,
    pub(crate) clock: Clock,
    pub(crate) drain: Drain,
    /// Where rooms are saved, if they are.
    pub(crate) writer: Option<Writer>,
    pub(crate) password_key: [u8; 32],
}

impl App {
    /// Bound to the room, so that equal passwords of two rooms do not show.
    pub(crate) fn password_tag(&self, room: RoomId, password: &str) -> PasswordTag {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.password_key)
            .expect("HMAC takes keys of any length");
        mac.update(room.as_str().as_bytes());
        mac.update(password.as_bytes());
        PasswordTag::new(mac.finalize().into_bytes().into())
    }

    pub(crate) fn counts(&self) -> Counts {
        let (rooms, participants) = self.shards.counts();
        Counts { rooms, participants, connections: self.connections.count(&()) }
    }
}
