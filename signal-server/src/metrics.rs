//! What the server does, in numbers.

#[cfg(not(feature = "metrics"))]
mod disabled;
#[cfg(feature = "metrics")]
mod prometheus;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::disabled::{Gauge, Metrics};
#[cfg(feature = "metrics")]
pub(crate) use self::prometheus::{Gauge, Metrics, OPEN_METRICS};

/// How much there is of everything at a moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Open rooms.
    pub rooms: usize,
    /// Sockets of participants.
    pub participants: usize,
    /// TCP connections that [`Server::serve`](crate::Server::serve) has taken in; those of another application are its
    /// own to count.
    pub connections: u32,
}
