//! Limits how often an address may try passwords and room ids.

use std::sync::Arc;
use std::time::Duration;

use signal_core::RoomId;

use super::counters::LimitCounters;
use super::fixed_window::{FixedWindow, RateLimited};
use super::{Limit, Limits};
use crate::client_address::ClientAddress;

/// The attempts of each address to enter rooms that it does not belong to.
///
/// For an address over any of these limits the server compares no password and does not reveal
/// whether a room exists, since room ids can be guessed too.
#[derive(Debug)]
pub(crate) struct JoinAttempts {
    /// Wrong passwords of one room.
    in_room: FixedWindow<(ClientAddress, RoomId)>,
    unknown_rooms: FixedWindow<ClientAddress>,
    /// All failed attempts.
    failed: FixedWindow<ClientAddress>,
    counters: Arc<LimitCounters>,
}

impl JoinAttempts {
    pub(crate) fn new(limits: &Limits, counters: Arc<LimitCounters>) -> Self {
        Self {
            in_room: FixedWindow::new(limits.failed_joins_per_room, PERIOD),
            unknown_rooms: FixedWindow::new(limits.unknown_rooms, PERIOD),
            failed: FixedWindow::new(limits.failed_joins, PERIOD),
            counters,
        }
    }

    /// Returns an error if an address may not try any more passwords or rooms.
    pub(crate) fn check(&self, client: Option<ClientAddress>) -> Result<(), RateLimited> {
        let Some(address) = client else { return Ok(()) };
        self.counted(self.failed.check(&address), Limit::FailedJoins)?;
        self.counted(self.unknown_rooms.check(&address), Limit::UnknownRooms)
    }

    /// Counts a password before it is compared. If it is right, [`give_back`](Self::give_back)
    /// undoes this.
    pub(crate) fn take(
        &self,
        client: Option<ClientAddress>,
        room: RoomId,
    ) -> Result<(), RateLimited> {
        let Some(address) = client else { return Ok(()) };
        self.counted(self.unknown_rooms.check(&address), Limit::UnknownRooms)?;
        self.counted(self.in_room.take((address, room)), Limit::FailedJoinsPerRoom)?;
        let taken = self.counted(self.failed.take(address), Limit::FailedJoins);
        taken.inspect_err(|_| self.in_room.give_back(&(address, room)))
    }

    /// Stops counting a password that was not wrong.
    pub(crate) fn give_back(&self, client: Option<ClientAddress>, room: RoomId) {
        if let Some(address) = client {
            self.in_room.give_back(&(address, room));
            self.failed.give_back(&address);
        }
    }

    /// Counts a request for a room that does not exist or belongs to another user. The error
    /// replaces the room's own.
    pub(crate) fn count_unknown_room(
        &self,
        client: Option<ClientAddress>,
    ) -> Result<(), RateLimited> {
        let Some(address) = client else { return Ok(()) };
        self.counted(self.failed.check(&address), Limit::FailedJoins)?;
        self.counted(self.unknown_rooms.take(address), Limit::UnknownRooms)?;
        self.counted(self.failed.take(address), Limit::FailedJoins)
    }

    fn counted(&self, taken: Result<(), RateLimited>, limit: Limit) -> Result<(), RateLimited> {
        taken.inspect_err(|_| self.counters.count(limit))
    }
}

/// How long a failed attempt of an address counts.
const PERIOD: Duration = Duration::from_secs(30 * 60);
