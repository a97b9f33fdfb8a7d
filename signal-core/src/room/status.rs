//! Whether a room is still running, and why it is not.

use crate::reason::CloseReason;

/// Whether a room is still running.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It is over.
    Closed(CloseReason),
    /// It is running.
    Open,
}
