//! The limits of a [`Hub`](crate::hub::Hub).

mod room_size;

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;

use crate::capacity::Capacity;

/// What a hub allows each participant, connection, pair and room. The defaults suit rooms of up to
/// 50 participants; [`for_rooms_of`](Self::for_rooms_of) suits larger ones.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HubConfig {
    /// How many malformed, unknown or overlong messages a participant may send within a minute,
    /// over all its sockets: by default 59. One more closes the socket with
    /// [`CloseCode::BadMessages`](crate::CloseCode::BadMessages).
    pub max_bad_messages: u32,
    /// The longest `data` of a `message`, in bytes of JSON: by default 16 KiB.
    pub max_data_bytes: usize,
    /// The longest frame that is decoded, in bytes: by default 64 KiB. A longer one is answered
    /// with `message_too_large`, and the connection stays open.
    pub max_frame_bytes: usize,
    /// How many bytes are held back: by default 256 KiB of each connection, until it has its seat,
    /// and the same in each room, for messages to participants that wait for their `joined`, and
    /// for frames of other nodes that name a record which has not arrived yet. A connection with
    /// more is closed with [`CloseCode::RateLimited`](crate::CloseCode::RateLimited); a message
    /// that does not fit is refused with `peer_unreachable`.
    pub max_held_bytes: usize,
    /// The capacity of the largest room: by default 50. [`check`](Self::check) compares the other
    /// limits with it.
    pub max_capacity: Capacity,
    /// How many seats of a room the guests from one address may have, with or without a socket: by
    /// default unlimited. A further guest gets the error `rate_limited` and is closed with
    /// [`CloseCode::Unavailable`](crate::CloseCode::Unavailable). The creator, a newer socket of
    /// the same ticket and a resume are let in. Everybody behind one router or carrier has the same
    /// address.
    pub max_seats_per_address: Option<u32>,
    /// The longest `state` of a participant, in bytes of JSON: by default 4 KiB.
    pub max_state_bytes: usize,
    /// How many bytes may wait for a connection, handed out and not acknowledged: by default 2 MiB.
    /// If another message does not fit, the connection is closed with
    /// [`CloseCode::SlowConsumer`](crate::CloseCode::SlowConsumer); the others in the room do not
    /// notice. Acknowledge written bytes with [`Input::Sent`](crate::hub::Input::Sent).
    pub max_unsent_bytes: usize,
    /// How long an unanswered offer makes the hub refuse offers of the other side: by default 15 s.
    pub offer_patience: Duration,
    /// Which senders are refused when much waits for a receiver.
    pub flood: FloodLimit,
    /// How often a participant may open a socket.
    pub openings: OpeningLimit,
    /// How much a participant may send.
    pub rate: RateLimit,
    /// How many of the messages to a v2 participant are kept, to be sent again when it resumes.
    pub replay: ReplayLimit,
    /// How long the seat of a v2 participant is kept after its socket is lost: by default 30 s.
    pub resume_grace: Duration,
    /// How long a connection may leave everything unread that waits for it: by default 45 s. It is
    /// then closed with [`CloseCode::SlowConsumer`](crate::CloseCode::SlowConsumer).
    pub unsent_patience: Duration,
}

/// How much each sender may have waiting for one receiver.
///
/// What waits for a connection is counted by the ticket that sent it. A message that is refused is
/// answered with `rate_limited`, and counts as never sent. A new name or state is never refused:
/// the newest one follows when there is room. Messages of the hub itself, such as `peer_joined`,
/// are not limited.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FloodLimit {
    /// The number of waiting bytes up to which no sender is refused: by default 256 KiB.
    pub fair_bytes: usize,
    /// The further bytes that the senders share: by default 768 KiB, divided by the number of other
    /// participants. A sender that has its share waiting is refused.
    pub shared_bytes: usize,
    /// The smallest share: by default 16 KiB.
    pub min_share_bytes: usize,
    /// The number of waiting bytes beyond which every sender is refused: by default 1 MiB.
    pub max_relayed_bytes: usize,
}

/// A field of a [`HubConfig`] has a value that is not usable.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{field}` must be {expected}")]
#[non_exhaustive]
pub struct InvalidConfig {
    /// The field that is wrong.
    pub field: &'static str,
    /// What it must be.
    pub expected: Cow<'static, str>,
}

impl InvalidConfig {
    /// Creates the error for a field, with a description of its valid values.
    pub fn new(field: &'static str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { field, expected: expected.into() }
    }
}

impl HubConfig {
    /// The defaults with some changes.
    ///
    /// ```
    /// use signal_core::config::{HubConfig, RateLimit};
    ///
    /// let config = HubConfig::with(|config| {
    ///     config.max_data_bytes = 1024;
    ///     config.rate = RateLimit::with(|rate| rate.messages_per_second = 20);
    /// });
    /// config.check()?;
    /// # Ok::<(), signal_core::config::InvalidConfig>(())
    /// ```
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut config = Self::default();
        change(&mut config);
        config
    }

    /// Whether a room may have that capacity.
    pub fn permits(&self, capacity: Capacity) -> bool {
        capacity <= self.max_capacity
    }

    /// Checks that the limits fit each other. An [`Engine`](crate::Engine) checks them too, a
    /// [`Hub`](crate::hub::Hub) does not.
    ///
    /// # Errors
    ///
    /// A limit is not usable; the error names it and what it must be.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        let (flood, rate) = (&self.flood, &self.rate);
        let burst_bytes = usize::try_from(rate.burst_bytes).unwrap_or(usize::MAX);
        let rules = [
            (
                flood.min_share_bytes > 0 && flood.min_share_bytes <= flood.shared_bytes,
                "flood.min_share_bytes",
                "above 0 and at most `flood.shared_bytes`",
            ),
            (
                flood.fair_bytes <= flood.max_relayed_bytes,
                "flood.fair_bytes",
                "at most `flood.max_relayed_bytes`",
            ),
            (
                flood.max_relayed_bytes.saturating_add(self.max_frame_bytes)
                    <= self.max_unsent_bytes,
                "max_unsent_bytes",
                "at least `flood.max_relayed_bytes` and one frame more",
            ),
            (
                self.replay.bytes.saturating_add(self.max_frame_bytes) <= self.max_unsent_bytes,
                "max_unsent_bytes",
                "at least `replay.bytes` and one frame more",
            ),
            (
                burst_bytes >= self.max_frame_bytes,
                "rate.burst_bytes",
                "at least `max_frame_bytes`, or the longest message never passes",
            ),
            (rate.burst_messages > 0, "rate.burst_messages", "above 0"),
            (rate.messages_per_second > 0, "rate.messages_per_second", "above 0"),
            (rate.bytes_per_second > 0, "rate.bytes_per_second", "above 0"),
            (self.openings.burst > 0, "openings.burst", "above 0"),
            (self.max_seats_per_address != Some(0), "max_seats_per_address", "above 0"),
            (!self.unsent_patience.is_zero(), "unsent_patience", "above 0"),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, expected)) => Err(InvalidConfig::new(field, expected)),
            None => self.check_room_size(),
        }
    }
}

impl FloodLimit {
    /// The defaults with some changes.
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut limit = Self::default();
        change(&mut limit);
        limit
    }

    /// The limits in their usual proportion to [`HubConfig::max_unsent_bytes`].
    pub fn of(max_unsent_bytes: usize) -> Self {
        let eighth = max_unsent_bytes / 8;
        Self {
            fair_bytes: eighth,
            shared_bytes: 3 * eighth,
            min_share_bytes: (16 * 1024).min(3 * eighth),
            max_relayed_bytes: 4 * eighth,
        }
    }
}

/// How often a participant may open a socket, to attach or to resume: a burst, then a steady rate.
///
/// A socket over the limit gets the error `rate_limited` with the time to wait, and is closed with
/// [`CloseCode::Unavailable`](crate::CloseCode::Unavailable). The room is not touched: no id is
/// issued, nothing is written, and the others do not notice.
///
/// The limit belongs to the ticket. A hub learns the ticket of a resume from the record of the
/// room. Without a record, a resume is counted once it has succeeded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpeningLimit {
    /// The burst: by default 10 sockets.
    pub burst: u32,
    /// The time after which one more may be opened: by default 3 s.
    pub every: Duration,
}

/// How much a participant may send: a burst, then a steady rate.
///
/// The budget belongs to the ticket within the room: a newer socket goes on with what the older one
/// has left, and the budget is forgotten only when it is full again. Each hub counts what it
/// receives itself, so a ticket whose sockets are served by several nodes in turn has at most as
/// many budgets as there are nodes.
///
/// A message over the limit is dropped, and its sender gets the error `rate_limited`, at most once
/// a second, with the time after which the message passes. A participant that stays over the limit
/// for [`patience`](Self::patience) is closed with
/// [`CloseCode::RateLimited`](crate::CloseCode::RateLimited).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RateLimit {
    /// The burst, in messages: by default 100.
    pub burst_messages: u32,
    /// What each other participant adds to the burst, since each needs an offer and candidates: by
    /// default 40 messages.
    pub burst_messages_per_peer: u32,
    /// The steady rate, in messages a second: by default 60.
    pub messages_per_second: u32,
    /// The burst, in bytes: by default 512 KiB. A message to the room counts once for each
    /// receiver, but never more than a full burst, so that the longest message to the largest room
    /// passes.
    pub burst_bytes: u32,
    /// The steady rate, in bytes a second: by default 64 KiB.
    pub bytes_per_second: u32,
    /// How long a participant may stay over the limit: by default 30 s.
    pub patience: Duration,
}

/// How much is kept for a replay, for each v2 participant.
///
/// The oldest messages over the limit are dropped. A participant that missed one of them gets a
/// snapshot in place of the replay.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
            max_capacity: Capacity::DEFAULT_MAX,
            max_seats_per_address: None,
            max_state_bytes: 4 * 1024,
            max_unsent_bytes: MAX_UNSENT_BYTES,
            flood: FloodLimit::default(),
            offer_patience: Duration::from_secs(15),
            openings: OpeningLimit::default(),
            rate: RateLimit::default(),
            replay: ReplayLimit::default(),
            resume_grace: Duration::from_secs(30),
            unsent_patience: Duration::from_secs(45),
        }
    }
}

impl Default for FloodLimit {
    fn default() -> Self {
        Self::of(MAX_UNSENT_BYTES)
    }
}

impl OpeningLimit {
    /// The defaults with some changes.
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut limit = Self::default();
        change(&mut limit);
        limit
    }
}

impl Default for OpeningLimit {
    fn default() -> Self {
        Self { burst: 10, every: Duration::from_secs(3) }
    }
}

impl RateLimit {
    /// The defaults with some changes.
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut limit = Self::default();
        change(&mut limit);
        limit
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

impl ReplayLimit {
    /// The defaults with some changes.
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut limit = Self::default();
        change(&mut limit);
        limit
    }
}

impl Default for ReplayLimit {
    fn default() -> Self {
        Self { messages: 256, bytes: 256 * 1024, age: Duration::from_secs(60) }
    }
}

const MAX_UNSENT_BYTES: usize = 2 * 1024 * 1024;
