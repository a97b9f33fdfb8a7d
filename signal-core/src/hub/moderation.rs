//! What participants may do, and the requests of moderators.

use super::delivery::RefusalDetails;
use super::sender::Sender;
use super::{AskedBy, Hub};
use crate::error::ErrorCode;
use crate::message::{Addressee, Moderation, RequestId};
use crate::permissions::Permissions;
use crate::room::{Op, Receipt, Reject};
use crate::time::Timestamp;

/// A moderator that waits for the answer of the store.
#[derive(Clone, Debug)]
pub(super) struct Moderator {
    sender: Sender,
    /// The participant that it kicks or bans.
    about: Option<Addressee>,
    req: Option<RequestId>,
}

impl Hub {
    /// What the sender of a message may do now.
    pub(super) fn permissions(&self, sender: Sender) -> Permissions {
        let record = self.rooms.get(&sender.room).and_then(|local| local.record());
        let seat = record.and_then(|record| record.seat(sender.id));
        seat.map_or(Permissions::NONE, |seat| seat.permissions)
    }

    /// Refuses a message for which its sender has no permission.
    pub(super) fn forbid(
        &mut self,
        sender: Sender,
        permission: &str,
        about: Option<Addressee>,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let detail = format!("it needs the permission `{permission}`, which the host gives");
        let detail = Some(detail.as_str());
        let refused = RefusalDetails { about, detail, req, ..RefusalDetails::default() };
        self.error(sender.room, sender.id, ErrorCode::Forbidden, refused, now);
    }

    /// Asks the store to moderate the room, if the sender may. The room checks the permission
    /// again, since another node may have applied a change that this one has not seen.
    pub(super) fn moderate(
        &mut self,
        sender: Sender,
        moderation: Moderation,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let about = match moderation {
            Moderation::Ban(participant) | Moderation::Kick(participant) => {
                Some(participant.into())
            }
            Moderation::Close | Moderation::Lock | Moderation::Unlock => None,
        };
        if about == Some(sender.id.into()) {
            let refused = RefusalDetails { about, req, ..RefusalDetails::default() };
            return self.error(sender.room, sender.id, ErrorCode::SelfTarget, refused, now);
        }
        // A store copies the record of the room even to refuse an operation.
        if !self.permissions(sender).moderate {
            return self.forbid(sender, "moderate", about, req, now);
        }
        let attachment = self.attachment(sender.conn);
        let op = Op::Moderate { attachment, moderation };
        self.commit(sender.room, op, AskedBy::Moderator(Moderator { sender, about, req }));
    }

    /// Tells a moderator that its request was refused.
    pub(super) fn moderated(
        &mut self,
        moderator: Moderator,
        reply: Result<Receipt, Reject>,
        now: Timestamp,
    ) {
        let Moderator { sender, about, req } = moderator;
        let (code, detail) = match reply {
            Ok(_) => return,
            Err(Reject::NotPermitted) => return self.forbid(sender, "moderate", about, req, now),
            Err(Reject::CreatorStays) => {
                (ErrorCode::Forbidden, Some("the creator can be neither kicked nor banned"))
            }
            Err(Reject::ParticipantNotFound) => (ErrorCode::PeerNotFound, None),
            Err(reject) => (reject.code(), None),
        };
        let refused = RefusalDetails { about, detail, req, ..RefusalDetails::default() };
        self.error(sender.room, sender.id, code, refused, now);
    }
}
