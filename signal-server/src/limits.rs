//! How much may be asked of a server, and what is said when it is more.

pub(crate) mod concurrency;
pub(crate) mod counters;
pub(crate) mod fixed_window;
pub(crate) mod rates;

use std::time::Duration;

/// How much each address, user and connection may ask of a server. What a participant may send is part of
/// [`HubConfig`](signal_core::HubConfig).
///
/// An address is that of the client: a whole IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Debug)]
pub struct Limits {
    /// TCP connections at once: by default 10,000. More are closed at once. Where the system allows fewer open files,
    /// it is the system that refuses.
    pub connections: u32,
    /// Signaling sockets at once for each address: by default 200. More are answered 429. An address that is no proxy
    /// may have twice as many TCP connections; more are closed at once.
    pub connections_per_address: u32,
    /// Rooms that a user may create in a minute: by default 120. More are answered 429.
    pub creates_per_minute: u32,
    /// Changes that a user may make to its rooms in a minute, kicks among them: by default 120. More are answered 429.
    pub changes_per_minute: u32,
    /// Rooms of a user that are open at once: by default 200. More are answered 429.
    pub open_rooms: u32,
    /// Joins of an address in a minute, and as many requests for ICE servers: by default 300. More are answered 429.
    pub joins_per_minute: u32,
    /// Wrong passwords, unknown rooms and rooms of other users that an address tries in half an hour: by default 10.
    /// After them no password of that address is looked at, and it is answered 429; a right invite token opens its room
    /// still, and users reach their own.
    pub failed_joins: u32,
    /// The longest body of a request, in bytes: by default 8 KiB. A longer one is answered 413.
    pub body_bytes: usize,
    /// How long a new connection may take until the headers of its request are there: by default 5 s. Then it is closed.
    pub header_patience: Duration,
    /// How long the rest of a request may take, its answer included: by default 10 s. Then it is answered 408.
    pub request_patience: Duration,
}

impl Limits {
    /// No limits but those of time and of bodies: for tests and load from one address.
    #[must_use]
    pub fn generous() -> Self {
        let most = u32::MAX;
        Self {
            connections: most,
            connections_per_address: most,
            creates_per_minute: most,
            changes_per_minute: most,
            open_rooms: most,
            joins_per_minute: most,
            failed_joins: most,
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 200,
            creates_per_minute: 120,
            changes_per_minute: 120,
            open_rooms: 200,
            joins_per_minute: 300,
            failed_joins: 10,
            body_bytes: 8 * 1024,
            header_patience: Duration::from_secs(5),
            request_patience: Duration::from_secs(10),
        }
    }
}

/// A limit that somebody has reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Limit {
    BadMessages,
    BodyBytes,
    ChangesPerMinute,
    Connections,
    ConnectionsPerAddress,
    CreatesPerMinute,
    FailedJoins,
    HeaderPatience,
    JoinsPerMinute,
    OpenRooms,
    Origin,
    Rate,
    RequestPatience,
    Unsent,
}

impl Limit {
    pub(crate) const ALL: [Self; 14] = [
        Self::BadMessages,
        Self::BodyBytes,
        Self::ChangesPerMinute,
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::CreatesPerMinute,
        Self::FailedJoins,
        Self::HeaderPatience,
        Self::JoinsPerMinute,
        Self::OpenRooms,
        Self::Origin,
        Self::Rate,
        Self::RequestPatience,
        Self::Unsent,
    ];

    /// The setting that it is changed with.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::BadMessages => "max-bad-messages",
            Self::BodyBytes => "max-body-bytes",
            Self::ChangesPerMinute => "changes-per-minute",
            Self::Connections => "max-connections",
            Self::ConnectionsPerAddress => "max-connections-per-address",
            Self::CreatesPerMinute => "creates-per-minute",
            Self::FailedJoins => "max-failed-joins",
            Self::HeaderPatience => "header-seconds",
            Self::JoinsPerMinute => "joins-per-minute",
            Self::OpenRooms => "max-open-rooms",
            Self::Origin => "cors-origin",
            Self::Rate => "messages-per-second, bytes-per-second",
            Self::RequestPatience => "request-seconds",
            Self::Unsent => "max-unsent-bytes",
        }
    }
}
