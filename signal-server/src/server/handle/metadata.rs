//! What the host application sets for participants and rooms.

use signal_core::identity::Attributes;
use signal_core::room::{Change, Op, Reject};
use signal_core::{DisplayName, ParticipantId, Permissions, RoomId};
use thiserror::Error;

use super::{RoomNotFound, ServerHandle};
use crate::rooms::service::ChangeError;

/// Why a participant did not get another name, other attributes or other permissions.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SetParticipantError {
    /// No participant with this id has a seat in the room.
    #[error("no such participant")]
    ParticipantNotFound,
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
}

impl ServerHandle {
    /// Replaces the attributes of a participant. v2 participants get `peer_updated`. Empty
    /// attributes remove them.
    ///
    /// The attributes last as long as the seat. If the participant opens a new socket with its
    /// token, it has those of the token again.
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use signal_server::signal_core::identity::Attributes;
    /// use signal_server::{ParticipantId, RoomId, ServerHandle};
    ///
    /// async fn promote(
    ///     server: &ServerHandle,
    ///     room: RoomId,
    ///     participant: ParticipantId,
    /// ) -> Result<(), Box<dyn Error>> {
    ///     let attributes = Attributes::new([("role", "speaker")])?;
    ///     Ok(server.set_attributes(room, participant, attributes).await?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The room or the participant does not exist, or the room has ended.
    pub async fn set_attributes(
        &self,
        room: RoomId,
        participant: ParticipantId,
        attributes: Attributes,
    ) -> Result<(), SetParticipantError> {
        let app = self.app.upgrade().ok_or(SetParticipantError::RoomNotFound)?;
        app.rooms.apply(room, &Op::SetAttributes { participant, attributes }).await?;
        Ok(())
    }

    /// Replaces the name of a participant. The other participants that speak v2 get `peer_updated`.
    /// A participant without the [permission](Permissions::update) cannot change it back.
    ///
    /// The name lasts as long as the seat. If the participant opens a new socket with its token, it
    /// has the name of the token again.
    ///
    /// # Errors
    ///
    /// The room or the participant does not exist, or the room has ended.
    pub async fn set_name(
        &self,
        room: RoomId,
        participant: ParticipantId,
        name: DisplayName,
    ) -> Result<(), SetParticipantError> {
        let app = self.app.upgrade().ok_or(SetParticipantError::RoomNotFound)?;
        app.rooms.apply(room, &Op::SetName { participant, name }).await?;
        Ok(())
    }

    /// Replaces the permissions of a participant, from its next message on. In v2 it gets
    /// `permissions_updated`, and the others learn whether it may publish.
    ///
    /// The participant's token does not bring the previous permissions back, nor does a newer one
    /// of the same [seat name](crate::MintToken::seat). A room remembers the last 1,000 changes. A
    /// participant that joins again with the password or an invite has another seat.
    ///
    /// ```
    /// use signal_server::{ParticipantId, Permissions, RoomId, ServerHandle, SetParticipantError};
    ///
    /// async fn mute(
    ///     server: &ServerHandle,
    ///     room: RoomId,
    ///     participant: ParticipantId,
    /// ) -> Result<(), SetParticipantError> {
    ///     let mut permissions = Permissions::default();
    ///     permissions.message = false;
    ///     permissions.publish = false;
    ///     server.set_permissions(room, participant, permissions).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The room or the participant does not exist, or the room has ended.
    pub async fn set_permissions(
        &self,
        room: RoomId,
        participant: ParticipantId,
        permissions: Permissions,
    ) -> Result<(), SetParticipantError> {
        let app = self.app.upgrade().ok_or(SetParticipantError::RoomNotFound)?;
        app.rooms.apply(room, &Op::SetPermissions { participant, permissions }).await?;
        Ok(())
    }

    /// Replaces the data that you keep with a room, such as the number of the meeting that it
    /// belongs to. [`RoomDetails`](crate::RoomDetails) and each event contain it; participants
    /// never see it. Empty data removes it.
    ///
    /// # Errors
    ///
    /// The room does not exist, or it has ended.
    pub async fn set_data(&self, room: RoomId, data: Attributes) -> Result<(), RoomNotFound> {
        self.change(room, Change { data: Some(data), ..Change::default() }).await
    }
}

impl From<ChangeError> for SetParticipantError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Rejected(Reject::ParticipantNotFound) => Self::ParticipantNotFound,
            ChangeError::Rejected(_) | ChangeError::Stopping => Self::RoomNotFound,
        }
    }
}
