//! The operations on a room and their results.

mod bytes;

use std::sync::Arc;

use super::{Capacity, Durability, Reject};
use crate::client::Client;
use crate::identity::{Attributes, Identity, UserId};
use crate::ids::{Attachment, IdSuffix, ParticipantId, Ticket};
use crate::message::Moderation;
use crate::name::DisplayName;
use crate::payload::Payload;
use crate::permissions::Permissions;
use crate::protocol::ProtocolVersion;
use crate::reason::CloseReason;
use crate::time::Timestamp;
use crate::token::{PasswordTag, TokenHash};

/// An operation on a room. It is self-contained, so that it can be sent to a store and repeated.
///
/// A repeated operation changes nothing, however late it comes, with two exceptions. The `Change`,
/// `Moderate` with a lock, `SetAttributes`, `SetName`, `SetPermissions` or `Update` that is applied
/// last wins, so ask for the next one when the previous one is done. And each `Admit` and
/// `KickUser` is a new request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Op {
    /// Admits somebody who knows the password, has the invite or is admitted by the host. Promises
    /// a participant id; takes no seat.
    Admit {
        /// Why it may join.
        by: Admission,
        /// The address it comes from, if the host knows it.
        client: Option<Client>,
        /// The random part of the id to promise.
        suffix: IdSuffix,
    },
    /// Gives a socket the seat that its token names. Its participant becomes the newest of the
    /// room.
    Attach {
        /// The grant of the token, which the host has verified.
        grant: Grant,
        /// The name to show.
        name: DisplayName,
        /// The version of the protocol that the socket speaks.
        protocol: ProtocolVersion,
        /// The socket.
        attachment: Attachment,
        /// The hash of the token that resumes the seat; unused in v1.
        resume: TokenHash,
        /// The address of the client, if the host knows it.
        client: Option<Client>,
        /// How many seats the guests from one address may have; `None` for any number.
        most_of_address: Option<u32>,
        /// The random part of the id, in case a fresh one is needed.
        suffix: IdSuffix,
    },
    /// Changes the settings of the room.
    Change(Change),
    /// Ends the room.
    Close(CloseReason),
    /// Detaches a seat from its socket, which is gone. A seat that can be resumed is kept until the
    /// given time, and ends at once if that has passed. A v1 seat ends at once.
    Detach {
        /// The socket.
        attachment: Attachment,
        /// When the seat ends.
        until: Timestamp,
    },
    /// Kicks a participant. The token that it came with is void from then on.
    Kick {
        /// The participant.
        participant: ParticipantId,
        /// A new password. With one the kick is a ban: the participant cannot join again with the
        /// old password. If it has a user, the user is banned as by [`KickUser`](Self::KickUser).
        rotate: Option<Rotation>,
    },
    /// Kicks every participant of a user. Their tokens are void from then on.
    KickUser {
        /// The user.
        user: UserId,
        /// Whether to ban the user: its grants become void for this room, and none is
        /// [minted](super::Room::mint). A room keeps the last 256 banned users.
        ban: bool,
    },
    /// Ends the seat of a participant that leaves for good.
    Leave {
        /// Its socket.
        attachment: Attachment,
        /// How it leaves.
        how: LeaveKind,
    },
    /// Moderates the room, by a participant with the [permission](Permissions::moderate).
    Moderate {
        /// The socket of the moderator.
        attachment: Attachment,
        /// What to do.
        moderation: Moderation,
    },
    /// Ends seats and the room if their time has come. Every other operation does so too.
    Prune,
    /// Gives a participant's seat to its new socket, even if the old one is not known to be lost.
    Resume {
        /// The hash of the token that was presented.
        token: TokenHash,
        /// The hash of the token for the next resume.
        next_token: TokenHash,
        /// The socket.
        attachment: Attachment,
        /// The previous socket, if the hub still has every message that was missed since.
        continues: Option<Attachment>,
        /// The address of the client, if the host knows it.
        client: Option<Client>,
    },
    /// Replaces the attributes of a participant.
    SetAttributes {
        /// The participant.
        participant: ParticipantId,
        /// The new attributes, which may be empty.
        attributes: Attributes,
    },
    /// Replaces the name of a participant, whether it may change that itself or not.
    SetName {
        /// The participant.
        participant: ParticipantId,
        /// The new name.
        name: DisplayName,
    },
    /// Replaces the permissions of a participant. They hold for its ticket: neither its token nor
    /// a newer one for the same seat undoes the change, as far as the last 1,000 changes tell.
    SetPermissions {
        /// The participant.
        participant: ParticipantId,
        /// The new permissions.
        permissions: Permissions,
    },
    /// Changes the name or state of a participant with the [permission](Permissions::update).
    Update {
        /// Its socket.
        attachment: Attachment,
        /// The new name.
        name: Option<DisplayName>,
        /// The new state.
        state: Option<Payload>,
    },
}

/// Why a newcomer may join.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// The host has decided so. The newcomer needs neither the password nor the invite.
    Host {
        /// Whether it may also join a locked room.
        passes_lock: bool,
    },
    /// The hash of an invite token. A wrong one is not counted; a right one does not pass a lock.
    Invite(TokenHash),
    /// The tag of a password.
    Password(PasswordTag),
}

/// What a verified token grants: a seat, unless the password is rotated before the token is used.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Grant {
    /// The ticket, which names the seat.
    pub ticket: Ticket,
    /// The participant id that `join` returned, which is kept if it is still the newest. Not
    /// needed with [`Ticket::Guest`] and [`Ticket::Creator`].
    pub promised: Option<ParticipantId>,
    /// The identity of its holder.
    pub identity: Arc<Identity>,
    /// What its holder may do, unless the host has [changed](Op::SetPermissions) that meanwhile.
    pub permissions: Permissions,
    /// The room's [`password_epoch`](super::Room::password_epoch) when the token was made. An older
    /// one is void, unless its seat is taken already or is the creator's.
    pub password_epoch: u32,
    /// The [epoch](super::Room::epoch) of the room, if the token is void in a later room with the
    /// same id. Set it if rooms have [chosen](crate::RoomId::chosen) ids.
    pub epoch: Option<u64>,
    /// Whether it also admits to a locked room.
    pub passes_lock: bool,
    /// Whether it stays valid when the password changes before it is used.
    pub passes_rotation: bool,
}

impl From<PasswordTag> for Admission {
    fn from(password: PasswordTag) -> Self {
        Self::Password(password)
    }
}

impl Grant {
    /// Grants the creator's seat, for the life of the room.
    pub fn creator() -> Self {
        Self::new(Ticket::Creator, 0)
    }

    /// Grants a seat to a holder without an identity. `password_epoch` is the room's
    /// [`password_epoch`](super::Room::password_epoch) now.
    pub fn new(ticket: Ticket, password_epoch: u32) -> Self {
        Self {
            ticket,
            promised: None,
            identity: Arc::default(),
            permissions: Permissions::default_of(ticket),
            password_epoch,
            epoch: None,
            passes_lock: false,
            passes_rotation: false,
        }
    }

    /// Sets the participant id that `join` has returned.
    #[must_use]
    pub fn promised(self, id: ParticipantId) -> Self {
        Self { promised: Some(id), ..self }
    }

    /// Makes it void in a later room with the same id. `epoch` is the room's
    /// [`epoch`](super::Room::epoch).
    #[must_use]
    pub fn for_epoch(self, epoch: u64) -> Self {
        Self { epoch: Some(epoch), ..self }
    }

    /// Sets the identity of the holder.
    #[must_use]
    pub fn identified(self, identity: impl Into<Arc<Identity>>) -> Self {
        Self { identity: identity.into(), ..self }
    }

    /// Sets what the holder may do. By default a guest may do everything but moderate, and the
    /// creator everything.
    #[must_use]
    pub fn permitted(self, permissions: Permissions) -> Self {
        Self { permissions, ..self }
    }
}

/// How a participant leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LeaveKind {
    /// By closing its socket cleanly. Its seat ends; the room never does.
    Close,
    /// By a `leave` message. The creator's ends the room, unless the room was created with
    /// [`OnCreatorLeave::Keep`](super::OnCreatorLeave::Keep).
    Leave,
}

/// New settings of a room; `None` leaves a setting as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Change {
    /// The name to show.
    pub name: Option<Arc<str>>,
    /// Whether newcomers are refused.
    pub locked: Option<bool>,
    /// How many participants the room holds. A smaller number removes nobody.
    pub capacity: Option<Capacity>,
    /// When the room ends. The host keeps this within 24 hours of the
    /// [creation](super::Room::created_at).
    pub expires_at: Option<Timestamp>,
    /// The host's own data, which may be empty.
    pub data: Option<Attributes>,
    /// A new password.
    pub rotate: Option<Rotation>,
    /// Restores the password attempts of the room. The value is the number of
    /// [restores](super::Room::restores) so far, which makes a repetition harmless.
    pub restore_attempts: Option<u8>,
}

/// A new password and invite, also for a room that had no password. The old ones are void, and so
/// are tokens that have not been used yet, except those that
/// [pass](super::Grant::passes_rotation) such a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// The tag of the new password. It has to differ from the old one.
    pub password: PasswordTag,
    /// The hash of the new invite token.
    pub invite: TokenHash,
    /// The [`password_epoch`](super::Room::password_epoch) that the rotation is based on. It makes
    /// a repetition harmless, and only the first of two concurrent rotations is applied.
    pub follows: u32,
}

/// What [`Room::carry_out`](super::Room::carry_out) returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The answer to the operation. A rejection may have changed the record.
    pub reply: Result<Receipt, Reject>,
    /// Whether the record has to be written before that answer is given.
    pub durability: Durability,
}

/// The result of an operation that was applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Receipt {
    /// The result of every operation that is not listed below.
    Done,
    /// The result of `Admit`, with the id that is promised, and of `Attach`, with the id that holds
    /// from now on.
    Entered {
        /// The participant.
        id: ParticipantId,
    },
    /// The result of `Resume`.
    Resumed {
        /// The participant.
        id: ParticipantId,
        /// Whether the messages that were missed can be sent again. If not, every negotiation of
        /// the participant is void.
        continued: bool,
    },
}
