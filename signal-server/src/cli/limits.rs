//! The flags for limits.

use std::ops::{RangeFrom, RangeInclusive};
use std::time::Duration;

use clap::Args;
use signal_core::config::{FloodLimit, HubConfig};
use signal_core::room::Capacity;

use crate::Limits;

/// How much clients may use of the server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Concurrent TCP connections; a network (IPv4 /24, IPv6 /48) may have a quarter of them, or
    /// what one address may have, up to half; more are closed
    #[arg(
        long,
        env = "SIGNAL_MAX_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = Self::default().max_connections,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_connections: u32,

    /// Concurrent signaling sockets per client address (IPv4, or IPv6 /64); more get 429
    #[arg(
        long,
        env = "SIGNAL_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = Self::default().max_connections_per_address,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_connections_per_address: u32,

    /// Rooms that a user may create per minute; more get 429
    #[arg(
        long,
        env = "SIGNAL_CREATES_PER_MINUTE",
        value_name = "NUMBER",
        default_value_t = Self::default().creates_per_minute,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    creates_per_minute: u32,

    /// Room changes that a user may make per minute, including kicks; more get 429
    #[arg(
        long,
        env = "SIGNAL_CHANGES_PER_MINUTE",
        value_name = "NUMBER",
        default_value_t = Self::default().changes_per_minute,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    changes_per_minute: u32,

    /// Open rooms per user; more get 429
    #[arg(
        long,
        env = "SIGNAL_MAX_OPEN_ROOMS",
        value_name = "NUMBER",
        default_value_t = Self::default().max_open_rooms,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_open_rooms: u32,

    /// Joins per client address and minute, and separately requests for ICE servers; more get 429
    #[arg(
        long,
        env = "SIGNAL_JOINS_PER_MINUTE",
        value_name = "NUMBER",
        default_value_t = Self::default().joins_per_minute,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    joins_per_minute: u32,

    /// Joins per client address, room and minute; more get 429
    #[arg(
        long,
        env = "SIGNAL_ROOM_JOINS_PER_MINUTE",
        value_name = "NUMBER",
        default_value_t = Self::default().room_joins_per_minute,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    room_joins_per_minute: u32,

    /// Signaling sockets that a client address may open per minute; more get 429
    #[arg(
        long,
        env = "SIGNAL_SOCKETS_PER_MINUTE",
        value_name = "NUMBER",
        default_value_t = Self::default().sockets_per_minute,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    sockets_per_minute: u32,

    /// Largest capacity, in participants, that operators can give a room; users can create rooms of
    /// up to 50. Above 300, --max-unsent-bytes and --burst-bytes have to be larger too
    #[arg(
        long,
        env = "SIGNAL_MAX_ROOM_SIZE",
        value_name = "NUMBER",
        default_value_t = Self::default().max_room_size,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(Capacity::MAX))
    )]
    max_room_size: u16,

    /// Guests per client address and room at once, with or without a socket, for example 10; more
    /// are refused [default: unlimited]
    #[arg(
        long,
        env = "SIGNAL_MAX_SEATS_PER_ADDRESS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..=500)
    )]
    max_seats_per_address: Option<u32>,

    /// Failed attempts per client address and half hour: wrong passwords, unknown rooms, and rooms
    /// of other users; further attempts get 429
    #[arg(
        long,
        env = "SIGNAL_MAX_FAILED_JOINS",
        value_name = "NUMBER",
        default_value_t = Self::default().max_failed_joins,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_failed_joins: u32,

    /// Wrong passwords per client address, room and half hour; further attempts get 429
    #[arg(
        long,
        env = "SIGNAL_MAX_FAILED_JOINS_PER_ROOM",
        value_name = "NUMBER",
        default_value_t = Self::default().max_failed_joins_per_room,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_failed_joins_per_room: u32,

    /// Unknown rooms, and rooms of other users, per client address and half hour; further attempts
    /// get 429
    #[arg(
        long,
        env = "SIGNAL_MAX_UNKNOWN_ROOMS",
        value_name = "NUMBER",
        default_value_t = Self::default().max_unknown_rooms,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_unknown_rooms: u32,

    /// Size of a request body in bytes; a longer body gets 413
    #[arg(
        long,
        env = "SIGNAL_MAX_BODY_BYTES",
        value_name = "BYTES",
        default_value_t = Self::default().max_body_bytes,
        value_parser = clap::value_parser!(u32).range(BODY_BYTES)
    )]
    max_body_bytes: u32,

    /// Seconds that the headers of a request may take to arrive, after a TLS handshake that counts
    /// too; after that the connection is closed. When over 80 % of the connections are taken: 1 s
    #[arg(
        long,
        env = "SIGNAL_HEADER_SECONDS",
        value_name = "SECONDS",
        default_value_t = Self::default().header_seconds,
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    header_seconds: u32,

    /// Seconds that the rest of a request and its response may take; after that it gets 408
    #[arg(
        long,
        env = "SIGNAL_REQUEST_SECONDS",
        value_name = "SECONDS",
        default_value_t = Self::default().request_seconds,
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    request_seconds: u32,

    /// Messages that a participant may send in a burst, besides --burst-messages-per-peer
    #[arg(
        long,
        env = "SIGNAL_BURST_MESSAGES",
        value_name = "NUMBER",
        default_value_t = Self::default().burst_messages,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    burst_messages: u32,

    /// Additional messages in a burst, for each other participant of the room
    #[arg(
        long,
        env = "SIGNAL_BURST_MESSAGES_PER_PEER",
        value_name = "NUMBER",
        default_value_t = Self::default().burst_messages_per_peer
    )]
    burst_messages_per_peer: u32,

    /// Messages per second that a participant may send after a burst
    #[arg(
        long,
        env = "SIGNAL_MESSAGES_PER_SECOND",
        value_name = "NUMBER",
        default_value_t = Self::default().messages_per_second,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    messages_per_second: u32,

    /// Bytes that a participant may send in a burst
    #[arg(
        long,
        env = "SIGNAL_BURST_BYTES",
        value_name = "BYTES",
        default_value_t = Self::default().burst_bytes,
        value_parser = clap::value_parser!(u32).range(BURST_BYTES)
    )]
    burst_bytes: u32,

    /// Bytes per second that a participant may send after a burst
    #[arg(
        long,
        env = "SIGNAL_BYTES_PER_SECOND",
        value_name = "BYTES",
        default_value_t = Self::default().bytes_per_second,
        value_parser = clap::value_parser!(u32).range(1024..)
    )]
    bytes_per_second: u32,

    /// Malformed, unknown or oversized messages that a participant may send per minute; one more
    /// closes its socket
    #[arg(
        long,
        env = "SIGNAL_MAX_BAD_MESSAGES",
        value_name = "NUMBER",
        default_value_t = Self::default().max_bad_messages
    )]
    max_bad_messages: u32,

    /// Bytes that may wait for a participant that reads slowly; beyond that its socket is closed
    #[arg(
        long,
        env = "SIGNAL_MAX_UNSENT_BYTES",
        value_name = "BYTES",
        default_value_t = Self::default().max_unsent_bytes,
        value_parser = clap::value_parser!(u32).range(UNSENT_BYTES)
    )]
    max_unsent_bytes: u32,
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            connections_per_address: self.max_connections_per_address,
            creates_per_minute: self.creates_per_minute,
            changes_per_minute: self.changes_per_minute,
            open_rooms: self.max_open_rooms,
            joins_per_minute: self.joins_per_minute,
            room_joins_per_minute: self.room_joins_per_minute,
            sockets_per_minute: self.sockets_per_minute,
            failed_joins: self.max_failed_joins,
            failed_joins_per_room: self.max_failed_joins_per_room,
            unknown_rooms: self.max_unknown_rooms,
            body_bytes: self.max_body_bytes as usize,
            header_patience: Duration::from_secs(self.header_seconds.into()),
            request_patience: Duration::from_secs(self.request_seconds.into()),
        }
    }

    pub(crate) fn hub(&self) -> HubConfig {
        let max_capacity = Capacity::new(self.max_room_size)
            .expect("the parser of the flag has checked the range, and the default is within it");
        // The replay has no flag.
        let mut config = HubConfig::for_rooms_of(max_capacity);
        config.max_bad_messages = self.max_bad_messages;
        config.max_seats_per_address = self.max_seats_per_address;
        config.max_unsent_bytes = self.max_unsent_bytes as usize;
        config.flood = FloodLimit::of(self.max_unsent_bytes as usize);
        config.rate.burst_messages = self.burst_messages;
        config.rate.burst_messages_per_peer = self.burst_messages_per_peer;
        config.rate.messages_per_second = self.messages_per_second;
        config.rate.burst_bytes = self.burst_bytes;
        config.rate.bytes_per_second = self.bytes_per_second;
        config
    }
}

/// The defaults are those of the library.
impl Default for LimitArgs {
    fn default() -> Self {
        let (limits, hub) = (Limits::default(), HubConfig::default());
        let bytes = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Self {
            max_connections: limits.connections,
            max_connections_per_address: limits.connections_per_address,
            creates_per_minute: limits.creates_per_minute,
            changes_per_minute: limits.changes_per_minute,
            max_open_rooms: limits.open_rooms,
            joins_per_minute: limits.joins_per_minute,
            room_joins_per_minute: limits.room_joins_per_minute,
            sockets_per_minute: limits.sockets_per_minute,
            max_failed_joins: limits.failed_joins,
            max_failed_joins_per_room: limits.failed_joins_per_room,
            max_unknown_rooms: limits.unknown_rooms,
            max_room_size: hub.max_capacity.participants(),
            max_seats_per_address: hub.max_seats_per_address,
            max_body_bytes: bytes(limits.body_bytes),
            header_seconds: seconds(limits.header_patience),
            request_seconds: seconds(limits.request_patience),
            burst_messages: hub.rate.burst_messages,
            burst_messages_per_peer: hub.rate.burst_messages_per_peer,
            messages_per_second: hub.rate.messages_per_second,
            burst_bytes: hub.rate.burst_bytes,
            bytes_per_second: hub.rate.bytes_per_second,
            max_bad_messages: hub.max_bad_messages,
            max_unsent_bytes: bytes(hub.max_unsent_bytes),
        }
    }
}

const BODY_BYTES: RangeInclusive<i64> = Limits::LEAST_BODY_BYTES as i64..=1024 * 1024;
/// The longest message passes in any case.
const BURST_BYTES: RangeFrom<i64> = 64 * 1024..;
/// The minimum fits the server's own messages on entry or resume, so that no participant that reads
/// is closed.
const UNSENT_BYTES: RangeInclusive<i64> = 512 * 1024..=1024 * 1024 * 1024;
