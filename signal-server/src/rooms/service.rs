//! Operations on rooms, for HTTP requests and for the server's handle.

use std::net::IpAddr;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use signal_core::room::{
    Capacity, CloseReason, Op, PasswordTag, Reject, Room, Rotation, TicketTag,
};
use signal_core::store::Applied;
use signal_core::{AddressTag, Client, RoomId};
use thiserror::Error;

use super::credentials::{PasswordChoice, RoomCredentials};
use super::public_url::PublicUrl;
use crate::client_address::ClientAddress;
use crate::clock::Clock;
use crate::limits::concurrency::ConcurrencyLimit;
use crate::limits::counters::LimitCounters;
use crate::shard::Shards;
use crate::shard::room_ref::RoomRef;

/// The rooms of this server, and what is needed to create and change them.
pub(crate) struct Rooms {
    pub(crate) shards: Shards,
    /// The number of open rooms of each user.
    pub(crate) open_rooms: Arc<ConcurrencyLimit<String>>,
    pub(crate) max_open_rooms: u32,
    /// The capacity of the largest room.
    pub(crate) max_capacity: Capacity,
    pub(crate) counters: Arc<LimitCounters>,
    pub(crate) clock: Clock,
    pub(crate) password_key: [u8; 32],
    pub(crate) address_key: [u8; 32],
    pub(crate) seat_key: [u8; 32],
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
    /// The capacity of the largest room that a user can ask for.
    pub(crate) fn max_public_capacity(&self) -> Capacity {
        self.max_capacity.min(Capacity::DEFAULT_MAX)
    }

    /// Returns the newest record of a room, open or not.
    pub(crate) fn get(&self, room: RoomId) -> Option<Arc<Room>> {
        self.shards.of(room).room(room)
    }

    /// Applies an operation and returns the room after it.
    pub(crate) async fn apply(
        &self,
        room: impl Into<RoomRef>,
        op: &Op,
    ) -> Result<Arc<Room>, ChangeError> {
        let applied = self.apply_seen(room, op, |_| {}).await?;
        applied.reply?;
        Ok(applied.record.ok_or(Reject::RoomNotFound)?)
    }

    /// Applies an operation. `at_once` sees the result before it is on disk.
    pub(crate) async fn apply_seen(
        &self,
        room: impl Into<RoomRef>,
        op: &Op,
        at_once: impl FnOnce(&Applied),
    ) -> Result<Applied, ChangeError> {
        let room = room.into();
        self.shards.of(room.id).apply(room, op, at_once).await.ok_or(ChangeError::Stopping)
    }

    /// Closes a room and disconnects its participants.
    pub(crate) async fn close(
        &self,
        room: impl Into<RoomRef>,
        reason: CloseReason,
    ) -> Result<Arc<Room>, ChangeError> {
        self.apply(room, &Op::Close(reason)).await
    }

    /// Applies an operation that gives a room a new password and invite.
    ///
    /// It is repeated if another request has changed the password meanwhile, so that the last
    /// request wins.
    pub(crate) async fn rotate(
        &self,
        room: &Room,
        choice: &PasswordChoice,
        op: impl Fn(Rotation) -> Op,
    ) -> Result<(Arc<Room>, RoomCredentials), ChangeError> {
        let id = room.id();
        let mut follows = room.password_epoch();
        for _ in 0..MOST_ROTATIONS_AT_ONCE {
            let password = choice.password();
            let tag = self.password_tag(id, &password);
            let (credentials, invite) =
                RoomCredentials::new(id, Some(password), self.public_url.as_ref());
            let op = op(Rotation { password: tag, invite, follows });
            let applied = self.apply_seen(room, &op, |_| {}).await?;
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
        Err(Reject::RotationStale.into())
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

    /// Computes the ticket of a seat name. It depends on the epoch of the room, so that it does not
    /// reveal who was in two rooms.
    pub(crate) fn ticket(&self, room: &Room, seat: &str) -> TicketTag {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.seat_key).expect("HMAC takes keys of any length");
        mac.update(room.id().as_str().as_bytes());
        mac.update(&room.epoch().to_be_bytes());
        mac.update(seat.as_bytes());
        let hash: [u8; 32] = mac.finalize().into_bytes().into();
        TicketTag::new(std::array::from_fn(|index| hash[index]))
    }

    /// Computes the tags that a room keeps of a client's address and network. They depend on the
    /// room, so that they do not reveal who was in two rooms.
    pub(crate) fn client(&self, room: RoomId, address: Option<ClientAddress>) -> Option<Client> {
        let address = address?;
        let tag = |kind: &str, ip: IpAddr| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&self.address_key)
                .expect("HMAC takes keys of any length");
            mac.update(format!("{room} {kind} {ip}").as_bytes());
            let hash: [u8; 32] = mac.finalize().into_bytes().into();
            let [a, b, c, d, e, f, g, h, ..] = hash;
            AddressTag::new(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
        };
        let (address, network) = (tag("address", address.ip()), tag("network", address.network()));
        Some(Client { address, network })
    }
}

/// Requests that change the password of one room at the same moment. Further ones are told to try
/// again.
const MOST_ROTATIONS_AT_ONCE: usize = 16;
