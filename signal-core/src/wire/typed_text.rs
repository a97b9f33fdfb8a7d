//! Typed strings that a program may have cut in the middle of a character.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A JSON string that may contain half of a surrogate pair, as JavaScript leaves it when it cuts a
/// string within an emoji.
///
/// Such a string is valid JSON (RFC 8259 section 8.2) but not Unicode text, so a `String` refuses
/// it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypedText(Vec<u8>);

impl TypedText {
    /// The text without unpaired surrogates.
    #[must_use]
    pub fn without_halves(&self) -> String {
        decode(&self.0, "").unwrap_or_default()
    }

    /// The text with U+FFFD in place of each unpaired surrogate.
    #[must_use]
    pub fn with_replacements(&self) -> String {
        decode(&self.0, "\u{fffd}").unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for TypedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl Visitor<'_> for TextVisitor {
            type Value = TypedText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<TypedText, E> {
                match decode(bytes, "") {
                    Some(_) => Ok(TypedText(bytes.to_vec())),
                    None => Err(E::custom("invalid unicode code point")),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TypedText, E> {
                Ok(TypedText(text.as_bytes().to_vec()))
            }
        }

        // As bytes, `serde_json` passes unpaired surrogates on, encoded like characters in UTF-8.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

/// Reads UTF-8 in which unpaired surrogates are encoded like characters, and writes `half` in place
/// of each; `None` if it is something else.
fn decode(bytes: &[u8], half: &str) -> Option<String> {
    let (mut text, mut rest) = (String::new(), bytes);
    loop {
        let error = match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return Some(text);
            }
            Err(error) => error,
        };
        let (valid, invalid) = rest.split_at(error.valid_up_to());
        text.push_str(std::str::from_utf8(valid).ok()?);
        rest = match invalid {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] => rest,
            _ => return None,
        };
        text.push_str(half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_emoji_is_dropped_or_replaced_and_a_whole_one_stays() {
        let text: TypedText = serde_json::from_str(r#""\ud83dTom\ude00 \ud83d\ude00""#).unwrap();
        assert_eq!(text.without_halves(), "Tom 😀");
        assert_eq!(text.with_replacements(), "\u{fffd}Tom\u{fffd} 😀");
    }

    #[test]
    fn what_is_no_string_of_json_is_refused() {
        for json in [b"1".as_slice(), b"[65]", b"null", b"\"\xff\"", b"\"\\x\"", b"\"\xed\xa0\""] {
            assert!(serde_json::from_slice::<TypedText>(json).is_err(), "{json:?}");
        }
    }
}
