//! Counts the requests of each client address and each user.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use signal_core::RoomId;

use super::counters::LimitCounters;
use super::fixed_window::{Counted, FixedWindow, RateLimited};
use super::{Limit, Limits};
use crate::client_address::ClientAddress;

/// The rate limits of requests. Refusals appear in the metrics and the log with their limit.
///
/// Nothing is counted per address if the host application does not provide client addresses. A
/// room's own limit on wrong passwords applies regardless.
#[derive(Debug)]
pub(crate) struct Rates {
    joins: FixedWindow<ClientAddress>,
    room_joins: FixedWindow<(ClientAddress, RoomId)>,
    sockets: FixedWindow<ClientAddress>,
    ice_requests: FixedWindow<ClientAddress>,
    creates: FixedWindow<String>,
    changes: FixedWindow<String>,
    counters: Arc<LimitCounters>,
}

/// A join that was counted for its address, and for its address in its room. Dropping this uncounts
/// it.
#[must_use]
pub(crate) struct CountedJoin<'a> {
    of_address: Counted<'a, ClientAddress>,
    of_room: Counted<'a, (ClientAddress, RoomId)>,
}

impl CountedJoin<'_> {
    /// Waits for a part of the join, which counts unless it ends with an error, as
    /// [`Counted::during`] does.
    pub(crate) async fn during<T, E>(
        self,
        part: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.of_address.during(self.of_room.during(part)).await
    }
}

impl Rates {
    pub(crate) fn new(limits: &Limits, counters: Arc<LimitCounters>) -> Self {
        Self {
            joins: FixedWindow::new(limits.joins_per_minute, MINUTE),
            room_joins: FixedWindow::new(limits.room_joins_per_minute, MINUTE),
            sockets: FixedWindow::new(limits.sockets_per_minute, MINUTE),
            ice_requests: FixedWindow::new(limits.joins_per_minute, MINUTE),
            creates: FixedWindow::new(limits.creates_per_minute, MINUTE),
            changes: FixedWindow::new(limits.changes_per_minute, MINUTE),
            counters,
        }
    }

    /// Counts a join before it is tried, so that a join over the limit changes nothing.
    pub(crate) fn count_join(
        &self,
        client: Option<ClientAddress>,
        room: RoomId,
    ) -> Result<CountedJoin<'_>, RateLimited> {
        let of_address = self.reported(self.joins.reserve(client), Limit::JoinsPerMinute)?;
        let key = client.map(|address| (address, room));
        let of_room = self.reported(self.room_joins.reserve(key), Limit::RoomJoinsPerMinute)?;
        Ok(CountedJoin { of_address, of_room })
    }

    /// Counts a socket before it is opened.
    pub(crate) fn count_socket(&self, client: Option<ClientAddress>) -> Result<(), RateLimited> {
        let Some(address) = client else { return Ok(()) };
        self.reported(self.sockets.take(address), Limit::SocketsPerMinute)
    }

    /// Counts a request for ICE servers with a valid token. These requests have a limit of their
    /// own, separate from joins.
    pub(crate) fn count_ice_request(
        &self,
        client: Option<ClientAddress>,
    ) -> Result<(), RateLimited> {
        let Some(address) = client else { return Ok(()) };
        self.reported(self.ice_requests.take(address), Limit::JoinsPerMinute)
    }

    /// Counts a room that a user wants to create. `most` is how many it may create per minute, if
    /// not the configured number.
    pub(crate) fn count_create(
        &self,
        user: &str,
        most: Option<u32>,
    ) -> Result<Counted<'_, String>, RateLimited> {
        let user = Some(user.to_owned());
        let counted = match most {
            None => self.creates.reserve(user),
            Some(most) => self.creates.reserve_up_to(most, user),
        };
        self.reported(counted, Limit::CreatesPerMinute)
    }

    /// Counts a change that a user wants to make to one of its rooms.
    pub(crate) fn count_change(&self, user: &str) -> Result<Counted<'_, String>, RateLimited> {
        self.reported(self.changes.reserve(Some(user.to_owned())), Limit::ChangesPerMinute)
    }

    fn reported<T>(&self, taken: Result<T, RateLimited>, limit: Limit) -> Result<T, RateLimited> {
        taken.inspect_err(|_| self.counters.count(limit))
    }
}

const MINUTE: Duration = Duration::from_secs(60);
