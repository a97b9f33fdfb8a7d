//! Access to a room: password, attempts at it, invite, lock, and void tokens.

use std::collections::VecDeque;

use super::durability::{Changes, Durability};
use super::operation::{Admission, Grant, Rotation};
use super::password_attempts::PasswordAttempts;
use super::reject::Reject;
use crate::client::Client;
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::identity::UserId;
use crate::ids::Ticket;
use crate::time::Timestamp;
use crate::token::{PasswordTag, TokenHash};

/// What decides whether somebody may enter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Access {
    /// `None` if nobody may enter by a password.
    password: Option<PasswordTag>,
    /// `None` if it was voided with the password.
    invite: Option<TokenHash>,
    attempts: PasswordAttempts,
    password_epoch: u32,
    locked: bool,
    /// The tickets of the last 256 participants that were kicked. Tokens last for minutes, so
    /// forgetting an older ticket lets nobody back in, unless there are hundreds of kicks within
    /// minutes.
    revoked: VecDeque<Ticket>,
    /// The last 256 users that were banned.
    banned: VecDeque<UserId>,
}

impl Access {
    pub(super) fn new(password: Option<PasswordTag>, invite: TokenHash) -> Self {
        Self {
            password,
            invite: Some(invite),
            attempts: PasswordAttempts::new(),
            password_epoch: 0,
            locked: false,
            revoked: VecDeque::new(),
            banned: VecDeque::new(),
        }
    }

    /// Checks why a newcomer may join. A wrong password is counted and never given back; a right
    /// one costs nothing.
    pub(super) fn check(
        &mut self,
        by: Admission,
        client: Option<Client>,
        changes: &mut Changes,
        now: Timestamp,
    ) -> Result<(), Reject> {
        let password = match by {
            Admission::Host { .. } => return Ok(()),
            Admission::Invite(token) if Some(token) == self.invite => return Ok(()),
            Admission::Invite(_) => return Err(Reject::InviteVoid),
            Admission::Password(password) => password,
        };
        let Some(right) = self.password else { return Err(Reject::WrongPassword) };
        // This is checked before the password is compared, so that a client without attempts learns
        // nothing.
        self.attempts.check(client, now)?;
        if password == right {
            return Ok(());
        }
        self.attempts.take(client, now);
        changes.note(Durability::BeforeAnswer);
        Err(Reject::WrongPassword)
    }

    /// Records the address of a new seat, and keeps the last `most`; `false` if it is recorded
    /// already.
    pub(super) fn know(&mut self, client: Option<Client>, most: usize) -> bool {
        self.attempts.know(client, most)
    }

    /// Notes that all attempts are available again; `false` if there is nothing to note.
    pub(super) fn recover(&mut self, now: Timestamp) -> bool {
        self.attempts.recover(now)
    }

    pub(super) fn check_restore(&self, follows: u8) -> Result<(), Reject> {
        self.attempts.check_restore(follows)
    }

    /// Gives all attempts back; `false` if this was applied before.
    pub(super) fn restore(&mut self, follows: u8) -> bool {
        self.attempts.restore(follows)
    }

    /// Checks the grant of a token. A participant may always come back to its seat, and the creator
    /// may always enter.
    pub(super) fn check_grant(&self, grant: &Grant, is_seated: bool) -> Result<(), Reject> {
        let user = grant.identity.user.as_ref().filter(|_| grant.ticket != Ticket::Creator);
        let is_banned = user.is_some_and(|user| self.is_banned(user));
        if is_banned || self.is_revoked(grant.ticket) {
            return Err(Reject::GrantVoid);
        }
        if is_seated || grant.ticket == Ticket::Creator {
            return Ok(());
        }
        if grant.password_epoch < self.password_epoch && !grant.passes_rotation {
            return Err(Reject::GrantVoid);
        }
        if self.locked && !grant.passes_lock { Err(Reject::RoomLocked) } else { Ok(()) }
    }

    /// Changes the password and the invite; `false` if the rotation was applied before. The count
    /// of attempts goes on, since it holds for every password of the room.
    pub(super) fn rotate(&mut self, rotation: &Rotation) -> Result<bool, Reject> {
        // The invite is compared too: another rotation to the same password has another invite, and
        // its caller would hand out an invite that the room does not know.
        let is_same = self.password == Some(rotation.password);
        let is_current = is_same && Some(rotation.invite) == self.invite;
        if is_current && rotation.follows < self.password_epoch {
            return Ok(false);
        }
        if rotation.follows != self.password_epoch {
            return Err(Reject::RotationStale);
        }
        if is_same {
            return Err(Reject::PasswordUnchanged);
        }
        self.password = Some(rotation.password);
        self.invite = Some(rotation.invite);
        self.password_epoch = self.password_epoch.saturating_add(1);
        Ok(true)
    }

    /// Voids the password, the invite, and the tokens that have not been used, until the next
    /// rotation.
    pub(super) fn void_credentials(&mut self) {
        (self.password, self.invite) = (None, None);
        self.password_epoch = self.password_epoch.saturating_add(1);
    }

    /// Locks or unlocks the room; `false` if nothing changed.
    pub(super) fn lock(&mut self, locked: bool) -> bool {
        std::mem::replace(&mut self.locked, locked) != locked
    }

    /// Whether a kick has voided this ticket, as far as the last 256 kicks tell.
    pub(super) fn is_revoked(&self, ticket: Ticket) -> bool {
        self.revoked.contains(&ticket)
    }

    pub(super) fn revoke(&mut self, ticket: Ticket) {
        if self.revoked.len() == MOST_REVOKED {
            self.revoked.pop_front();
        }
        self.revoked.push_back(ticket);
    }

    /// Bans a user; `false` if it is banned already.
    pub(super) fn ban(&mut self, user: &UserId) -> bool {
        if self.is_banned(user) {
            return false;
        }
        if self.banned.len() == MOST_BANNED {
            self.banned.pop_front();
        }
        self.banned.push_back(user.clone());
        true
    }

    pub(super) fn is_banned(&self, user: &UserId) -> bool {
        self.banned.contains(user)
    }

    pub(super) fn write_banned(&self, out: &mut Writer) {
        out.list(self.banned.iter(), |out, user| out.text(user.as_str()));
    }

    pub(super) fn read_banned(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidBytes> {
        self.banned = from.list(MOST_BANNED, Reader::parsed)?;
        Ok(())
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.option(self.password, Writer::password);
        out.option(self.invite, Writer::hash);
        self.attempts.write(out);
        out.u32(self.password_epoch);
        out.bool(self.locked);
        out.list(self.revoked.iter(), |out, ticket| out.ticket(*ticket));
    }

    pub(super) fn read(
        from: &mut Reader<'_>,
        format: u8,
        created_at: Timestamp,
    ) -> Result<Self, InvalidBytes> {
        Ok(Self {
            password: match format {
                1..=4 => Some(from.password()?),
                _ => from.option(Reader::password)?,
            },
            invite: match format {
                1..=7 => Some(from.hash()?),
                _ => from.option(Reader::hash)?,
            },
            attempts: match format {
                1 | 2 => {
                    let left = from.u8()?;
                    // The number of password changes that were left.
                    from.u8()?;
                    PasswordAttempts::of_older_record(left, created_at)
                }
                _ => PasswordAttempts::read(from)?,
            },
            password_epoch: from.u32()?,
            locked: from.bool()?,
            revoked: from.list(MOST_REVOKED, Reader::ticket)?,
            banned: VecDeque::new(),
        })
    }

    pub(super) fn attempts(&self) -> &PasswordAttempts {
        &self.attempts
    }

    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    pub(super) fn locked(&self) -> bool {
        self.locked
    }

    pub(super) fn password_epoch(&self) -> u32 {
        self.password_epoch
    }
}

const MOST_REVOKED: usize = 256;
const MOST_BANNED: usize = 256;
