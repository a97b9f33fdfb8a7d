//! The specification of a new room.

use std::array;
use std::time::Duration;

use super::Capacity;
use crate::ids::{IdSuffix, RoomId};
use crate::time::Timestamp;
use crate::token::{PasswordTag, TokenHash};

/// What a room is created with.
#[derive(Clone, Debug)]
pub struct RoomSpec {
    /// The room's id.
    pub id: RoomId,
    /// A random number that tells this room from an earlier one of the same id.
    pub epoch: u64,
    /// The name to show.
    pub name: String,
    /// The creator, in the host's own terms (the subject of an access token, for example).
    /// Participants never see it. `None` for a room without a creator: no seat is kept for one, and
    /// a grant of the creator's seat is void.
    pub creator: Option<String>,
    /// The tag of the password. `None` for a room that is entered only with an invite or a
    /// [grant](crate::room::Room::mint) of the host: every password is wrong there, and costs no
    /// [attempt](crate::room::Room::PASSWORD_ATTEMPTS). A [rotation](crate::room::Rotation) sets a
    /// password.
    pub password: Option<PasswordTag>,
    /// The hash of the invite token.
    pub invite: TokenHash,
    /// How many participants the room holds.
    pub capacity: Capacity,
    /// When the room is created.
    pub created_at: Timestamp,
    /// When the room ends.
    pub expires_at: Timestamp,
    /// Whether the creator's leave ends the room.
    pub on_creator_leave: OnCreatorLeave,
    /// The random part of the creator's participant id.
    pub suffix: IdSuffix,
}

impl RoomSpec {
    /// Specifies a room for 10 participants with a random id and without a name. There is no invite
    /// to it, and it ends when its creator leaves.
    pub fn draw(
        random: [u8; 50],
        password: PasswordTag,
        created_at: Timestamp,
        lifetime: Duration,
    ) -> Self {
        let mut random = random.into_iter();
        Self {
            id: RoomId::from_indices(next(&mut random)),
            epoch: u64::from_le_bytes(next(&mut random)),
            suffix: IdSuffix::new(u32::from_le_bytes(next(&mut random))),
            invite: TokenHash::new(next(&mut random)),
            name: String::new(),
            creator: Some(String::new()),
            password: Some(password),
            capacity: Capacity::default(),
            created_at,
            expires_at: created_at + lifetime,
            on_creator_leave: OnCreatorLeave::default(),
        }
    }
}

/// What happens to a room when its creator leaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnCreatorLeave {
    /// The room ends.
    #[default]
    Close,
    /// The room stays open.
    Keep,
}

/// Takes the next bytes of an array that is long enough.
fn next<const LENGTH: usize>(bytes: &mut impl Iterator<Item = u8>) -> [u8; LENGTH] {
    array::from_fn(|_| bytes.next().unwrap_or_default())
}
