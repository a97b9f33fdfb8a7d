//! The languages that texts for people come in. Codes, not texts, are what programs read.

use crate::room::CloseReason;

/// A language the server can speak.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Language {
    /// English.
    En,
    /// Chinese, when nothing is asked for.
    #[default]
    Zh,
}

/// Why a room is over, for people.
pub(crate) fn close_reason(reason: CloseReason, language: Language) -> &'static str {
    match (reason, language) {
        (CloseReason::ByCreator, Language::En) => "the creator closed the room",
        (CloseReason::ByCreator, Language::Zh) => "创建者关闭了房间",
        (CloseReason::Expired, Language::En) => "the room has expired",
        (CloseReason::Expired, Language::Zh) => "房间已过期",
    }
}
