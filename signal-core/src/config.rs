//! The limits of a [`Hub`](crate::Hub).

use std::time::Duration;

/// What a hub allows each connection, pair and room. The defaults suit rooms of up to 50
/// participants.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// How many malformed, unknown or overlong messages a connection may send within a minute: by
    /// default
    /// 59. One more closes it with [`CloseCode::BadMessages`](crate::CloseCode::BadMessages).
    pub max_bad_messages: u32,
    /// The longest `data` of a `message`, in bytes of JSON: by default 16 KiB.
    pub max_data_bytes: usize,
    /// The longest frame that is decoded, in bytes: by default 64 KiB. A longer one is answered
    /// with `message_too_large`, and the connection stays open.
    pub max_frame_bytes: usize,
    /// How many bytes are held back: for each connection until it has its seat, and for each room
    /// until the record that frames of other nodes go by has come. By default 256 KiB. A connection
    /// with more is closed with [`CloseCode::RateLimited`](crate::CloseCode::RateLimited); a frame
    /// of another node that does not fit is refused with `peer_unreachable`.
    pub max_held_bytes: usize,
    /// The longest `state` of a participant, in bytes of JSON: by default 4 KiB.
    pub max_state_bytes: usize,
    /// How many bytes handed out to a connection may be unacknowledged: by default 1 MiB. A
    /// connection over it is closed with
    /// [`CloseCode::SlowConsumer`](crate::CloseCode::SlowConsumer); the others in the room do not
    /// notice. Acknowledge with [`Input::Sent`](crate::Input::Sent) well before this many bytes are
    /// written.
    pub max_unsent_bytes: usize,
    /// How long an unanswered offer makes the hub refuse offers of the other side: by default 15 s.
    pub offer_patience: Duration,
    /// How much a connection may send.
    pub rate: RateLimit,
    /// How many of the messages to a v2 participant are kept, to be sent again when it resumes.
    pub replay: ReplayLimit,
    /// How long the seat of a v2 participant is kept after its socket is lost: by default 30 s.
    pub resume_grace: Duration,
}

/// How much a connection may send: a burst, then a steady rate.
///
/// A message over the limit is dropped, and its sender is told `rate_limited` at most once a
/// second. A connection that stays over the limit for [`patience`](Self::patience) is closed with
/// [`CloseCode::RateLimited`](crate::CloseCode::RateLimited).
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// The burst, in messages: by default 100.
    pub burst_messages: u32,
    /// What each other participant adds to the burst, since each needs an offer and candidates: by
    /// default 40 messages.
    pub burst_messages_per_peer: u32,
    /// The steady rate, in messages a second: by default 60.
    pub messages_per_second: u32,
    /// The burst, in bytes: by default 512 KiB. A message to the room counts once for each
    /// receiver.
    pub burst_bytes: u32,
    /// The steady rate, in bytes a second: by default 64 KiB.
    pub bytes_per_second: u32,
    /// How long a connection may stay over the limit: by default 30 s.
    pub patience: Duration,
}

/// How much is kept for a replay, for each v2 participant.
///
/// The oldest messages over the limit are dropped. A participant that missed one of them gets a
/// snapshot in place of the replay.
#[derive(Clone, Debug)]
pub struct ReplayLimit {
    /// How many messages: by default 256.
    pub messages: usize,
    /// How many bytes: by default 256 KiB.
    pub bytes: usize,
    /// How old a message may get: by default 60 s.
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
