//! The limits of a [`Hub`](crate::Hub).

use std::time::Duration;

/// What a hub allows each connection, pair and room; the defaults suit rooms of up to 50 participants.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// How many malformed, unknown or overlong messages a connection may send within a minute: by default 59.
    /// One more closes it with [`CloseCode::BadMessages`](crate::CloseCode::BadMessages).
    pub max_bad_messages: u32,
    /// The longest `data` of a `message`, in bytes of JSON: by default 16 KiB.
    pub max_data_bytes: usize,
    /// The longest frame that is looked into, in bytes: by default 64 KiB. A longer one gets
    /// `message_too_large` and the connection lives on.
    pub max_frame_bytes: usize,
    /// How many bytes may wait until a connection has entered its room, and how many frames of other nodes until
    /// the record they go by has come, for each room: by default 256 KiB. A connection with more is closed with
    /// [`CloseCode::RateLimited`](crate::CloseCode::RateLimited); of other nodes the oldest are dropped.
    pub max_held_bytes: usize,
    /// The longest `state` of a participant, in bytes of JSON: by default 4 KiB.
    pub max_state_bytes: usize,
    /// How many bytes handed out to a connection may be unacknowledged: by default 1 MiB. Over it the connection
    /// is closed with [`CloseCode::SlowConsumer`](crate::CloseCode::SlowConsumer); nobody else notices.
    pub max_unsent_bytes: usize,
    /// For how long an unanswered offer refuses offers from the other side: by default 15 s.
    pub offer_patience: Duration,
    /// How much a connection may send.
    pub rate: RateLimit,
    /// How much is kept of what a v2 participant was sent, to be sent again when it resumes.
    pub replay: ReplayLimit,
    /// For how long the seat of a v2 participant is kept after its socket is lost: by default 30 s.
    pub resume_grace: Duration,
}

/// How much a connection may send: a burst, then a steady rate. What is over it is refused with `rate_limited`, at
/// most once a second; whoever goes on for [`patience`](Self::patience) is closed with
/// [`CloseCode::RateLimited`](crate::CloseCode::RateLimited).
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// Messages at once: by default 100.
    pub burst_messages: u32,
    /// Messages at once on top for each other participant, since each needs an offer and candidates: by default 40.
    pub burst_messages_per_peer: u32,
    /// Messages a second after that: by default 60.
    pub messages_per_second: u32,
    /// Bytes at once, a message to the room counted once for each receiver: by default 512 KiB.
    pub burst_bytes: u32,
    /// Bytes a second after that: by default 64 KiB.
    pub bytes_per_second: u32,
    /// For how long a connection may be over the limit: by default 30 s.
    pub patience: Duration,
}

/// How much is kept for a replay, for each v2 participant. What is over it is dropped, the oldest first; a
/// participant that missed such a message gets a snapshot.
#[derive(Clone, Debug)]
pub struct ReplayLimit {
    /// Messages: by default 256.
    pub messages: usize,
    /// Bytes: by default 256 KiB.
    pub bytes: usize,
    /// Age: by default 60 s.
    pub age: Duration,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            max_bad_messages: 59,
            max_data_bytes: 16 * 1024,
            max_frame_bytes: 64 * 1024,
            max_held_bytes: 256 * 1024,
            max_state_bytes: 4 * 1024,
            max_unsent_bytes: 1024 * 1024,
            offer_patience: Duration::from_secs(15),
            rate: RateLimit::default(),
            replay: ReplayLimit::default(),
            resume_grace: Duration::from_secs(30),
        }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            burst_messages: 100,
            burst_messages_per_peer: 40,
            messages_per_second: 60,
            burst_bytes: 512 * 1024,
            bytes_per_second: 64 * 1024,
            patience: Duration::from_secs(30),
        }
    }
}

impl Default for ReplayLimit {
    fn default() -> Self {
        Self { messages: 256, bytes: 256 * 1024, age: Duration::from_secs(60) }
    }
}
