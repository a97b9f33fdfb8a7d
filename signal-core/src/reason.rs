//! Why a participant is gone, and why a room is over.

/// How a seat ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LeaveReason {
    /// The participant was kicked.
    Kicked,
    /// The participant left.
    Left,
    /// Its socket was lost and it did not resume in time.
    Lost,
    /// Its token was used again, and the participant has another id.
    Replaced,
}

/// Why a room is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The operator, the host or a moderator closed it.
    ByAdmin,
    /// Its creator closed it or left.
    ByCreator,
    /// It reached its end time.
    Expired,
}

impl LeaveReason {
    const ALL: [Self; 4] = [Self::Kicked, Self::Left, Self::Lost, Self::Replaced];

    /// The name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Kicked => "kicked",
            Self::Left => "left",
            Self::Lost => "lost",
            Self::Replaced => "replaced",
        }
    }

    /// The reason with that name on the wire.
    pub(crate) fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl CloseReason {
    const ALL: [Self; 3] = [Self::ByAdmin, Self::ByCreator, Self::Expired];

    /// The number in records and operations. No reason has the number 0.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::ByAdmin => 1,
            Self::ByCreator => 2,
            Self::Expired => 3,
        }
    }

    /// The reason with that number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }

    /// The name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ByAdmin => "admin",
            Self::ByCreator => "closed_by_creator",
            Self::Expired => "expired",
        }
    }

    /// The reason with that name on the wire.
    pub(crate) fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}
