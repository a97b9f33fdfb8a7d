//! Changes to rooms by the host application.

use std::sync::Arc;
use std::time::SystemTime;

use signal_core::room::{Capacity, Change, Op, Reject, Room, Status};
use signal_core::{DisplayName, RoomId};
use thiserror::Error;

use super::{RoomNotFound, ServerHandle};
use crate::app::App;
use crate::clock::system_time;
use crate::rooms::credentials::{PasswordChoice, RoomCredentials, RoomPassword};
use crate::rooms::lifetime::Lifetime;
use crate::rooms::service::ChangeError;
use crate::shard::room_ref::RoomRef;

/// Why the lifetime of a room was not changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SetLifetimeError {
    /// The room would have ended already. Close it instead.
    #[error("the room would already have ended; close it instead")]
    InThePast,
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
}

/// Why the capacity of a room was not changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ResizeError {
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
    /// The capacity is above
    /// [`HubConfig::max_capacity`](signal_core::config::HubConfig::max_capacity).
    #[error("the room would be larger than the server allows")]
    TooLarge,
}

/// Why the password of a room was not changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RotateError {
    /// Other requests keep changing the password at the same time. Try again.
    #[error("other requests keep changing the password; try again")]
    Contended,
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
    /// The room has this password already.
    #[error("the room has this password already")]
    Unchanged,
}

/// Why the password attempts of a room were not restored.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The attempts were restored [as often](Room::RESTORES) as a room permits.
    #[error("the password attempts of the room were restored too often")]
    Exhausted,
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
}

/// Changes to a room. v2 participants get `room_updated` for all changes but those of the password.
impl ServerHandle {
    /// Locks a room, so that it refuses newcomers, even with an invite, or unlocks it. Participants
    /// may come back while their seats are kept, and tokens [minted](Self::mint) to pass a lock
    /// enter.
    ///
    /// # Errors
    ///
    /// The room does not exist, or it has ended.
    pub async fn set_locked(&self, room: RoomId, locked: bool) -> Result<(), RoomNotFound> {
        let change = Change { locked: Some(locked), ..Change::default() };
        self.change(room, change).await
    }

    /// Gives a room another name.
    ///
    /// # Errors
    ///
    /// The room does not exist, or it has ended.
    pub async fn rename(&self, room: RoomId, name: DisplayName) -> Result<(), RoomNotFound> {
        let change = Change { name: Some(name.as_str().into()), ..Change::default() };
        self.change(room, change).await
    }

    /// Sets how many participants a room can hold. A smaller number removes nobody.
    ///
    /// # Errors
    ///
    /// The room does not exist or has ended, or it would be too large.
    pub async fn resize(&self, room: RoomId, capacity: Capacity) -> Result<(), ResizeError> {
        let (app, _) = self.open(room).map_err(|_| ResizeError::RoomNotFound)?;
        if capacity > app.rooms.max_capacity {
            return Err(ResizeError::TooLarge);
        }
        let change = Change { capacity: Some(capacity), ..Change::default() };
        self.change(room, change).await.map_err(|_| ResizeError::RoomNotFound)
    }

    /// Sets how long a room lasts, counted from its creation. Returns when it ends.
    ///
    /// # Errors
    ///
    /// The room does not exist or has ended, or this would end it.
    pub async fn set_lifetime(
        &self,
        room: RoomId,
        lifetime: Lifetime,
    ) -> Result<SystemTime, SetLifetimeError> {
        let (app, record) = self.open(room).map_err(|_| SetLifetimeError::RoomNotFound)?;
        let expires_at = record.created_at() + lifetime.duration();
        if expires_at <= app.rooms.clock.now() {
            return Err(SetLifetimeError::InThePast);
        }
        let change = Change { expires_at: Some(expires_at), ..Change::default() };
        self.change(room, change).await.map_err(|_| SetLifetimeError::RoomNotFound)?;
        Ok(system_time(expires_at))
    }

    /// Gives a room a new random password and a new invite. The old ones are void, and so are
    /// tokens that have not been used yet, except those [minted](Self::mint) to pass such a change.
    /// Nobody is removed.
    ///
    /// # Errors
    ///
    /// The room does not exist or has ended, or other requests keep changing its password.
    pub async fn rotate_password(&self, room: RoomId) -> Result<RoomCredentials, RotateError> {
        self.rotate(room, &PasswordChoice::Random).await
    }

    /// Gives a room this password and a new invite, as [`rotate_password`](Self::rotate_password)
    /// does with a random one.
    ///
    /// # Errors
    ///
    /// The room does not exist or has ended, it has this password already, or other requests keep
    /// changing its password.
    pub async fn set_password(
        &self,
        room: RoomId,
        password: RoomPassword,
    ) -> Result<RoomCredentials, RotateError> {
        self.rotate(room, &PasswordChoice::This(password)).await
    }

    async fn rotate(
        &self,
        room: RoomId,
        choice: &PasswordChoice,
    ) -> Result<RoomCredentials, RotateError> {
        let (app, record) = self.open(room).map_err(|_| RotateError::RoomNotFound)?;
        let op = |rotation| Op::Change(Change { rotate: Some(rotation), ..Change::default() });
        match app.rooms.rotate(&record, choice, op).await {
            Ok((_, credentials)) => Ok(credentials),
            Err(ChangeError::Rejected(Reject::PasswordUnchanged)) => Err(RotateError::Unchanged),
            Err(ChangeError::Rejected(Reject::RotationStale)) => Err(RotateError::Contended),
            Err(ChangeError::Rejected(_) | ChangeError::Stopping) => Err(RotateError::RoomNotFound),
        }
    }

    /// Restores the password attempts of a room, as if no wrong password had been tried.
    ///
    /// # Errors
    ///
    /// The room does not exist or has ended, or this was done ten times.
    pub async fn restore_attempts(&self, room: RoomId) -> Result<(), RestoreError> {
        let (app, record) = self.open(room).map_err(|_| RestoreError::RoomNotFound)?;
        let change = Change { restore_attempts: Some(record.restores()), ..Change::default() };
        match app.rooms.apply(room, &Op::Change(change)).await {
            Ok(_) => Ok(()),
            Err(ChangeError::Rejected(Reject::RestoresExhausted)) => Err(RestoreError::Exhausted),
            Err(ChangeError::Rejected(_) | ChangeError::Stopping) => {
                Err(RestoreError::RoomNotFound)
            }
        }
    }

    /// Changes settings that no open room refuses.
    pub(super) async fn change(&self, room: RoomId, change: Change) -> Result<(), RoomNotFound> {
        let app = self.app.upgrade().ok_or(RoomNotFound)?;
        app.rooms.apply(room, &Op::Change(change)).await.map_err(|_| RoomNotFound)?;
        tracing::info!(%room, "room changed by the host application");
        Ok(())
    }

    /// Finds an open room.
    pub(super) fn open(
        &self,
        room: impl Into<RoomRef>,
    ) -> Result<(Arc<App>, Arc<Room>), RoomNotFound> {
        let (app, room) = (self.app.upgrade().ok_or(RoomNotFound)?, room.into());
        let is_open = |record: &Arc<Room>| room.is(record) && record.status() == Status::Open;
        let record = app.rooms.get(room.id).filter(is_open);
        Ok((app, record.ok_or(RoomNotFound)?))
    }
}
