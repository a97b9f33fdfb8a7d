//! Formats tables for a terminal.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

/// Puts rows under their headings.
pub(super) fn table<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(headings).add_rows(rows);
    format!("{table}\n")
}

/// Replaces characters that control a terminal with escapes like `\u{1b}`.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::new();
    for ch in text.chars() {
        if ch.is_control() || BIDI.contains(&ch) {
            printable.extend(ch.escape_unicode());
        } else {
            printable.push(ch);
        }
    }
    printable
}

/// Characters that reverse the text around them (Unicode Standard Annex 9, section 2).
const BIDI: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = [["小红".to_owned(), "a".to_owned()], ["X".to_owned(), String::new()]];
        let lines = "| N    | R |\n|------|---|\n| 小红 | a |\n| X    |   |\n";
        assert_eq!(table(["N", "R"], rows), lines);
    }

    #[test]
    fn a_name_does_not_command_the_terminal() {
        let printed = printable("小\u{1b}[2J\n\u{202e}e\u{301}");
        assert_eq!(printed, "小\\u{1b}[2J\\u{a}\\u{202e}e\u{301}");
    }
}
