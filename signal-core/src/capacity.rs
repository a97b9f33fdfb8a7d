//! How many participants a room holds.

use thiserror::Error;

/// How many participants a room holds, including the creator: 1 to 500, by default 10.
///
/// A host with rooms for more than 50 raises
/// [`HubConfig::max_capacity`](crate::config::HubConfig::max_capacity).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Capacity(u16);

impl Capacity {
    /// How many participants a room can hold at most.
    pub const MAX: u16 = 500;
    /// The capacity of the largest room, unless the host allows more: 50.
    pub const DEFAULT_MAX: Self = Self(50);

    /// Creates a capacity.
    ///
    /// # Errors
    ///
    /// The number is not within 1 to 500.
    pub fn new(participants: u16) -> Result<Self, InvalidCapacity> {
        if (1..=Self::MAX).contains(&participants) {
            Ok(Self(participants))
        } else {
            Err(InvalidCapacity)
        }
    }

    /// The number of participants.
    pub fn participants(self) -> u16 {
        self.0
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self(10)
    }
}

/// A capacity is outside 1 to 500.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a room holds 1 to {} participants", Capacity::MAX)]
pub struct InvalidCapacity;
