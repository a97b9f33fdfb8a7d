//! STUN and TURN servers and their URLs.

mod server;
mod url;

pub use self::server::IceServer;
pub use self::url::{IceScheme, IceTransport, IceUrl, InvalidIceUrl};
use crate::payload::Payload;
use crate::time::Timestamp;

/// The ICE servers for one participant, from the host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IceServers {
    /// A JSON array of `RTCIceServer` (W3C WebRTC section 4.2.2).
    pub servers: Payload,
    /// When the credentials expire.
    pub expires_at: Timestamp,
}
