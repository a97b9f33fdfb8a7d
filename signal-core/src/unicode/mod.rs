//! Which characters are visible, and which of the invisible ones belong to the spelling.

mod tables;

use std::cmp::Ordering;

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use self::tables::{DECIMAL_ZEROS, DEFAULT_IGNORABLE, EMOJI, FORMAT, JOINS_NEXT, JOINS_PREVIOUS};

/// Whether a character is invisible by itself. Whether it is kept depends on what is around it: see
/// [`is_spelling`].
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || is_in(c, DEFAULT_IGNORABLE)
        || is_in(c, FORMAT)
        || is_in(c, NUMBER_JOINERS)
        || is_in(c, BLANK)
}

/// Whether a character is visible by itself, unlike a mark.
pub(crate) fn is_base(c: char) -> bool {
    !c.is_whitespace() && !is_invisible(c) && !is_combining_mark(c)
}

/// Whether a character has the property Default_Ignorable_Code_Point.
pub(crate) fn is_default_ignorable(c: char) -> bool {
    is_in(c, DEFAULT_IGNORABLE)
}

/// Whether an invisible character changes how what is around it reads: a joiner in a script that
/// writes it, or a part of an emoji. `before` is what has been kept, and `after` what follows.
pub(crate) fn is_spelling(before: &str, c: char, after: &str) -> bool {
    let previous = before.chars().next_back();
    match c {
        ZERO_WIDTH_NON_JOINER => joins_letters(before, after) || is_by_virama(previous, after),
        ZERO_WIDTH_JOINER => is_by_virama(previous, after) || joins_emoji(before, after),
        TEXT_STYLE | EMOJI_STYLE => match previous {
            // With a keycap around it, a digit is an emoji.
            Some('0'..='9' | '#' | '*') => after.starts_with(KEYCAP),
            Some(previous) => is_in(previous, EMOJI),
            None => false,
        },
        '\u{e0020}'..='\u{e007f}' => is_in_tag_sequence(before, after, c),
        // An empty cell between others is a space in a Braille text.
        '\u{2800}' => previous.is_some_and(is_braille) && after.starts_with(is_braille),
        _ => false,
    }
}

/// The value of a decimal digit of any script.
pub(crate) fn decimal_digit(c: char) -> Option<u32> {
    DECIMAL_ZEROS.iter().find_map(|(zero, _)| {
        let value = u32::from(c).checked_sub(u32::from(*zero))?;
        (value < 10).then_some(value)
    })
}

/// The first rule of RFC 5892, appendix A.1, and the only one of A.2: after a virama. Bengali puts
/// the joiner before it as well.
fn is_by_virama(previous: Option<char>, after: &str) -> bool {
    let follows_letter = previous.is_some_and(|c| is_base(c) || is_combining_mark(c));
    previous.is_some_and(is_virama) || follows_letter && after.starts_with(is_virama)
}

/// The second rule of RFC 5892, appendix A.1: between letters that would join.
fn joins_letters(before: &str, after: &str) -> bool {
    let previous = before.chars().rev().find(|c| !is_transparent(*c));
    let next = after.chars().find(|c| !is_transparent(*c));
    previous.is_some_and(|c| is_in(c, JOINS_NEXT)) && next.is_some_and(|c| is_in(c, JOINS_PREVIOUS))
}

/// Rule GB11 of Unicode Standard Annex #29.
fn joins_emoji(before: &str, after: &str) -> bool {
    let previous = before.chars().rev().find(|c| *c != EMOJI_STYLE);
    previous.is_some_and(|c| is_in(c, EMOJI)) && after.starts_with(|c| is_in(c, EMOJI))
}

/// An emoji tag sequence (Unicode Technical Standard #51): an emoji, tags, and the last of them
/// says that it is the last.
fn is_in_tag_sequence(before: &str, after: &str, c: char) -> bool {
    let base = before.trim_end_matches(is_tag);
    let has_base = base.chars().rev().find(|c| *c != EMOJI_STYLE).is_some_and(|c| is_in(c, EMOJI));
    let tags_before = before.len() - base.len();
    let ends = match c {
        CANCEL_TAG => tags_before > 0,
        _ => after.trim_start_matches(is_tag).starts_with(CANCEL_TAG),
    };
    has_base && ends
}

fn is_tag(c: char) -> bool {
    ('\u{e0020}'..CANCEL_TAG).contains(&c)
}

fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == 9
}

/// Joining_Type T. Format characters have it too; those that are kept are joiners themselves.
fn is_transparent(c: char) -> bool {
    is_combining_mark(c)
}

fn is_braille(c: char) -> bool {
    ('\u{2801}'..='\u{28ff}').contains(&c)
}

fn is_in(c: char, table: &[(char, char)]) -> bool {
    let found = table.binary_search_by(|(first, last)| {
        if *last < c {
            Ordering::Less
        } else if c < *first {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    });
    found.is_ok()
}

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const CANCEL_TAG: char = '\u{e007f}';
/// Marks that only determine how other characters join, in Tifinagh, Kharoshthi, Brahmi and similar
/// scripts.
const NUMBER_JOINERS: &[(char, char)] = &[('\u{2d7f}', '\u{2d7f}'), ('\u{1107f}', '\u{1107f}')];
/// Symbols and letters with an empty glyph, which no Unicode property identifies: Braille without a
/// dot, the object replacement character, and blank hieroglyphs and notes.
const BLANK: &[(char, char)] = &[
    ('\u{2800}', '\u{2800}'),
    ('\u{fffc}', '\u{fffc}'),
    ('\u{13441}', '\u{13442}'),
    ('\u{1d159}', '\u{1d159}'),
];
