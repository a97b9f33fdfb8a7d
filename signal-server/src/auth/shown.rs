//! What may be shown of settings that may have a secret in them.

/// A URL as it may be shown: not at all where a password may be in it, which before an `@` it is, however malformed.
pub(crate) fn shown_url(url: &str) -> &str {
    if url.contains('@') { HIDDEN } else { url }
}

/// What is shown in place of a secret.
pub(crate) const HIDDEN: &str = "(secret)";
