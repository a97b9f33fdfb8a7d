//! How many participants a room holds.

use thiserror::Error;

/// How many participants a room holds, the creator among them: 1 to 50, by default 10.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Capacity(u8);

impl Capacity {
    /// The capacity of the largest room.
    pub const MAX: u8 = 50;

    /// # Errors
    ///
    /// The number is not within 1 to 50.
    pub fn new(participants: u8) -> Result<Self, InvalidCapacity> {
        if (1..=Self::MAX).contains(&participants) {
            Ok(Self(participants))
        } else {
            Err(InvalidCapacity)
        }
    }

    /// The number of participants.
    pub fn participants(self) -> u8 {
        self.0
    }

    /// How many seats guests may hold. One is always kept for the creator.
    pub(super) fn guests(self) -> usize {
        usize::from(self.0) - 1
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self(10)
    }
}

/// A capacity is outside 1 to 50.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a room holds 1 to {} participants", Capacity::MAX)]
pub struct InvalidCapacity;
