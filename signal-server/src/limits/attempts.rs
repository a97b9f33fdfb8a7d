//! What an address has left: passwords and rooms to try, and joins and requests for ICE servers a minute.

use signal_core::Reject;

use crate::app::App;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::limits::Limit;
use crate::limits::quota::UsedUp;

/// The attempt of one client to join, or to find a room. Where an application does not say who its clients are, only
/// the room's own budget of guesses holds.
#[derive(Clone, Copy)]
pub(crate) struct Guesses<'a> {
    pub(crate) app: &'a App,
    pub(crate) client: Client,
}

impl Guesses<'_> {
    /// Whether a password may be tried.
    pub(crate) fn check(&self) -> Result<(), UsedUp> {
        let Client(Some(address)) = self.client else { return Ok(()) };
        self.app
            .failed_joins
            .check(&address)
            .inspect_err(|_| self.app.refusals.count(Limit::FailedJoins))
    }

    /// Counts what a guess has come to, and says how it is answered if otherwise than for its own reason.
    pub(crate) fn judge(&self, reject: Reject) -> Option<ApiError> {
        match reject {
            // Invites are not to be guessed, so a wrong one is no failure, and a room that was closed is none; but they
            // tell a guesser of no room.
            Reject::InviteVoid | Reject::RoomClosed => self.check().err().map(ApiError::from),
            Reject::RoomNotFound | Reject::WrongPassword => Some(self.failed(reject.into())),
            Reject::CreatorStays
            | Reject::GrantVoid
            | Reject::IdsExhausted
            | Reject::ParticipantNotFound
            | Reject::PasswordLocked
            | Reject::PasswordUnchanged
            | Reject::ResumeFailed
            | Reject::RoomExpired
            | Reject::RoomFull
            | Reject::RoomLocked
            | Reject::RotationStale
            | Reject::RotationsExhausted => None,
        }
    }

    /// Counts a failure. Beyond the limit nothing is told that could help to guess on, such as which rooms there are.
    pub(crate) fn fail(&self) -> Result<(), UsedUp> {
        let Client(Some(address)) = self.client else { return Ok(()) };
        self.app
            .failed_joins
            .take(address)
            .inspect_err(|_| self.app.refusals.count(Limit::FailedJoins))
    }

    /// Counts a failure; how it is answered.
    pub(crate) fn failed(&self, error: ApiError) -> ApiError {
        self.fail().map_or_else(ApiError::from, |()| error)
    }

    /// Counts a request for ICE servers by somebody whose token opens a seat; it costs no join.
    pub(crate) fn count_ice_request(&self) -> Result<(), UsedUp> {
        let Client(Some(address)) = self.client else { return Ok(()) };
        let taken = self.app.ice_requests.take(address);
        taken.inspect_err(|_| self.app.refusals.count(Limit::JoinsPerMinute))
    }

    /// Counts a join that has succeeded.
    pub(crate) fn count_join(&self) -> Result<(), UsedUp> {
        let Client(Some(address)) = self.client else { return Ok(()) };
        self.app.joins.take(address).inspect_err(|_| self.app.refusals.count(Limit::JoinsPerMinute))
    }
}
