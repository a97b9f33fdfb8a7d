//! The texts of messages, which carry a number to be known by and are as long as real ones.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers are told apart in the whole process.
pub(crate) fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A text of that many bytes that carries a number.
pub(crate) fn numbered(number: u64, bytes: usize) -> String {
    let mut text = format!("~{number:0DIGITS$}");
    text.extend(FILLER.chars().cycle().take(bytes.saturating_sub(text.len())));
    text
}

/// The number of a text within a JSON value.
pub(crate) fn number_of(json: &[u8]) -> Option<u64> {
    let start = json.iter().position(|byte| *byte == b'~')? + 1;
    std::str::from_utf8(json.get(start..start + DIGITS)?).ok()?.parse().ok()
}

const DIGITS: usize = 20;
/// A piece of a description.
const FILLER: &str = "a=rtpmap:111 opus/48000/2 a=fmtp:111 minptime=10;useinbandfec=1 ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_size_and_its_number() {
        let text = numbered(u64::MAX, 240);
        assert_eq!(text.len(), 240);
        let json = serde_json::json!({"candidate": text}).to_string();
        assert_eq!(number_of(json.as_bytes()), Some(u64::MAX));
        assert_eq!(number_of(b"{}"), None);
        assert_eq!(number_of(b"\"~12\""), None);
    }
}
