//! Names that a sender has chosen.

/// The name without what could lead to another folder, hide the file or mean something else than a
/// file; never empty.
pub(super) fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |letter: &char| !letter.is_control() && !r#"<>:"|?*"#.contains(*letter);
    let kept: String = last.chars().filter(is_plain).take(MAX_LETTERS).collect();
    let kept = kept.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    if kept.is_empty() { "unnamed".to_owned() } else { kept.to_owned() }
}

/// File systems allow 255 bytes, and a letter has up to four.
const MAX_LETTERS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for (name, expected) in [
            ("film.webm", "film.webm"),
            ("../../.ssh/authorized_keys", "authorized_keys"),
            ("C:\\Windows\\a.dll", "a.dll"),
            ("..", "unnamed"),
            ("a/", "unnamed"),
            (".bashrc", "bashrc"),
            ("a\0b\n.txt", "ab.txt"),
            ("照片.jpg", "照片.jpg"),
            ("file.txt::$DATA", "file.txt$DATA"),
        ] {
            assert_eq!(plain(name), expected, "{name}");
        }
        assert_eq!(plain(&"长".repeat(1000)).chars().count(), MAX_LETTERS);
    }
}
