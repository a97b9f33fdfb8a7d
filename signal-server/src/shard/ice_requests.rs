//! The connections of a shard that wait for ICE servers.

use std::collections::hash_map::Entry;
use std::mem;

use rustc_hash::FxHashMap;
use signal_core::message::RequestId;
use signal_core::{ConnId, ParticipantId, RoomId};

/// A connection's request for ICE servers.
#[derive(Debug)]
pub(super) struct IceRequest {
    pub(super) conn: ConnId,
    pub(super) room: RoomId,
    pub(super) participant: ParticipantId,
    /// The requests to answer; each gets its own answer.
    pub(super) reqs: Vec<Option<RequestId>>,
}

/// The waiting connections. Each has one request under way. Requests that arrive meanwhile form the
/// next one: the answer to the first may be outdated, since the room may have been extended in
/// between.
#[derive(Debug, Default)]
pub(super) struct IceRequests {
    /// The rate limit of the connection bounds this list.
    next: FxHashMap<ConnId, Vec<Option<RequestId>>>,
}

impl IceRequests {
    /// Adds a request. Returns it if it is to be carried out at once.
    pub(super) fn add(&mut self, request: IceRequest) -> Option<IceRequest> {
        match self.next.entry(request.conn) {
            Entry::Occupied(mut next) => {
                next.get_mut().extend(request.reqs);
                None
            }
            Entry::Vacant(none) => {
                none.insert(Vec::new());
                Some(request)
            }
        }
    }

    /// Takes the next request of a connection whose last one is done.
    pub(super) fn next(&mut self, done: &IceRequest) -> Option<IceRequest> {
        let next = self.next.get_mut(&done.conn)?;
        if next.is_empty() {
            self.next.remove(&done.conn);
            return None;
        }
        Some(IceRequest { reqs: mem::take(next), ..*done })
    }

    /// Removes the requests of a connection that has ended.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.next.remove(&conn);
    }
}
