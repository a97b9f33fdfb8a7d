//! How participants get seats: admitted, attached, resumed.

use super::Room;
use super::durability::{Changes, Durability};
use super::operation::{Admission, Grant, Receipt};
use super::reject::Reject;
use super::seats::Newcomer;
use super::status::Status;
use crate::client::Client;
use crate::ids::{Attachment, IdSuffix, ParticipantId, Ticket};
use crate::reason::CloseReason;
use crate::time::Timestamp;
use crate::token::TokenHash;

impl Room {
    /// Checks why a newcomer may join, and whether a seat is free. No seat is taken yet.
    pub(super) fn admit(
        &mut self,
        by: Admission,
        client: Option<Client>,
        suffix: IdSuffix,
        changes: &mut Changes,
        now: Timestamp,
    ) -> Result<Receipt, Reject> {
        match self.status {
            Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
                return Err(Reject::RoomClosed);
            }
            Status::Closed(CloseReason::Expired) | Status::Open => {}
        }
        self.access.check(by, client, changes, now)?;
        // From here on the answer reveals something about the room, so only a newcomer that may
        // join it gets here.
        self.running()?;
        if self.access.locked() && by != (Admission::Host { passes_lock: true }) {
            return Err(Reject::RoomLocked);
        }
        let id = self.seats.promise(suffix, changes)?;
        Ok(Receipt::Entered { id })
    }

    pub(super) fn attach(
        &mut self,
        grant: &Grant,
        newcomer: &Newcomer<'_>,
        client: Option<Client>,
        suffix: IdSuffix,
        changes: &mut Changes,
    ) -> Result<Receipt, Reject> {
        if let Some(receipt) = self.seats.receipt_of(newcomer.attachment) {
            return Ok(Receipt::Entered { id: receipt.id });
        }
        self.check_grant(grant, self.seats.holds(grant.ticket))?;
        let id = self.seats.attach(newcomer, suffix, changes)?;
        self.access.know(client, self.seats.remembered());
        changes.note(Durability::BeforeAnswer);
        Ok(Receipt::Entered { id })
    }

    pub(super) fn resume(
        &mut self,
        token: TokenHash,
        next_token: TokenHash,
        attachment: Attachment,
        continues: Option<Attachment>,
        changes: &mut Changes,
    ) -> Result<Receipt, Reject> {
        let receipt = match self.seats.receipt_of(attachment) {
            Some(receipt) => receipt,
            None => {
                let resumed = self.seats.resume(token, next_token, attachment, continues)?;
                changes.note(Durability::BeforeAnswer);
                resumed
            }
        };
        Ok(Receipt::Resumed { id: receipt.id, continued: receipt.continued })
    }

    pub(super) fn check_grant(&self, grant: &Grant, is_seated: bool) -> Result<(), Reject> {
        let is_of_other_room = grant.epoch.is_some_and(|epoch| epoch != self.epoch);
        if is_of_other_room || (grant.ticket == Ticket::Creator && self.creator.is_none()) {
            return Err(Reject::GrantVoid);
        }
        self.access.check_grant(grant, is_seated)
    }

    pub(super) fn promised(&self, grant: &Grant) -> Option<ParticipantId> {
        match grant.ticket {
            Ticket::Creator => Some(self.creator_id),
            Ticket::Guest(id) => Some(id),
            Ticket::Host(_) => grant.promised,
        }
    }
}
