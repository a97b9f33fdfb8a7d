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

/// The numbers of rooms, participants and connections at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// The number of open rooms.
    pub rooms: usize,
    /// The number of connected participants.
    pub participants: usize,
    /// The number of TCP connections that [`Server::serve`](crate::Server::serve) has accepted. The
    /// connections of an embedding application are not counted.
    pub connections: u32,
}
