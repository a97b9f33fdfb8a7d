//! Shows settings without the secrets that they may contain.

/// Hides a URL that may contain a password, which is every URL with an `@`, even a malformed one.
pub(crate) fn shown_url(url: &str) -> &str {
    if url.contains('@') { HIDDEN } else { url }
}

/// The text shown in place of a secret.
pub(crate) const HIDDEN: &str = "(secret)";
