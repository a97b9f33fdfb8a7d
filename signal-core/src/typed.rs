//! Passwords and room ids as people type and paste them.

use unicode_normalization::UnicodeNormalization;

use crate::ids::RoomId;
use crate::unicode::{decimal_digit, is_default_ignorable};

/// Parses a password as it was typed, if it can be one: six characters from `!` to `~`.
///
/// Additions of keyboards and clipboards are undone: white space and invisible characters around
/// the password are removed, and other forms of the same characters are replaced (NFKC), among them
/// the decimal digits of every script.
pub fn parse_password(typed: &str) -> Option<String> {
    let password = normalize(typed);
    let is_possible = password.len() == 6 && password.bytes().all(|byte| byte.is_ascii_graphic());
    is_possible.then_some(password)
}

/// Parses a room id as it was typed, if it can be one; see [`parse_password`]. This is for
/// generated ids, and takes a [chosen](RoomId::chosen) one only as it is.
pub fn parse_room_id(typed: &str) -> Option<RoomId> {
    let generated = normalize(typed).parse().ok().filter(|id: &RoomId| !id.is_chosen());
    generated.or_else(|| RoomId::chosen(typed).ok())
}

fn normalize(typed: &str) -> String {
    let text: String = typed.nfkc().collect();
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_default_ignorable(c));
    let in_ascii = |c| decimal_digit(c).and_then(|value| char::from_digit(value, 10)).unwrap_or(c);
    text.chars().map(in_ascii).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_what_somebody_means_however_it_was_typed() {
        let same = [
            "123456",
            "123456 ",
            "\n123456",
            "\u{3000}１２３４５６",
            "١٢٣٤٥٦",
            "۱۲۳۴۵۶",
            "१२३४५६",
            "\u{feff}123456",
            "\u{200b} 123456\u{fe0f}\u{2060}",
            "𝟏𝟐𝟑𝟒𝟓𝟔",
            "①②③④⑤⑥",
        ];
        for typed in same {
            assert_eq!(parse_password(typed).as_deref(), Some("123456"), "{typed:?}");
        }
        assert_eq!(parse_password("ＡＢｃ！～\u{ff01}").as_deref(), Some("ABc!~!"));
    }

    #[test]
    fn what_no_room_can_have_is_no_password() {
        for typed in
            ["", "   ", "12345", "1234567", "12 456", "12\u{200b}456", "密码密码密码", "12345é"]
        {
            assert_eq!(parse_password(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_room_id_is_what_somebody_means_however_it_was_typed() {
        for typed in ["ABC234", "abc234", " ＡＢＣ２３４\u{200b}", "abc٢٣٤"] {
            assert_eq!(parse_room_id(typed), "ABC234".parse().ok(), "{typed:?}");
        }
        for typed in ["", "ABC 234", "%FF", "房间房间房间"] {
            assert_eq!(parse_room_id(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_chosen_room_id_is_taken_as_it_is() {
        assert_eq!(parse_room_id("Daily-7"), RoomId::chosen("Daily-7").ok());
        for typed in [" Daily-7", "Daily-7\u{200b}", "Ｄaily-7"] {
            assert_eq!(parse_room_id(typed), None, "{typed:?}");
        }
    }
}
