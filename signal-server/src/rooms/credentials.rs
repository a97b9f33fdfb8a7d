//! What opens a room to newcomers: its password and its invite.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use signal_core::{Op, Reject, Room, RoomId, Rotation, TokenHash};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::opaque_token;

/// A new password and invite. They are shown this once; the server keeps what it takes to recognize them.
#[derive(Clone, Eq, PartialEq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct RoomPass {
    /// Six characters.
    #[schema(example = "123456")]
    pub password: String,
    /// Opens the room without the password.
    pub invite_token: String,
    /// A link with the invite in its fragment, if the server knows its public URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://example.com/join/ABC234#MTI4IHJhbmRvbSBiaXRz")]
    pub join_url: Option<String>,
}

/// Which password is wanted.
pub(crate) enum Wanted {
    Random,
    This(String),
}

/// Why a room has no new pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RotateError {
    Refused(Reject),
    /// The server is.
    Stopping,
}

impl RoomPass {
    /// A pass for a room, and the hash that the room keeps of its invite.
    pub(crate) fn new(app: &App, room: RoomId, wanted: &Wanted) -> (Self, TokenHash) {
        let (invite_token, invite) = opaque_token::invite();
        let password = match wanted {
            Wanted::Random => format!("{:06}", rand::random_range(0..1_000_000)),
            Wanted::This(password) => password.clone(),
        };
        let join_url = app.public_url.as_ref().map(|url| url.invite(room, &invite_token));
        (Self { password, invite_token, join_url }, invite)
    }
}

/// Without what opens the room.
impl fmt::Debug for RoomPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomPass(..)")
    }
}

/// Carries out an operation that gives a room a new pass.
///
/// It is tried again if another request has set one meanwhile, so that the last one holds. A room sets ten at most, so
/// that this comes to an end.
pub(crate) async fn rotate(
    app: &App,
    room: &Room,
    wanted: &Wanted,
    op: impl Fn(Rotation) -> Op,
) -> Result<(Arc<Room>, RoomPass), RotateError> {
    let id = room.id();
    let mut follows = room.password_epoch();
    loop {
        let (pass, invite) = RoomPass::new(app, id, wanted);
        let password = app.password_tag(id, &pass.password);
        let op = op(Rotation { password, invite, follows });
        let applied =
            app.shards.of(id).apply(id, &op, |_| {}).await.ok_or(RotateError::Stopping)?;
        let record = applied.record.ok_or(RotateError::Refused(Reject::RoomNotFound))?;
        match (applied.reply, wanted) {
            (Ok(_), _) => {
                tracing::info!(room = %id, epoch = record.password_epoch(), "password changed");
                return Ok((record, pass));
            }
            (Err(Reject::RotationStale), _) => follows = record.password_epoch(),
            // It happened to be the old one.
            (Err(Reject::PasswordUnchanged), Wanted::Random) => {}
            (Err(reject), _) => return Err(RotateError::Refused(reject)),
        }
    }
}
