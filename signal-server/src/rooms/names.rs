//! The default names of participants and rooms.

use signal_core::{DisplayName, Language};

use crate::auth::login::User;

/// The name to show for the creator of a room.
pub(crate) fn creator(user: &User, language: Language) -> DisplayName {
    user.name.clone().unwrap_or_else(|| default_name(language, "房主", "Host"))
}

/// The name to show for a guest who chose none.
pub(crate) fn guest(language: Language) -> DisplayName {
    default_name(language, "访客", "Guest")
}

/// The name of a room whose creator chose none.
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
