//! The names of people and rooms that chose none.

use signal_core::{DisplayName, Language};

use crate::auth::identity::User;

/// The name that the creator of a room is shown with.
pub(crate) fn creator(user: &User, language: Language) -> DisplayName {
    user.name.clone().unwrap_or_else(|| default_name(language, "房主", "Host"))
}

/// The name that a guest without one is shown with.
pub(crate) fn guest(language: Language) -> DisplayName {
    default_name(language, "访客", "Guest")
}

/// The name of a room that its creator gave none.
pub(crate) fn room(creator: &DisplayName, language: Language) -> String {
    match language {
        Language::En => format!("{creator}'s room"),
        Language::Zh => format!("{creator}的房间"),
    }
}

fn default_name(language: Language, zh: &str, en: &str) -> DisplayName {
    let name = match language {
        Language::En => en,
        Language::Zh => zh,
    };
    DisplayName::parse(name).ok().flatten().expect("the default names are short and visible")
}
