//! The metrics of the server.

#[cfg(not(feature = "metrics"))]
mod disabled;
#[cfg(feature = "metrics")]
mod message_meter;
#[cfg(feature = "metrics")]
mod process;
#[cfg(feature = "metrics")]
mod prometheus;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::disabled::{MessageMeter, Metrics};
#[cfg(feature = "metrics")]
pub(crate) use self::message_meter::MessageMeter;
#[cfg(feature = "metrics")]
pub(crate) use self::prometheus::{Metrics, OPEN_METRICS};

/// How an attempt to send an event to a webhook went.
#[cfg(feature = "webhooks")]
#[derive(Clone, Copy, Debug)]
pub(crate) enum AttemptResult {
    Delivered,
    Refused,
    Unreachable,
}

/// What has become of an event for webhooks.
#[cfg(feature = "webhooks")]
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventOutcome {
    Delivered,
    Dropped,
    GivenUp,
}

#[cfg(all(feature = "metrics", feature = "webhooks"))]
impl AttemptResult {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
        }
    }
}

#[cfg(all(feature = "metrics", feature = "webhooks"))]
impl EventOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Dropped => "dropped",
            Self::GivenUp => "given_up",
        }
    }
}

/// The numbers of rooms, participants and connections at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// The number of open rooms.
    pub rooms: usize,
    /// The number of connected participants.
    pub participants: usize,
    /// The number of TCP connections that [`Server::serve`](crate::Server::serve) has accepted.
    /// Connections that your own application accepts are not counted.
    pub connections: u32,
}
