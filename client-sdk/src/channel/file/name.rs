//! File names that a sender has chosen.

/// The name without anything that could lead to another folder, hide the file or name a device;
/// never empty.
pub(super) fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |letter: &char| !letter.is_control() && !r#"<>:"|?*"#.contains(*letter);
    let kept: String = last.chars().filter(is_plain).collect();
    let kept = kept.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    let (stem, extension) = match kept.rsplit_once('.') {
        Some((stem, extension)) if extension.len() < MAX_EXTENSION => (stem, &kept[stem.len()..]),
        _ => (kept, ""),
    };
    let stem = &stem[..stem.floor_char_boundary(MAX_BYTES - extension.len())];
    let is_device = DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device));
    match stem {
        "" => "unnamed".to_owned(),
        stem if is_device => format!("_{stem}{extension}"),
        stem => format!("{stem}{extension}"),
    }
}

/// The name with a number before its extension; unchanged for the first.
pub(super) fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        _ if number == 1 => name.to_owned(),
        Some((stem, extension)) => format!("{stem}-{number}.{extension}"),
        None => format!("{name}-{number}"),
    }
}

/// File systems allow 255 bytes, of which the suffix of an incomplete file takes 25.
const MAX_BYTES: usize = 230;
const MAX_EXTENSION: usize = 16;
/// Names of devices on Windows, with any extension.
const DEVICES: [&str; 22] = [
    "AUX", "CON", "NUL", "PRN", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8",
    "COM9", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

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
            ("nul.txt", "_nul.txt"),
            ("null.txt", "null.txt"),
        ] {
            assert_eq!(plain(name), expected, "{name}");
        }
        assert_eq!(numbered("a.tar.gz", 1), "a.tar.gz");
        assert_eq!(numbered("a.tar.gz", 2), "a.tar-2.gz");
        assert_eq!(numbered("a", 3), "a-3");
        let long = plain(&("长".repeat(1000) + ".webm"));
        assert!(long.ends_with("长.webm") && (225..=MAX_BYTES).contains(&long.len()), "{long}");
    }
}
