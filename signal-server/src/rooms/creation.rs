//! Opening a room, for whoever asks: a number is found for it, and a place among its creator's rooms.

use std::sync::Arc;

use signal_core::{Capacity, IdSuffix, OnCreatorLeave, Room, RoomId, RoomSpec};
use thiserror::Error;

use crate::app::App;
use crate::limits::Limit;
use crate::rooms::credentials::{RoomPass, Wanted};
use crate::rooms::lifetime::Lifetime;
use crate::shard::CreateError;

/// A room that is to be.
pub(crate) struct Opening {
    pub(crate) name: String,
    /// Whose it is, by the name that the login has for that user.
    pub(crate) creator: String,
    pub(crate) password: Wanted,
    pub(crate) capacity: Capacity,
    pub(crate) lifetime: Lifetime,
    pub(crate) on_creator_leave: OnCreatorLeave,
}

/// Why a room was not created.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CreateRoomError {
    /// It could not be saved: the disk is full or broken, or the store fails.
    #[error("the room could not be saved")]
    NotSaved,
    /// The server takes nobody in any more, or is gone.
    #[error("the server is stopping")]
    Stopping,
    /// Its creator has as many open as [`Limits::open_rooms`](crate::Limits::open_rooms) allows.
    #[error("the creator has too many open rooms")]
    TooManyRooms,
}

impl Opening {
    /// Creates the room and has it saved.
    pub(crate) async fn open(self, app: &App) -> Result<(Arc<Room>, RoomPass), CreateRoomError> {
        let now = app.clock.now();
        let (room, pass) = loop {
            let id = RoomId::from_indices(std::array::from_fn(|_| rand::random_range(0..31)));
            let (pass, invite) = RoomPass::new(app, id, &self.password);
            let new = RoomSpec {
                id,
                epoch: rand::random(),
                name: self.name.clone(),
                creator: self.creator.clone(),
                password: app.password_tag(id, &pass.password),
                invite,
                capacity: self.capacity,
                created_at: now,
                expires_at: now + self.lifetime.duration(),
                on_creator_leave: self.on_creator_leave,
                suffix: IdSuffix::new(rand::random()),
            };
            let Some(place) = app.open_rooms.enter(self.creator.clone(), app.limits.open_rooms)
            else {
                app.refusals.count(Limit::OpenRooms);
                return Err(CreateRoomError::TooManyRooms);
            };
            match app.shards.of(id).create(Room::create(new), place).await {
                Ok(room) => break (room, pass),
                Err(CreateError::IdTaken(_)) => {}
                Err(CreateError::NotSaved(_)) => return Err(CreateRoomError::NotSaved),
                Err(CreateError::Stopping) => return Err(CreateRoomError::Stopping),
            }
        };
        let minutes = self.lifetime.duration().as_secs() / 60;
        tracing::info!(room = %room.id(), max_participants = self.capacity.participants(), minutes, "room created");
        Ok((room, pass))
    }
}
