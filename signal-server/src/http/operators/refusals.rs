//! Turns the errors of a [`ServerHandle`](crate::ServerHandle) into errors of requests.

use signal_core::room::Reject;

use crate::http::error::{ApiError, invalid};
use crate::server::handle::{KickError, MintError, RoomNotFound, SetParticipantError};

impl From<RoomNotFound> for ApiError {
    fn from(_: RoomNotFound) -> Self {
        Reject::RoomNotFound.into()
    }
}

impl From<KickError> for ApiError {
    fn from(error: KickError) -> Self {
        match error {
            KickError::Contended => Self::Unavailable,
            KickError::CreatorStays => Reject::CreatorStays.into(),
            KickError::ParticipantNotFound => Reject::ParticipantNotFound.into(),
            KickError::RoomNotFound => Reject::RoomNotFound.into(),
        }
    }
}

impl From<SetParticipantError> for ApiError {
    fn from(error: SetParticipantError) -> Self {
        match error {
            SetParticipantError::ParticipantNotFound => Reject::ParticipantNotFound.into(),
            SetParticipantError::RoomNotFound => Reject::RoomNotFound.into(),
        }
    }
}

impl From<MintError> for ApiError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Banned => Self::UserBanned,
            MintError::RoomNotFound => Reject::RoomNotFound.into(),
            MintError::SeatVoid => invalid(&format!("seat: {error}")),
            MintError::TooLong => invalid(&format!("expires_minutes: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::error::Code;
    use crate::rooms::service::ChangeError;

    #[test]
    fn a_ban_that_competes_with_other_passwords_does_not_tell_that_the_room_is_unknown() {
        let error = KickError::from(ChangeError::Rejected(Reject::RotationStale));
        assert_eq!(error, KickError::Contended);
        assert_eq!(ApiError::from(error).code(), Code::Unavailable);
    }
}
