//! The limits per client address, user and connection.

pub(crate) mod attempts;
pub(crate) mod client_concurrency;
pub(crate) mod concurrency;
pub(crate) mod counters;
pub(crate) mod fixed_window;
pub(crate) mod rates;

use std::time::Duration;

use signal_core::config::InvalidConfig;

/// The limits per client address, user and connection. The limits within a room, on what
/// participants send and on the seats of an address, are in
/// [`HubConfig`](signal_core::config::HubConfig).
///
/// An address here is a whole IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum number of TCP connections at once: by default 10,000. Further ones are closed
    /// immediately. If the system allows fewer open files, connections beyond its limit wait. A
    /// network (IPv4 /24, IPv6 /48) may have a quarter of them, unless it is a trusted proxy; more
    /// if one of its addresses may have more, but at most half. Its sockets that come by a trusted
    /// proxy have the same limit; further ones get 429.
    pub connections: u32,
    /// The maximum number of signaling sockets of an address at once: by default 200. Further ones
    /// get 429. An address may have twice as many TCP connections, unless it is a trusted proxy;
    /// further ones are closed immediately.
    pub connections_per_address: u32,
    /// The maximum number of rooms that a user may create per minute: by default 120. Further
    /// requests get 429.
    pub creates_per_minute: u32,
    /// The maximum number of changes, including kicks, that a user may make to its rooms per
    /// minute: by default 120. Further requests get 429.
    pub changes_per_minute: u32,
    /// The maximum number of open rooms of a user at once: by default 200. Further requests get
    /// 429.
    pub open_rooms: u32,
    /// The maximum number of joins of an address per minute, and separately of requests for ICE
    /// servers: by default 300 each. Further requests get 429. Joins that are refused do not count,
    /// unless [`Admit`](crate::Admit) was asked about them.
    pub joins_per_minute: u32,
    /// The maximum number of joins of an address to one room per minute: by default 60. Further
    /// requests get 429.
    pub room_joins_per_minute: u32,
    /// The maximum number of signaling sockets that an address may open per minute: by default 300.
    /// Further ones get 429.
    pub sockets_per_minute: u32,
    /// The maximum number of failed attempts of an address in half an hour: by default 50. Wrong
    /// passwords, unknown rooms and rooms of other users count. After that, the server checks no
    /// password from this address and returns 429. A valid invite token still opens its room, and
    /// users can still reach their own rooms.
    pub failed_joins: u32,
    /// The maximum number of wrong passwords of an address for one room in half an hour: by default
    /// 5. After that, the server checks no password from this address for this room and returns
    /// 429.
    pub failed_joins_per_room: u32,
    /// The maximum number of unknown rooms, and rooms of other users, that an address tries in half
    /// an hour: by default 10. After that it is treated as an address that has made too many
    /// [failed attempts](Self::failed_joins).
    pub unknown_rooms: u32,
    /// The longest request body in bytes: by default 8 KiB. A longer one gets 413.
    pub body_bytes: usize,
    /// How long a new connection may take for its TLS handshake and to send its request headers: by
    /// default 5 s. After that it is closed. While more than 80 % of the connections are taken, it
    /// has 1 s at most.
    pub header_patience: Duration,
    /// How long a request may take after its headers, including its response: by default 10 s.
    /// After that it gets 408, and if the response is not read either, its connection is closed.
    /// The body has 1 s when over 80 % of the connections are taken.
    pub request_patience: Duration,
}

impl Limits {
    /// The defaults with some changes: `Limits::with(|limits| limits.open_rooms = 10)`.
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut limits = Self::default();
        change(&mut limits);
        limits
    }

    /// Returns limits on time and on request bodies only, for tests and for load from one address.
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
            room_joins_per_minute: most,
            sockets_per_minute: most,
            failed_joins: most,
            failed_joins_per_room: most,
            unknown_rooms: most,
            ..Self::default()
        }
    }
}

impl Limits {
    /// The smallest [`body_bytes`](Self::body_bytes). Every request that the documentation shows
    /// fits in it.
    pub const LEAST_BODY_BYTES: usize = 1024;

    /// The maximum number of TCP connections of an address at once: a request for each socket, and
    /// the socket.
    pub(crate) fn tcp_connections_per_address(&self) -> u32 {
        self.connections_per_address.saturating_mul(2)
    }

    /// The maximum number of TCP connections, and of sockets, of a network at once.
    pub(crate) fn connections_per_network(&self) -> u32 {
        // A higher limit of an address leaves half of a small server to others.
        let of_address = self.tcp_connections_per_address().min(self.connections / 2);
        of_address.max(self.connections / 4).max(1)
    }

    /// Checks that every limit is usable.
    ///
    /// # Errors
    ///
    /// A limit is not usable; the error names it and what it must be.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        let counts = [
            (self.connections, "connections"),
            (self.connections_per_address, "connections_per_address"),
            (self.creates_per_minute, "creates_per_minute"),
            (self.changes_per_minute, "changes_per_minute"),
            (self.open_rooms, "open_rooms"),
            (self.joins_per_minute, "joins_per_minute"),
            (self.room_joins_per_minute, "room_joins_per_minute"),
            (self.sockets_per_minute, "sockets_per_minute"),
            (self.failed_joins, "failed_joins"),
            (self.failed_joins_per_room, "failed_joins_per_room"),
            (self.unknown_rooms, "unknown_rooms"),
        ];
        if let Some((_, field)) = counts.into_iter().find(|(count, _)| *count == 0) {
            return Err(InvalidConfig::new(field, "above 0"));
        }
        if self.body_bytes < Self::LEAST_BODY_BYTES {
            return Err(InvalidConfig::new("body_bytes", "at least 1024"));
        }
        let times = [
            (self.header_patience, "header_patience"),
            (self.request_patience, "request_patience"),
        ];
        match times.into_iter().find(|(time, _)| time.is_zero()) {
            Some((_, field)) => Err(InvalidConfig::new(field, "above 0")),
            None => Ok(()),
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
            room_joins_per_minute: 60,
            sockets_per_minute: 300,
            failed_joins: 50,
            failed_joins_per_room: 5,
            unknown_rooms: 10,
            body_bytes: 8 * 1024,
            header_patience: Duration::from_secs(5),
            request_patience: Duration::from_secs(10),
        }
    }
}

/// A limit, with its name in metrics and in the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Limit {
    BadMessages,
    BodyBytes,
    ChangesPerMinute,
    Connections,
    ConnectionsPerAddress,
    CreatesPerMinute,
    FailedJoins,
    FailedJoinsPerRoom,
    HeaderPatience,
    JoinsPerMinute,
    OpenRooms,
    Origin,
    Rate,
    RequestPatience,
    RoomJoinsPerMinute,
    SeatsPerAddress,
    SocketsPerMinute,
    UnknownRooms,
    Unsent,
}

impl Limit {
    pub(crate) const ALL: [Self; 19] = [
        Self::BadMessages,
        Self::BodyBytes,
        Self::ChangesPerMinute,
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::CreatesPerMinute,
        Self::FailedJoins,
        Self::FailedJoinsPerRoom,
        Self::HeaderPatience,
        Self::JoinsPerMinute,
        Self::OpenRooms,
        Self::Origin,
        Self::Rate,
        Self::RequestPatience,
        Self::RoomJoinsPerMinute,
        Self::SeatsPerAddress,
        Self::SocketsPerMinute,
        Self::UnknownRooms,
        Self::Unsent,
    ];

    /// The name of the setting that changes this limit.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::BadMessages => "max-bad-messages",
            Self::BodyBytes => "max-body-bytes",
            Self::ChangesPerMinute => "changes-per-minute",
            Self::Connections => "max-connections",
            Self::ConnectionsPerAddress => "max-connections-per-address",
            Self::CreatesPerMinute => "creates-per-minute",
            Self::FailedJoins => "max-failed-joins",
            Self::FailedJoinsPerRoom => "max-failed-joins-per-room",
            Self::HeaderPatience => "header-seconds",
            Self::JoinsPerMinute => "joins-per-minute",
            Self::OpenRooms => "max-open-rooms",
            Self::Origin => "cors-origin",
            Self::Rate => "messages-per-second, bytes-per-second",
            Self::RequestPatience => "request-seconds",
            Self::RoomJoinsPerMinute => "room-joins-per-minute",
            Self::SeatsPerAddress => "max-seats-per-address",
            Self::SocketsPerMinute => "sockets-per-minute",
            Self::UnknownRooms => "max-unknown-rooms",
            Self::Unsent => "max-unsent-bytes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_lets_nothing_through_is_refused_by_its_name() {
        assert_eq!(Limits::default().check(), Ok(()));
        assert_eq!(Limits::generous().check(), Ok(()));
        for (field, limits) in [
            ("connections", Limits { connections: 0, ..Limits::default() }),
            ("sockets_per_minute", Limits { sockets_per_minute: 0, ..Limits::default() }),
            ("unknown_rooms", Limits { unknown_rooms: 0, ..Limits::default() }),
            ("body_bytes", Limits { body_bytes: 100, ..Limits::default() }),
            ("request_patience", Limits { request_patience: Duration::ZERO, ..Limits::default() }),
        ] {
            assert_eq!(limits.check().map_err(|error| error.field), Err(field));
        }
    }
}
