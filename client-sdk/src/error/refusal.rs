//! Why a server refuses a request about a room.

/// The meaning of the stable code of a refusal.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The user or the participant may not do this.
    Forbidden,
    /// A value is outside its limits, such as a capacity above 50 or a lifetime above 1440 minutes.
    /// The message names it.
    InvalidArgument,
    /// The invite is no longer valid because the password was changed.
    InviteVoid,
    /// A code that this crate does not know. The error contains it.
    Other,
    /// Nobody with that id has a seat in the room.
    ParticipantNotFound,
    /// Too many wrong passwords were tried. For a while only invites open the room.
    PasswordLocked,
    /// A limit is reached: of requests, open rooms, connections, or restored password attempts.
    RateLimited,
    /// The room has expired.
    RoomExpired,
    /// All seats for guests are taken.
    RoomFull,
    /// The room is locked against newcomers.
    RoomLocked,
    /// The room does not exist, or it has ended.
    RoomNotFound,
    /// The token is missing, invalid or expired, or for another room.
    Unauthorized,
    /// The server cannot do this now, because it is stopping or cannot store rooms. Try again
    /// later.
    Unavailable,
    /// The password is wrong.
    WrongPassword,
}

impl Refusal {
    pub(super) fn of(code: &str) -> Self {
        match code {
            "forbidden" => Self::Forbidden,
            "invalid_argument" => Self::InvalidArgument,
            "invite_void" => Self::InviteVoid,
            "participant_not_found" => Self::ParticipantNotFound,
            "password_locked" => Self::PasswordLocked,
            "rate_limited" => Self::RateLimited,
            "room_expired" => Self::RoomExpired,
            "room_full" => Self::RoomFull,
            "room_locked" => Self::RoomLocked,
            "room_closed" | "room_not_found" => Self::RoomNotFound,
            "token_expired" | "token_invalid" | "unauthorized" => Self::Unauthorized,
            "storage_unavailable" | "unavailable" => Self::Unavailable,
            "wrong_password" => Self::WrongPassword,
            _ => Self::Other,
        }
    }
}
