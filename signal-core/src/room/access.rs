//! Access to a room: password, invite, lock, and the tokens that are void.

use std::collections::VecDeque;

use super::operation::{Admission, Grant, Rotation};
use super::reject::Reject;
use crate::ids::Ticket;
use crate::record::{InvalidRecord, Reader, Writer};
use crate::token::{PasswordTag, TokenHash};

/// What decides whether somebody may enter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Access {
    password: PasswordTag,
    invite: TokenHash,
    guesses_left: u8,
    rotations_left: u8,
    password_epoch: u32,
    locked: bool,
    /// The tickets of the last 256 participants that were kicked. Tokens last for minutes, so
    /// forgetting older tickets lets nobody back in, short of hundreds of kicks within minutes.
    revoked: VecDeque<Ticket>,
}

impl Access {
    pub(super) fn new(password: PasswordTag, invite: TokenHash) -> Self {
        Self {
            password,
            invite,
            guesses_left: GUESSES,
            rotations_left: ROTATIONS,
            password_epoch: 0,
            locked: false,
            revoked: VecDeque::new(),
        }
    }

    /// Checks the password or invite of a newcomer. A wrong password is counted, and a right one
    /// does not reset the count.
    pub(super) fn check(&mut self, by: Admission) -> Result<(), Reject> {
        match by {
            Admission::Invite(token) if token == self.invite => Ok(()),
            Admission::Invite(_) => Err(Reject::InviteVoid),
            Admission::Password(_) if self.guesses_left == 0 => Err(Reject::PasswordLocked),
            Admission::Password(password) if password == self.password => Ok(()),
            Admission::Password(_) => {
                self.guesses_left -= 1;
                Err(Reject::WrongPassword)
            }
        }
    }

    /// Checks the grant of a token. A participant may always come back to its seat, and the creator
    /// may always enter.
    pub(super) fn check_grant(&self, grant: Grant, is_seated: bool) -> Result<(), Reject> {
        if self.revoked.contains(&grant.ticket) {
            return Err(Reject::GrantVoid);
        }
        if is_seated || grant.ticket == Ticket::Creator {
            return Ok(());
        }
        if grant.password_epoch < self.password_epoch {
            return Err(Reject::GrantVoid);
        }
        if self.locked { Err(Reject::RoomLocked) } else { Ok(()) }
    }

    /// Changes the password and the invite, and resets the count of wrong passwords; `false` if the
    /// rotation was applied before.
    pub(super) fn rotate(&mut self, rotation: &Rotation) -> Result<bool, Reject> {
        // The invite is compared too: a different rotation to the same password has another invite,
        // and its caller would hand out one that the room does not know.
        let is_current = rotation.password == self.password && rotation.invite == self.invite;
        if is_current && rotation.follows < self.password_epoch {
            return Ok(false);
        }
        if rotation.follows != self.password_epoch {
            return Err(Reject::RotationStale);
        }
        if rotation.password == self.password {
            return Err(Reject::PasswordUnchanged);
        }
        self.rotations_left =
            self.rotations_left.checked_sub(1).ok_or(Reject::RotationsExhausted)?;
        self.password = rotation.password;
        self.invite = rotation.invite;
        self.password_epoch += 1;
        self.guesses_left = GUESSES;
        Ok(true)
    }

    /// Locks or unlocks the room; `false` if nothing changed.
    pub(super) fn lock(&mut self, locked: bool) -> bool {
        std::mem::replace(&mut self.locked, locked) != locked
    }

    pub(super) fn revoke(&mut self, ticket: Ticket) {
        if self.revoked.len() == MOST_REVOKED {
            self.revoked.pop_front();
        }
        self.revoked.push_back(ticket);
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.array(self.password.as_bytes());
        out.hash(self.invite);
        out.u8(self.guesses_left);
        out.u8(self.rotations_left);
        out.u32(self.password_epoch);
        out.bool(self.locked);
        out.list(self.revoked.iter(), |out, ticket| out.ticket(*ticket));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidRecord> {
        Ok(Self {
            password: PasswordTag::new(from.array()?),
            invite: from.hash()?,
            guesses_left: from.u8()?,
            rotations_left: from.u8()?,
            password_epoch: from.u32()?,
            locked: from.bool()?,
            revoked: from.list(MOST_REVOKED, Reader::ticket)?,
        })
    }

    pub(super) fn guesses_left(&self) -> u8 {
        self.guesses_left
    }

    pub(super) fn locked(&self) -> bool {
        self.locked
    }

    pub(super) fn password_epoch(&self) -> u32 {
        self.password_epoch
    }
}

pub(super) const GUESSES: u8 = 20;
pub(super) const ROTATIONS: u8 = 10;
const MOST_REVOKED: usize = 256;
