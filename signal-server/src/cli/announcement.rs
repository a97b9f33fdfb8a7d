//! What the server prints in development mode.

use std::fmt;
use std::net::SocketAddr;

/// Everything needed to try the server.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    /// The address that the server listens on.
    pub(crate) address: SocketAddr,
    /// Whether it speaks TLS there.
    pub(crate) is_secure: bool,
    /// The address for operators.
    pub(crate) admin: Option<SocketAddr>,
    /// An access token to create rooms with, if the server can create one.
    pub(crate) token: Option<String>,
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, is_secure, admin, token } = self;
        let (http, ws) = if *is_secure { ("https", "wss") } else { ("http", "ws") };
        writeln!(
            f,
            "DEVELOPMENT MODE: any page served from this machine may use this server, and secrets \
             that\nare not set are random, so tokens expire with the process. Use --production in \
             production."
        )?;
        writeln!(f, "\nOpen {http}://{address} in a browser to create a room and talk.")?;
        if let Some(admin) = admin {
            writeln!(f, "Metrics at http://{admin}/metrics")?;
        }
        writeln!(f)?;
        let token = match token {
            Some(token) => {
                writeln!(f, "Access token of a user, valid for 24 hours:\n\n{token}\n")?;
                token
            }
            None => "ACCESS_TOKEN",
        };
        writeln!(f, "Create a room:\n\ncurl -X POST {http}://{address}/api/webrtc/rooms \\")?;
        writeln!(f, "  -H 'Authorization: Bearer {token}' \\")?;
        writeln!(f, "  -H 'Content-Type: application/json' -d '{{\"name\":\"小明的房间\"}}'\n")?;
        writeln!(f, "Join it with the room_id and password from the response:\n")?;
        writeln!(f, "curl -X POST {http}://{address}/api/webrtc/rooms/ROOM/join \\")?;
        writeln!(f, "  -H 'Content-Type: application/json' \\")?;
        writeln!(f, "  -d '{{\"password\":\"PASSWORD\",\"display_name\":\"访客小红\"}}'\n")?;
        writeln!(
            f,
            "Then open {ws}://{address}/ws/webrtc/rooms/ROOM?token=TOKEN with the ws_token from that \
             response,"
        )?;
        writeln!(f, "or with the access token, to enter as the creator.")
    }
}
