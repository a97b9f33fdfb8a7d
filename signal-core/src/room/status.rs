//! Whether a room is still running, and why it is not.

use crate::language::Language;

/// Whether a room is still running.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It is over.
    Closed(CloseReason),
    /// It is running.
    Open,
}

/// Why a room is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CloseReason {
    /// Whoever runs the server closed it.
    ByAdmin,
    /// Its creator closed it or left.
    ByCreator,
    /// Its time was over.
    Expired,
}

impl CloseReason {
    /// The text for people.
    pub fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::ByAdmin, Language::En) => "the room was closed by the administrator",
            (Self::ByAdmin, Language::Zh) => "管理员关闭了房间",
            (Self::ByCreator, Language::En) => "the creator closed the room",
            (Self::ByCreator, Language::Zh) => "创建者关闭了房间",
            (Self::Expired, Language::En) => "the room has expired",
            (Self::Expired, Language::Zh) => "房间已过期",
        }
    }
}
