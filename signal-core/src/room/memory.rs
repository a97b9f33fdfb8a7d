//! How much of its past a room remembers.

use std::collections::VecDeque;

use super::Capacity;

/// How many departures, former attachments and addresses a room of that capacity remembers. It is
/// more than the room has seats, so that even the loss of every socket at once fits.
pub(super) fn length(capacity: Capacity) -> usize {
    SHORTEST.max(usize::from(capacity.participants()))
}

/// Adds an element, and drops the oldest beyond that number.
pub(super) fn push<T>(list: &mut VecDeque<T>, newest: T, most: usize) {
    while list.len() >= most.max(1) {
        list.pop_front();
    }
    list.push_back(newest);
}

/// The longest that a list in a record can be.
pub(super) const LONGEST: usize = Capacity::MAX as usize;
const SHORTEST: usize = 64;
