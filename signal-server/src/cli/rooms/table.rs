//! Texts in columns.

/// Puts rows under their headings. Columns after one with wide characters may be shifted.
pub(super) fn table<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let rows: Vec<[String; COLUMNS]> =
        std::iter::once(headings.map(str::to_owned)).chain(rows).collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    });
    lines.collect()
}

/// The text without characters that a terminal obeys, which become escapes like `\u{1b}`.
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
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["ABC234".to_owned(), "a".to_owned()], ["X".to_owned(), String::new()]];
        assert_eq!(table(["ROOM", "NAME"], rows), "ROOM    NAME\nABC234  a\nX\n");
    }

    #[test]
    fn a_name_does_not_command_the_terminal() {
        let printed = printable("小\u{1b}[2J\n\u{202e}e\u{301}");
        assert_eq!(printed, "小\\u{1b}[2J\\u{a}\\u{202e}e\u{301}");
    }
}
