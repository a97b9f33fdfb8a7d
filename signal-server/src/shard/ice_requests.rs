//! Who waits for ICE servers in a shard.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem;

use signal_core::{ConnId, IceServers, Input, ParticipantId, RequestId, RoomId, Timestamp};

use super::{Settled, State};

/// What a connection waits for.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) conn: ConnId,
    pub(super) room: RoomId,
    pub(super) participant: ParticipantId,
    /// Each is answered.
    pub(super) reqs: Vec<Option<RequestId>>,
}

/// The connections that wait. For each one wish at a time is under way; what it wants meanwhile is the next wish, and no
/// part of the first, since its room may have been extended in between.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// Bounded by what a connection may send while a wish is under way.
    next: HashMap<ConnId, Vec<Option<RequestId>>>,
}

impl Wishes {
    /// Adds a wish; it comes back if it is to be carried out at once.
    pub(super) fn add(&mut self, wish: Wish) -> Option<Wish> {
        match self.next.entry(wish.conn) {
            Entry::Occupied(mut next) => {
                next.get_mut().extend(wish.reqs);
                None
            }
            Entry::Vacant(none) => {
                none.insert(Vec::new());
                Some(wish)
            }
        }
    }

    /// The next wish of a connection, when one has been carried out.
    pub(super) fn next(&mut self, done: &Wish) -> Option<Wish> {
        let next = self.next.get_mut(&done.conn)?;
        if next.is_empty() {
            self.next.remove(&done.conn);
            return None;
        }
        Some(Wish { reqs: mem::take(next), ..*done })
    }

    /// Forgets what a connection wants that has ended.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.next.remove(&conn);
    }
}

impl State {
    /// Asks without the lock, since it may take as long as somebody else's code does.
    pub(super) fn ask_for_ice_servers(&mut self, wish: Wish) {
        let Some(room) = self.store.room(wish.room).cloned() else {
            return self.ice_wishes.forget(wish.conn);
        };
        let (ice, settled) = (self.common.ice.clone(), self.settled.clone());
        tokio::spawn(async move {
            let servers = ice.announced(&room, wish.participant).await;
            // Nobody waits any more when the shard is gone.
            let _ = settled.send(Settled::IceServers(wish, servers));
        });
    }

    pub(super) fn tell_ice_servers(&mut self, wish: &Wish, ice: &IceServers, now: Timestamp) {
        for req in &wish.reqs {
            let (conn, ice, req) = (wish.conn, ice.clone(), req.clone());
            self.hub.handle_input(Input::IceServers { conn, ice, req }, now);
        }
        if let Some(wish) = self.ice_wishes.next(wish) {
            self.ask_for_ice_servers(wish);
        }
    }
}
