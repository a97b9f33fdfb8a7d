//! Updates of participants' names and states, on their way into the record.
//!
//! The store may apply two operations in either order, so each member has one update under way at a
//! time. Later ones wait and are merged.

use super::sender::Sender;
use super::{AskedBy, Hub};
use crate::ids::{ConnId, ParticipantId, RoomId};
use crate::message::RequestId;
use crate::name::DisplayName;
use crate::payload::Payload;
use crate::room::{Op, Receipt, Reject, Seat};
use crate::time::Timestamp;

/// The updates of one member that the store has not confirmed.
#[derive(Debug, Default)]
pub(super) struct ProfileUpdates {
    /// The update that the store was asked for.
    asked: Option<Profile>,
    /// The update to ask for next.
    wanted: Option<Profile>,
}

/// A new name and state; `None` leaves each as it is.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) name: Option<DisplayName>,
    pub(super) state: Option<Payload>,
    /// The request that an error names.
    pub(super) req: Option<RequestId>,
}

impl ProfileUpdates {
    /// Adds an update to those that wait.
    pub(super) fn want(&mut self, newer: Profile) {
        self.wanted = Some(match self.wanted.take() {
            Some(older) => newer.over(older),
            None => newer,
        });
    }

    /// The update to ask for now, if there is one and none is under way.
    fn ask(&mut self) -> Option<Profile> {
        if self.asked.is_none() {
            self.asked = self.wanted.take();
            return self.asked.clone();
        }
        None
    }
}

impl Profile {
    fn over(self, older: Self) -> Self {
        Self {
            name: self.name.or(older.name),
            state: self.state.or(older.state),
            req: self.req.or(older.req),
        }
    }

    fn matches(&self, seat: &Seat) -> bool {
        self.name.as_ref().is_none_or(|name| *name == seat.name)
            && self.state.as_ref().is_none_or(|state| seat.state.as_ref() == Some(state))
    }
}

impl Hub {
    /// Asks the store for the next update of a member, if the member has a socket and no update is
    /// under way.
    pub(super) fn update_profile(&mut self, room: RoomId, id: ParticipantId) {
        let Some(member) = self.rooms.get_mut(&room).and_then(|local| local.member_mut(id)) else {
            return;
        };
        let Some(conn) = member.conn else { return };
        if let Some(Profile { name, state, .. }) = member.profile.ask() {
            let attachment = self.attachment(conn);
            self.commit(room, Op::Update { attachment, name, state }, AskedBy::Profile(id, conn));
        }
    }

    /// Handles the answer to an update. If the seat had another socket than the update named, the
    /// update came too late, and the hub asks for it again as soon as that socket is in the room.
    ///
    /// The room refuses an update if the host has taken the permission away meanwhile.
    pub(super) fn profile_updated(
        &mut self,
        room: RoomId,
        id: ParticipantId,
        conn: ConnId,
        reply: Result<Receipt, Reject>,
        now: Timestamp,
    ) {
        let attachment = self.attachment(conn);
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let record = local.record().cloned();
        let Some(member) = local.member_mut(id) else { return };
        let Some(asked) = member.profile.asked.take() else { return };
        if reply == Err(Reject::NotPermitted) {
            let sender = Sender { conn, room, id, ticket: member.ticket };
            self.forbid(sender, "update", None, asked.req, now);
            return self.update_profile(room, id);
        }
        let seat = record.as_ref().and_then(|record| record.seat(id));
        if seat.is_some_and(|seat| seat.attachment != attachment && !asked.matches(seat)) {
            let wanted = member.profile.wanted.take();
            member.profile.wanted = Some(match wanted {
                Some(newer) => newer.over(asked),
                None => asked,
            });
            if member.conn == Some(conn) {
                return;
            }
        }
        self.update_profile(room, id);
    }
}
