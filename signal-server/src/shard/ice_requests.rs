//! Who waits for ICE servers in a shard.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem;

use signal_core::{ConnId, ParticipantId, RequestId, RoomId};

/// What a connection waits for.
#[derive(Debug)]
pub(super) struct IceRequest {
    pub(super) conn: ConnId,
    pub(super) room: RoomId,
    pub(super) participant: ParticipantId,
    /// Each is answered.
    pub(super) reqs: Vec<Option<RequestId>>,
}

/// The connections that wait. For each one request at a time is under way; what it wants meanwhile is the next request, and no
/// part of the first, since its room may have been extended in between.
#[derive(Debug, Default)]
pub(super) struct IceRequests {
    /// Bounded by what a connection may send while a request is under way.
    next: HashMap<ConnId, Vec<Option<RequestId>>>,
}

impl IceRequests {
    /// Adds a request; it comes back if it is to be carried out at once.
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

    /// The next request of a connection, when one has been carried out.
    pub(super) fn next(&mut self, done: &IceRequest) -> Option<IceRequest> {
        let next = self.next.get_mut(&done.conn)?;
        if next.is_empty() {
            self.next.remove(&done.conn);
            return None;
        }
        Some(IceRequest { reqs: mem::take(next), ..*done })
    }

    /// Forgets what a connection wants that has ended.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.next.remove(&conn);
    }
}
