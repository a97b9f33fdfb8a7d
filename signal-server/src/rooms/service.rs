//! Operations on rooms, for HTTP requests and for the server's handle.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use signal_core::{Applied, CloseReason, Op, PasswordTag, Reject, Room, RoomId, Rotation};
use thiserror::Error;

use super::credentials::{PasswordChoice, RoomCredentials};
use super::public_url::PublicUrl;
use crate::clock::Clock;
use crate::limits::concurrency::ConcurrencyLimit;
use crate::limits::counters::LimitCounters;
use crate::shard::Shards;

/// The rooms of this server, and what is needed to create and change them.
pub(crate) struct Rooms {
    pub(crate) shards: Shards,
    /// The number of open rooms of each user.
    pub(crate) open_rooms: Arc<ConcurrencyLimit<String>>,
    pub(crate) max_open_rooms: u32,
    pub(crate) counters: Arc<LimitCounters>,
    pub(crate) clock: Clock,
    pub(crate) password_key: [u8; 32],
    /// The address that invite links begin with, if it is configured.
    pub(crate) public_url: Option<PublicUrl>,
}

/// Why a room was not changed.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    Rejected(#[from] Reject),
    #[error("the server is stopping")]
    Stopping,
}

impl Rooms {
    /// Returns the newest record of a room, open or not.
    pub(crate) fn get(&self, room: RoomId) -> Option<Arc<Room>> {
        self.shards.of(room).room(room)
    }

    /// Applies an operation and returns the room after it.
    pub(crate) async fn apply(&self, room: RoomId, op: &Op) -> Result<Arc<Room>, ChangeError> {
        let applied = self.apply_seen(room, op, |_| {}).await?;
        applied.reply?;
        Ok(applied.record.ok_or(Reject::RoomNotFound)?)
    }

    /// Applies an operation. `at_once` sees the result before it is on disk.
    pub(crate) async fn apply_seen(
        &self,
        room: RoomId,
        op: &Op,
        at_once: impl FnOnce(&Applied),
    ) -> Result<Applied, ChangeError> {
        self.shards.of(room).apply(room, op, at_once).await.ok_or(ChangeError::Stopping)
    }

    /// Closes a room and disconnects its participants.
    pub(crate) async fn close(
        &self,
        room: RoomId,
        reason: CloseReason,
    ) -> Result<Arc<Room>, ChangeError> {
        self.apply(room, &Op::Close(reason)).await
    }

    /// Applies an operation that gives a room a new password and invite.
    ///
    /// It is repeated if another request has changed the password meanwhile, so that the last
    /// request wins. The loop ends, since a room changes its password at most ten times.
    pub(crate) async fn rotate(
        &self,
        room: &Room,
        choice: &PasswordChoice,
        op: impl Fn(Rotation) -> Op,
    ) -> Result<(Arc<Room>, RoomCredentials), ChangeError> {
        let id = room.id();
        let mut follows = room.password_epoch();
        loop {
            let (credentials, invite) = RoomCredentials::new(id, choice, self.public_url.as_ref());
            let password = self.password_tag(id, &credentials.password);
            let op = op(Rotation { password, invite, follows });
            let applied = self.apply_seen(id, &op, |_| {}).await?;
            let record = applied.record.ok_or(Reject::RoomNotFound)?;
            match (applied.reply, choice) {
                (Ok(_), _) => {
                    tracing::info!(room = %id, epoch = record.password_epoch(), "password changed");
                    return Ok((record, credentials));
                }
                (Err(Reject::RotationStale), _) => follows = record.password_epoch(),
                // The random password equals the old one, so another one is drawn.
                (Err(Reject::PasswordUnchanged), PasswordChoice::Random) => {}
                (Err(reject), _) => return Err(reject.into()),
            }
        }
    }

    /// Computes the tag that a room keeps of its password. The tag depends on the room, so that
    /// equal passwords of two rooms have different tags.
    pub(crate) fn password_tag(&self, room: RoomId, password: &str) -> PasswordTag {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.password_key)
            .expect("HMAC takes keys of any length");
        mac.update(room.as_str().as_bytes());
        mac.update(password.as_bytes());
        PasswordTag::new(mac.finalize().into_bytes().into())
    }
}
