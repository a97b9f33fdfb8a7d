//! The limits of a [`Hub`](crate::Hub).

use std::time::Duration;

/// What a hub allows each connection and pair; the defaults suit rooms of up to 50 participants.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// The longest frame that is looked into, in bytes: by default 64 KiB. A longer one gets
    /// `message_too_large` and the connection lives on.
    pub max_frame_bytes: usize,
    /// How many bytes a connection may have waiting until it has entered its room: by default 256 KiB. With more
    /// it is closed with [`CloseCode::RateLimited`](crate::CloseCode::RateLimited).
    pub max_held_bytes: usize,
    /// How many bytes handed out to a connection may be unacknowledged: by default 1 MiB. Over it the connection
    /// is closed with [`CloseCode::SlowConsumer`](crate::CloseCode::SlowConsumer); nobody else notices.
    pub max_unsent_bytes: usize,
    /// For how long an unanswered offer refuses offers from the other side: by default 15 s.
    pub offer_patience: Duration,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            max_frame_bytes: 64 * 1024,
            max_held_bytes: 256 * 1024,
            max_unsent_bytes: 1024 * 1024,
            offer_patience: Duration::from_secs(15),
        }
    }
}
