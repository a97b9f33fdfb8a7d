//! The settings of tokens that the host application decides on.

use std::time::Duration;

use signal_core::identity::Identity;
use signal_core::room::{Grant, Reject, Room, Ticket, TicketTag};
use signal_core::{DisplayName, ParticipantId, Permissions};

use super::service::Rooms;
use crate::auth::ws_token::{SeatGrant, WsTokens};

/// The settings of a token, for [`ServerHandle::mint`](crate::ServerHandle::mint) and
/// [`JoinDecision`](crate::JoinDecision).
///
/// ```
/// use signal_server::signal_core::identity::{Attributes, Identity};
/// use signal_server::{DisplayName, MintToken};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = DisplayName::parse("Alice")?.ok_or("the name has no visible characters")?;
/// let mut token = MintToken::new(name);
/// token.identity = Identity::of("user-17".parse()?).with(Attributes::new([("role", "host")])?);
/// // The user is in the room once. Without this, once for each token.
/// token.seat = Some("user-17".to_owned());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MintToken {
    /// The name that others see.
    pub name: DisplayName,
    /// The identity of the holder: your id of the user, which other participants do not see, and
    /// attributes, which v2 participants see. By default it is empty. The token contains both,
    /// signed but not encrypted, so its holder can read them.
    pub identity: Identity,
    /// What the holder may do: by default everything but moderate. If you have [changed
    /// it](crate::ServerHandle::set_permissions) for the holder of this seat, the change holds.
    pub permissions: Permissions,
    /// The seat name, which you choose: a newer socket with a token of the same seat name replaces
    /// an older one in the room. Participants do not see it. By default each token has a seat of
    /// its own, so that a user can be in the room with several devices. A kick voids the seat name:
    /// use another one to let the user in again.
    pub seat: Option<String>,
    /// How long a socket can be opened with the token: at most 10 minutes, which is the default. A
    /// participant in the room stays beyond that.
    pub lifetime: Duration,
    /// Whether the token also admits to a locked room. By default it does not.
    pub passes_lock: bool,
    /// Whether the token stays valid when the password changes before it is used. By default it
    /// does not.
    pub passes_rotation: bool,
}

impl MintToken {
    /// Creates settings with this display name and defaults otherwise.
    #[must_use]
    pub fn new(name: DisplayName) -> Self {
        Self {
            name,
            identity: Identity::default(),
            permissions: Permissions::default(),
            seat: None,
            lifetime: WsTokens::LIFETIME,
            passes_lock: false,
            passes_rotation: false,
        }
    }
}

impl Rooms {
    /// Grants a seat by these settings. `promised` is the participant id that `join` returns.
    ///
    /// # Errors
    ///
    /// The room is over, the user is banned, or a kick has voided the seat name.
    pub(crate) fn grant_seat(
        &self,
        room: &Room,
        token: MintToken,
        promised: Option<ParticipantId>,
    ) -> Result<SeatGrant, Reject> {
        let MintToken {
            name,
            identity,
            permissions,
            seat,
            lifetime: _,
            passes_lock,
            passes_rotation,
        } = token;
        let ticket = match (seat, promised) {
            (Some(seat), _) => Ticket::Host(self.ticket(room, &seat)),
            (None, Some(id)) => Ticket::Guest(id),
            (None, None) => Ticket::Host(TicketTag::new(rand::random())),
        };
        let grant = Grant::new(ticket, room.password_epoch()).identified(identity);
        let mut grant = grant.permitted(permissions);
        grant.promised = promised.filter(|_| matches!(ticket, Ticket::Host(_)));
        (grant.passes_lock, grant.passes_rotation) = (passes_lock, passes_rotation);
        match room.granted(&grant) {
            // The lock may be lifted before the token is used.
            Ok(_) | Err(Reject::RoomLocked) => {}
            Err(reject) => return Err(reject),
        }
        Ok(SeatGrant { room: room.id(), epoch: room.epoch(), grant, name })
    }
}
