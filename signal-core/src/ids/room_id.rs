//! Ids of rooms.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::InvalidId;

/// Identifies a room. There are two kinds of ids, and no text is both:
///
/// - A generated id is six characters of an alphabet without look-alikes (no `0`, `1`, `I`, `L`,
///   `O`). Parsing accepts lower case too, since people type such ids. The stored form is upper
///   case.
/// - A [chosen](Self::chosen) id is made by the host: 1 to 64 characters of `[0-9A-Za-z._~-]`.
///
/// Neither needs escaping in JSON, in a URL or in a log. An id is stored inline, so it is cheap to
/// copy.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct RoomId {
    // Padded with zeros, which sort before every permitted character, so that the derived `Ord` is
    // that of strings.
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl RoomId {
    /// The characters a generated id is made of, 31 of them.
    pub const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Builds a generated id from six numbers, each taken modulo the alphabet's length.
    ///
    /// Draw the numbers uniformly from `0..31` with a cryptographic generator, so that one room id
    /// does not help to guess another.
    pub fn from_indices(indices: [u8; GENERATED_LEN]) -> Self {
        Self::of(&indices.map(|index| Self::ALPHABET[usize::from(index) % Self::ALPHABET.len()]))
    }

    /// Takes over an id that the host has chosen. Such ids are compared byte for byte. An id may be
    /// used again once its room is over: tokens and events name the
    /// [epoch](crate::room::Room::epoch) of the room too.
    ///
    /// # Errors
    ///
    /// The text is empty, longer than 64 bytes, has characters outside `[0-9A-Za-z._~-]`, is `.` or
    /// `..` (which URLs leave out), or is a generated id in any case.
    pub fn chosen(text: &str) -> Result<Self, InvalidId> {
        if generated(text).is_some() {
            return Err(InvalidId::GeneratedRoom);
        }
        let permitted = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        let is_id = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(permitted)
            && !matches!(text, "." | "..");
        if is_id { Ok(Self::of(text.as_bytes())) } else { Err(InvalidId::Room) }
    }

    /// Whether the host has chosen the id.
    pub fn is_chosen(&self) -> bool {
        generated(self.as_str()).is_none()
    }

    /// The id as text; a generated one in upper case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.used())
            .expect("a room id holds ASCII only, checked where it is built")
    }

    /// `text` has at most [`MAX_LEN`](Self::MAX_LEN) bytes.
    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..text.len()].copy_from_slice(text);
        Self { bytes, len: text.len() as u8 }
    }

    fn used(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Parses an id of either kind.
impl FromStr for RoomId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        generated(text).map_or_else(|| Self::chosen(text), Ok)
    }
}

/// Hashes the text alone, since most ids are much shorter than the longest.
impl Hash for RoomId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.used().hash(state);
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The generated id that a text is, in any case.
fn generated(text: &str) -> Option<RoomId> {
    let bytes: [u8; GENERATED_LEN] = text.as_bytes().try_into().ok()?;
    let upper = bytes.map(|byte| byte.to_ascii_uppercase());
    upper.iter().all(|byte| RoomId::ALPHABET.contains(byte)).then(|| RoomId::of(&upper))
}

const GENERATED_LEN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_id_is_accepted_in_any_case() {
        let id: RoomId = "abc234".parse().unwrap();
        assert_eq!((id.as_str(), id.is_chosen()), ("ABC234", false));
        assert_eq!(RoomId::from_indices([9, 10, 31, 0, 1, 30]).as_str(), "BC223Z");
    }

    #[test]
    fn a_chosen_id_is_kept_byte_for_byte() {
        let longest = "x".repeat(64);
        for text in ["a", "Team-7.daily_stand~up", "ABC23O", "abc23", "...", &longest] {
            for id in [RoomId::chosen(text), text.parse()] {
                let id = id.unwrap();
                assert_eq!((id.as_str(), id.is_chosen()), (text, true));
            }
        }
        assert_ne!(RoomId::chosen("daily"), RoomId::chosen("Daily"));
    }

    #[test]
    fn no_chosen_id_is_a_generated_one() {
        for text in ["ABC234", "abc234", "aBc234"] {
            assert_eq!(RoomId::chosen(text), Err(InvalidId::GeneratedRoom), "{text}");
        }
    }

    #[test]
    fn what_a_url_or_a_log_would_change_is_refused() {
        let too_long = "x".repeat(65);
        for text in ["", ".", "..", "a/b", "a b", "a%20b", "a\nb", "a\"b", "房间", &too_long] {
            assert_eq!(text.parse::<RoomId>(), Err(InvalidId::Room), "{text:?}");
        }
    }

    #[test]
    fn ids_compare_as_their_texts_do() {
        let texts = ["-", "222222", "A", "ABC234", "ABC234-", "a", "aa", "~"];
        let mut ids: Vec<RoomId> = texts.iter().rev().map(|text| text.parse().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids.iter().map(RoomId::as_str).collect::<Vec<_>>(), texts);
    }
}
