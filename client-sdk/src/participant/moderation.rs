//! What a moderator does.

use signal_core::message::{ClientMessage, Moderation};
use signal_core::{ParticipantId, Permissions};

use super::Participant;
use crate::session::CommandError;

/// What a participant can do with the permission [`moderate`](Permissions::moderate). The others
/// learn of it by their events. The server refuses with `forbidden` without the permission or if
/// the participant is the creator, and with `peer_not_found` if it is not in the room.
impl Participant {
    /// Removes another participant from the room. It can join again.
    ///
    /// # Errors
    ///
    /// Those of [`send_message`](Self::send_message).
    pub async fn kick(&self, participant: ParticipantId) -> Result<(), CommandError> {
        self.moderate(Moderation::Kick(participant)).await
    }

    /// Removes another participant from the room for good. If the host application has named its
    /// user, the user is banned. The password and the invite of the room are void until its creator
    /// or the host application sets a new password, so nobody can join until then. If the
    /// participant was kicked before and the password has changed since, they stay valid.
    ///
    /// # Errors
    ///
    /// Those of [`send_message`](Self::send_message).
    pub async fn ban(&self, participant: ParticipantId) -> Result<(), CommandError> {
        self.moderate(Moderation::Ban(participant)).await
    }

    /// Locks the room, so that it refuses newcomers.
    ///
    /// # Errors
    ///
    /// Those of [`send_message`](Self::send_message).
    pub async fn lock(&self) -> Result<(), CommandError> {
        self.moderate(Moderation::Lock).await
    }

    /// Unlocks the room.
    ///
    /// # Errors
    ///
    /// Those of [`send_message`](Self::send_message).
    pub async fn unlock(&self) -> Result<(), CommandError> {
        self.moderate(Moderation::Unlock).await
    }

    /// Closes the room for everybody. [`Event::Closed`](crate::Event::Closed) follows.
    ///
    /// # Errors
    ///
    /// Those of [`send_message`](Self::send_message). A room that is over is no error.
    pub async fn close_room(&self) -> Result<(), CommandError> {
        match self.moderate(Moderation::Close).await {
            Err(CommandError::Closed) => Ok(()),
            outcome => outcome,
        }
    }

    /// What this participant may do; the default if the server speaks v1, which does not tell.
    /// [`Event::PermissionsChanged`](crate::Event::PermissionsChanged) reports a change.
    pub fn permissions(&self) -> Permissions {
        self.roster.permissions()
    }

    async fn moderate(&self, moderation: Moderation) -> Result<(), CommandError> {
        self.request(ClientMessage::Moderate(moderation)).await
    }
}
