//! The limit on opening sockets, and the accounts of tickets in rooms without members.

use std::mem;
use std::time::Duration;

use super::Hub;
use super::account::Account;
use super::local_room::LocalRoom;
use crate::close_code::CloseCode;
use crate::entry::Entry;
use crate::error::ErrorCode;
use crate::ids::{ConnId, RoomId, Ticket};
use crate::time::Timestamp;

impl Hub {
    /// Counts a socket that wants to enter; `Ok(false)` if its ticket is not known yet, `Err` if it
    /// has to wait.
    pub(super) fn count_opening(
        &mut self,
        room: RoomId,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<bool, Duration> {
        let ticket = match entry {
            Entry::Ask { .. } => None,
            Entry::Attach { grant, .. } => Some(grant.ticket),
            Entry::Resume { token, .. } => {
                self.rooms.get(&room).and_then(|local| local.ticket_of(*token))
            }
        };
        let Some(ticket) = ticket else { return Ok(false) };
        let limit = self.config.openings.clone();
        self.account(room, ticket, now).open(&limit, now).map(|()| true)
    }

    /// Counts a socket that has resumed a seat whose ticket was not known before.
    pub(super) fn count_opened(&mut self, room: RoomId, ticket: Ticket, now: Timestamp) {
        let limit = self.config.openings.clone();
        self.account(room, ticket, now).opened(&limit);
    }

    /// Tells a connection that its ticket has opened too many sockets, and closes it. The room is
    /// not touched.
    pub(super) fn refuse_opening(&mut self, conn: ConnId, retry_after: Duration) {
        let code = ErrorCode::RateLimited;
        let (text, close) =
            (|language| code.refusal_text(language), CloseCode::after_refusal(code));
        self.refuse_with(conn, code, text, Some(retry_after), close);
    }

    fn account(&mut self, room: RoomId, ticket: Ticket, now: Timestamp) -> &mut Account {
        if let Some(local) = self.rooms.get_mut(&room) {
            return local.account(ticket, &self.config, now);
        }
        // The accounts are forgotten soon if the socket is refused, and move to the room otherwise.
        self.deadlines.set(room, Some(now + FORGET_AFTER));
        self.accounts.entry(room).or_default().account(ticket, &self.config, now)
    }

    /// The room that a connection enters, as the hub knows it; `true` if it is new.
    pub(super) fn local_room(&mut self, room: RoomId) -> (&mut LocalRoom, bool) {
        let local = self.rooms.entry(room).or_default();
        if let Some(accounts) = self.accounts.remove(&room) {
            self.deadlines.set(room, None);
            local.restore_accounts(accounts);
        }
        let is_new = local.is_idle();
        (local, is_new)
    }

    /// Removes a room without members on this node, and keeps the accounts of its tickets.
    pub(super) fn remove_room(&mut self, room: RoomId) {
        let Some(mut local) = self.rooms.remove(&room) else { return };
        self.refuse_held(mem::take(&mut local.held));
        let accounts = local.into_accounts();
        let full_at = accounts.full_at(&self.config);
        self.deadlines.set(room, full_at);
        if full_at.is_some() {
            self.accounts.insert(room, accounts);
        }
    }

    /// Forgets the accounts of a room without members that are full again.
    pub(super) fn forget_accounts(&mut self, room: RoomId, now: Timestamp) {
        let Some(accounts) = self.accounts.get_mut(&room) else { return };
        accounts.forget_full(&self.config, now);
        let full_at = accounts.full_at(&self.config);
        self.deadlines.set(room, full_at);
        if full_at.is_none() {
            self.accounts.remove(&room);
        }
    }
}

const FORGET_AFTER: Duration = Duration::from_secs(60);
