//! Display names of participants and rooms.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// A name that is fit to be shown: NFC, trimmed, white space folded, without invisible characters.
///
/// It has at most 32 graphemes and 128 bytes, and is never empty.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// Normalizes what somebody typed; `None` if nothing visible is left.
    ///
    /// White space becomes single spaces. Control, bidi-override and invisible characters are
    /// removed.
    ///
    /// # Errors
    ///
    /// The normalized name is too long.
    pub fn parse(typed: &str) -> Result<Option<Self>, InvalidName> {
        let mut name = String::new();
        for word in typed.split_whitespace() {
            let mut visible = word.chars().filter(|c| !is_invisible(*c)).nfc().peekable();
            if visible.peek().is_none() {
                continue;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.extend(visible);
            // Checked for each word, so that a megabyte of text is not normalized only to be
            // refused.
            if name.len() > MAX_BYTES {
                return Err(InvalidName);
            }
        }
        if name.graphemes(true).count() > MAX_GRAPHEMES {
            return Err(InvalidName);
        }
        Ok((!name.is_empty()).then(|| Self(name.into())))
    }

    /// Takes a name that was normalized when it was typed, by the rules of that time.
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

/// Characters that show nothing or change how others are shown: controls, zero-width characters and
/// bidi marks (Unicode TR 36). The zero-width joiner stays, since emoji are built with it.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
            | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
}
