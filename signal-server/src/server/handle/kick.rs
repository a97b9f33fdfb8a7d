//! Kicks and bans by the host application.

use signal_core::identity::UserId;
use signal_core::room::{Op, Reject};
use signal_core::{ParticipantId, RoomId};
use thiserror::Error;

use super::ServerHandle;
use crate::rooms::credentials::{PasswordChoice, RoomCredentials};
use crate::rooms::service::ChangeError;

/// Why a participant was neither kicked nor banned.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum KickError {
    /// Other requests keep changing the password at the same time, so there was no ban. Try again.
    #[error("other requests keep changing the password; try again")]
    Contended,
    /// The creator cannot be removed from its own room. Close the room instead.
    #[error("the creator cannot be removed; close the room instead")]
    CreatorStays,
    /// No participant with this id has a seat in the room.
    #[error("no such participant")]
    ParticipantNotFound,
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
}

impl ServerHandle {
    /// Removes a participant from a room. In v2 it gets `kicked`, and the others learn that it
    /// left. Its token becomes void, and so does the [seat name](crate::MintToken::seat) of the
    /// token; with the password, an invite or a token of another seat name it can come back.
    ///
    /// # Errors
    ///
    /// The room or the participant does not exist, or the participant is the room's creator.
    pub async fn kick(&self, room: RoomId, participant: ParticipantId) -> Result<(), KickError> {
        let app = self.app.upgrade().ok_or(KickError::RoomNotFound)?;
        let kick = Op::Kick { participant, rotate: None };
        app.rooms.apply(room, &kick).await?;
        tracing::info!(%room, %participant, "participant kicked by the host application");
        Ok(())
    }

    /// Removes a participant as [`kick`](Self::kick) does, and gives the room a new password and
    /// invite, so that the old ones no longer let it in. If the participant has a user, this also
    /// bans the user as [`ban_user`](Self::ban_user) does. Unused tokens of other participants
    /// become void too, except those [minted](Self::mint) to pass a change of the password.
    /// Repeating a ban changes the password again.
    ///
    /// # Errors
    ///
    /// The room or the participant does not exist, the participant is the room's creator or another
    /// device of the creator, or other requests keep changing the password.
    pub async fn ban(
        &self,
        room: RoomId,
        participant: ParticipantId,
    ) -> Result<RoomCredentials, KickError> {
        let app = self.app.upgrade().ok_or(KickError::RoomNotFound)?;
        let record = app.rooms.get(room).ok_or(KickError::RoomNotFound)?;
        let kick = |rotation| Op::Kick { participant, rotate: Some(rotation) };
        let (_, credentials) = app.rooms.rotate(&record, &PasswordChoice::Random, kick).await?;
        tracing::info!(%room, %participant, "participant banned by the host application");
        Ok(credentials)
    }

    /// Removes every participant of a user, as [`kick`](Self::kick) does. Only participants whose
    /// token was [minted](Self::mint) with an identity have a user.
    ///
    /// # Errors
    ///
    /// The room does not exist, or the user is not in it.
    pub async fn kick_user(&self, room: RoomId, user: UserId) -> Result<(), KickError> {
        self.remove_user(room, user, false).await
    }

    /// Removes every participant of a user, and voids all tokens that were minted for the user. No
    /// more are minted for this room. The user need not be in the room.
    ///
    /// A room remembers the last 256 banned users. The password and the invite do not name a user,
    /// so they still admit everybody who has them; [`ban`](Self::ban) changes them.
    ///
    /// # Errors
    ///
    /// The room does not exist.
    pub async fn ban_user(&self, room: RoomId, user: UserId) -> Result<(), KickError> {
        self.remove_user(room, user, true).await
    }

    async fn remove_user(&self, room: RoomId, user: UserId, ban: bool) -> Result<(), KickError> {
        let app = self.app.upgrade().ok_or(KickError::RoomNotFound)?;
        app.rooms.apply(room, &Op::KickUser { user, ban }).await?;
        tracing::info!(%room, ban, "user removed by the host application");
        Ok(())
    }
}

impl From<ChangeError> for KickError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Rejected(Reject::CreatorStays) => Self::CreatorStays,
            ChangeError::Rejected(Reject::ParticipantNotFound) => Self::ParticipantNotFound,
            ChangeError::Rejected(Reject::RotationStale) => Self::Contended,
            ChangeError::Rejected(_) | ChangeError::Stopping => Self::RoomNotFound,
        }
    }
}
