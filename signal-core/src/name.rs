//! Display names of participants and rooms.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::unicode::{is_base, is_invisible, is_spelling};

/// A name that can be displayed: NFC, trimmed, with single spaces and without invisible characters.
///
/// It has at most 32 graphemes and 128 bytes, and is never empty.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// Normalizes a typed name; `None` if nothing visible is left.
    ///
    /// White space becomes single spaces. Control, bidi-override and other invisible characters are
    /// removed, unless they belong to the spelling: joiners between letters as RFC 5892 has them
    /// (appendices A.1 and A.2), and the parts of emoji.
    ///
    /// # Errors
    ///
    /// The normalized name is too long.
    pub fn parse(typed: &str) -> Result<Option<Self>, InvalidName> {
        let mut name = String::new();
        for word in typed.split_whitespace() {
            let visible = visible(word)?;
            if visible.is_empty() {
                continue;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.extend(visible.nfc());
            // Checked for each word, so that a megabyte of text is not normalized only to be
            // refused.
            if name.len() > MAX_BYTES {
                return Err(InvalidName);
            }
        }
        if name.graphemes(true).count() > MAX_GRAPHEMES {
            return Err(InvalidName);
        }
        Ok(name.contains(is_base).then(|| Self(name.into())))
    }

    /// Takes a name that an earlier version may have normalized by other rules.
    pub(crate) fn from_record(cleaned: &str) -> Self {
        Self(cleaned.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name has more than 32 graphemes or 128 bytes.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a name may have at most {MAX_GRAPHEMES} characters and {MAX_BYTES} bytes")]
pub struct InvalidName;

const MAX_GRAPHEMES: usize = 32;
const MAX_BYTES: usize = 128;

/// A longer word cannot become a name: the NFD of a character has at most six times the bytes of
/// its composed form.
const MAX_WORD_BYTES: usize = 8 * MAX_BYTES;

/// A word without its invisible characters.
fn visible(word: &str) -> Result<String, InvalidName> {
    let mut visible = String::new();
    for (at, c) in word.char_indices() {
        let after = &word[at + c.len_utf8()..];
        if !is_invisible(c) || is_spelling(&visible, c, after) {
            visible.push(c);
        }
        if visible.len() > MAX_WORD_BYTES {
            return Err(InvalidName);
        }
    }
    Ok(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(typed: &str) -> Option<String> {
        DisplayName::parse(typed).unwrap().map(|name| name.to_string())
    }

    #[test]
    fn white_space_is_folded_and_invisible_characters_are_removed() {
        assert_eq!(parsed("  小\u{202e}红 \t\n x\u{200b}y\u{7} "), Some("小红 xy".into()));
        assert_eq!(parsed("e\u{301}"), Some("é".into()));
        assert_eq!(parsed("👩\u{200d}💻"), Some("👩\u{200d}💻".into()));
    }

    #[test]
    fn a_mark_joins_its_letter_when_what_stood_between_them_is_removed() {
        assert_eq!(parsed("u\u{7}\u{323}"), Some("ụ".into()));
    }

    #[test]
    fn a_name_of_nothing_visible_is_no_name() {
        assert_eq!(parsed(""), None);
        assert_eq!(parsed(" \u{200b} \u{feff}\u{0}"), None);
    }

    #[test]
    fn a_name_is_measured_after_cleaning_in_characters_people_see() {
        assert!(parsed(&"é\u{200b}".repeat(32)).is_some());
        assert_eq!(DisplayName::parse(&"x".repeat(33)), Err(InvalidName));
        assert_eq!(DisplayName::parse(&"红".repeat(43)), Err(InvalidName));
    }

    #[test]
    fn a_name_of_characters_that_show_nothing_is_no_name() {
        let invisible = "\u{200d}\u{fe0f}\u{fe00}\u{2800}\u{17b4}\u{180b}\u{1d159}\u{1d173}\u{1bca0}\
                         \u{e0100}\u{e01ef}\u{200b}\u{3164}\u{115f}\u{ffa0}\u{180e}\u{180f}\u{34f}\u{ad}\
                         \u{61c}\u{2065}\u{2061}\u{206a}\u{fff0}\u{fff9}\u{fffc}\u{13430}\u{13441}\u{e0001}\
                         \u{e0041}\u{e007f}\u{1d17a}\u{feff}\u{200e}\u{202e}\u{2069}\u{200c}\u{85}\u{2028}\
                         \u{a0}\u{3000}\u{2d7f}\u{fdd0}\u{10ffff}";
        for c in invisible.chars() {
            for typed in [format!("{c}"), format!("{c}{c}{c}"), format!(" {c} {c}")] {
                assert_eq!(parsed(&typed), None, "U+{:04X}", u32::from(c));
            }
            let between = parsed(&format!("小{c}红")).unwrap();
            assert!(["小红", "小 红"].contains(&between.as_str()), "U+{:04X}", u32::from(c));
        }
        assert_eq!(parsed(invisible), None);
        assert_eq!(parsed("\u{301}\u{20dd}"), None, "marks on nothing");
    }

    #[test]
    fn joiners_stay_where_they_are_spelling() {
        let spelled = [
            "علی\u{200c}رضا",
            "می\u{200c}خواهم",
            "র\u{200c}্যাব",
            "র\u{200d}্যাব",
            "क्\u{200c}ष",
            "क्\u{200d}ष",
            "ශ්\u{200d}රී",
            "നന്\u{200d}",
            "👩\u{200d}💻",
            "👩🏽\u{200d}🚀",
            "🏳\u{fe0f}\u{200d}🌈",
            "❤\u{fe0f}\u{200d}🔥",
            "☺\u{fe0e}",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "🇨🇳",
            "⠞⠕⠍\u{2800}⠎",
        ];
        for name in spelled {
            assert_eq!(parsed(name).as_deref(), Some(name), "{}", name.escape_unicode());
        }
    }

    #[test]
    fn joiners_and_selectors_go_where_they_show_nothing() {
        let cleaned = [
            ("a\u{200d}b", "ab"),
            ("a\u{200c}b", "ab"),
            ("\u{200c}علی\u{200c}", "علی"),
            ("小\u{200d}红", "小红"),
            ("a\u{fe0f}", "a"),
            ("1\u{fe0f}2", "12"),
            ("小\u{e0100}红", "小红"),
            ("👩\u{200d}", "👩"),
            ("\u{200d}💻", "💻"),
            ("👩\u{200d}\u{200d}💻", "👩\u{200d}💻"),
            ("🏴\u{e0067}\u{e0062}", "🏴"),
            ("a\u{e0067}\u{e007f}", "a"),
            ("🏴\u{e007f}", "🏴"),
        ];
        for (typed, name) in cleaned {
            assert_eq!(parsed(typed).as_deref(), Some(name), "{}", typed.escape_unicode());
        }
    }
}
