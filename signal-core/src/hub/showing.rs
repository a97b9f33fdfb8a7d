//! What participants show of themselves, on its way into the record: one change at a time, so that none overtakes
//! another and the last one stays.

use super::{AskedBy, Hub};
use crate::ids::{ConnId, ParticipantId, RoomId};
use crate::message::Payload;
use crate::name::DisplayName;
use crate::room::{Op, Seat};

/// The changes of one member that the store has not confirmed.
#[derive(Debug, Default)]
pub(super) struct Showing {
    /// What the store has been asked for.
    asked: Option<Shown>,
    /// What it is to be asked for next.
    wanted: Option<Shown>,
}

/// What a participant shows; `None` leaves a thing as it is.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) name: Option<DisplayName>,
    pub(super) state: Option<Payload>,
}

impl Showing {
    /// Wants something shown on top of what is wanted already.
    pub(super) fn want(&mut self, newer: Shown) {
        self.wanted = Some(match self.wanted.take() {
            Some(older) => newer.over(older),
            None => newer,
        });
    }

    /// What to ask for now, if anything.
    fn ask(&mut self) -> Option<Shown> {
        if self.asked.is_none() {
            self.asked = self.wanted.take();
            return self.asked.clone();
        }
        None
    }
}

impl Shown {
    fn over(self, older: Self) -> Self {
        Self { name: self.name.or(older.name), state: self.state.or(older.state) }
    }

    fn is_shown_by(&self, seat: &Seat) -> bool {
        self.name.as_ref().is_none_or(|name| *name == seat.name)
            && self.state.as_ref().is_none_or(|state| seat.state.as_ref() == Some(state))
    }
}

impl Hub {
    /// Asks the store for what a member wants to show, as soon as it has a socket and nothing is on its way.
    pub(super) fn show(&mut self, room: RoomId, id: ParticipantId) {
        let Some(member) = self.rooms.get_mut(&room).and_then(|local| local.member_mut(id)) else {
            return;
        };
        let Some(conn) = member.conn else { return };
        if let Some(Shown { name, state }) = member.showing.ask() {
            let attachment = self.attachment(conn);
            self.commit(room, Op::Update { attachment, name, state }, AskedBy::Showing(id, conn));
        }
    }

    /// The store has answered. An update in the name of a socket that was lost meanwhile may have come too late.
    pub(super) fn shown(&mut self, room: RoomId, id: ParticipantId, conn: ConnId) {
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let record = local.record().cloned();
        let Some(member) = local.member_mut(id) else { return };
        let Some(asked) = member.showing.asked.take() else { return };
        let seat = record.as_ref().and_then(|record| record.seat(id));
        if member.conn != Some(conn) && seat.is_some_and(|seat| !asked.is_shown_by(seat)) {
            let wanted = member.showing.wanted.take();
            member.showing.wanted = Some(match wanted {
                Some(newer) => newer.over(asked),
                None => asked,
            });
        }
        self.show(room, id);
    }
}
