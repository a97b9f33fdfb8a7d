//! Creates rooms: chooses a free id, and counts the room among those of its creator.

use signal_core::identity::Attributes;
use signal_core::room::{Capacity, IdSuffix, OnCreatorLeave, Room, RoomSpec};
use signal_core::{RoomId, Timestamp};
use thiserror::Error;

use super::credentials::{PasswordChoice, RoomCredentials};
use super::lifetime::Lifetime;
use super::service::Rooms;
use crate::limits::Limit;
use crate::shard::{CreateError, UnconfirmedRoom};
use crate::store::NotCreated;

/// The settings of a new room.
pub(crate) struct CreateParams {
    /// The id that the host application has chosen; by default a random one.
    pub(crate) id: Option<RoomId>,
    pub(crate) name: String,
    /// The `sub` of the creator's access token; `None` for a room without a creator.
    pub(crate) creator: Option<String>,
    /// How many open rooms the user may have, if not the configured number.
    pub(crate) max_open_rooms: Option<u32>,
    /// `None` for a room without a password.
    pub(crate) password: Option<PasswordChoice>,
    pub(crate) capacity: Capacity,
    pub(crate) lifetime: Lifetime,
    pub(crate) on_creator_leave: OnCreatorLeave,
    /// The host application's own data, which may be empty.
    pub(crate) data: Attributes,
}

/// Why a room was not created.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CreateRoomError {
    /// A room with the chosen id is open.
    #[error("a room with this id is open")]
    IdTaken,
    /// The room could not be saved, because the disk is full or broken or the store fails.
    #[error("the room could not be saved")]
    NotSaved,
    /// The server is draining, or has ended.
    #[error("the server is stopping")]
    Stopping,
    /// The room is larger than
    /// [`HubConfig::max_capacity`](signal_core::config::HubConfig::max_capacity) allows.
    #[error("the room is larger than the server allows")]
    TooLarge,
    /// The creator has as many open rooms as [`Limits::open_rooms`](crate::Limits::open_rooms)
    /// allows.
    #[error("the creator has too many open rooms")]
    TooManyRooms,
}

impl Rooms {
    /// Creates a room and waits until it is saved. It is withdrawn unless the caller keeps it.
    pub(crate) async fn create(
        &self,
        wanted: CreateParams,
    ) -> Result<(UnconfirmedRoom<'_>, RoomCredentials), CreateRoomError> {
        if wanted.capacity > self.max_capacity {
            return Err(CreateRoomError::TooLarge);
        }
        let (mut room, credentials) = loop {
            let now = self.clock.now();
            let id = wanted.id.unwrap_or_else(random_id);
            let password = wanted.password.as_ref().map(PasswordChoice::password);
            let tag = password.as_ref().map(|password| self.password_tag(id, password));
            let (credentials, invite) =
                RoomCredentials::new(id, password, self.public_url.as_ref());
            let spec = RoomSpec {
                id,
                epoch: epoch(now),
                name: wanted.name.clone(),
                creator: wanted.creator.clone(),
                password: tag,
                invite,
                capacity: wanted.capacity,
                created_at: now,
                expires_at: now + wanted.lifetime.duration(),
                on_creator_leave: wanted.on_creator_leave,
                suffix: IdSuffix::new(rand::random()),
            };
            let most = wanted.max_open_rooms.unwrap_or(self.max_open_rooms);
            let acquire = |creator| self.open_rooms.acquire(creator, most);
            let permit = wanted.creator.clone().map(acquire);
            if let Some(None) = permit {
                self.counters.count(Limit::OpenRooms);
                return Err(CreateRoomError::TooManyRooms);
            }
            let room = Room::create(spec).with_data(wanted.data.clone());
            match self.shards.of(id).create(room, permit.flatten()) {
                Ok(room) => break (room, credentials),
                Err(NotCreated::IdTaken) if wanted.id.is_some() => {
                    return Err(CreateRoomError::IdTaken);
                }
                // Another id is drawn.
                Err(NotCreated::IdTaken) => {}
                // The sender is dropped when it is written.
                Err(NotCreated::Unwritten(written)) => drop(written.await),
            }
        };
        room.saved().await.map_err(|error| match error {
            CreateError::NotSaved(_) => CreateRoomError::NotSaved,
            CreateError::Stopping => CreateRoomError::Stopping,
        })?;
        let minutes = wanted.lifetime.duration().as_secs() / 60;
        let max_participants = wanted.capacity.participants();
        tracing::info!(room = %room.room().id(), max_participants, minutes, "room created");
        Ok((room, credentials))
    }
}

/// Later rooms have larger epochs, so that the events of rooms with one id have an order.
fn epoch(now: Timestamp) -> u64 {
    const RANDOM_BITS: u32 = 20;
    (now.as_millis() << RANDOM_BITS) + rand::random_range(0..1 << RANDOM_BITS)
}

fn random_id() -> RoomId {
    RoomId::from_indices(std::array::from_fn(|_| rand::random_range(0..31)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_later_room_has_a_larger_epoch() {
        let now = Timestamp::from_millis(1_764_943_200_000);
        for _ in 0..100 {
            assert!(epoch(now) < epoch(now + Duration::from_millis(1)));
        }
    }
}
