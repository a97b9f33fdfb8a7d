//! The status of a room.

use crate::reason::CloseReason;

/// The status of a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// The room is over.
    Closed(CloseReason),
    /// The room is running.
    Open,
}
