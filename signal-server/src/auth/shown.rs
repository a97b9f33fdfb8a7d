//! Shows settings without the secrets that they may contain.

/// Hides a URL that may contain a password, which is every URL with an `@`, even a malformed one.
pub(crate) fn shown_url(url: &str) -> &str {
    if url.contains('@') { HIDDEN } else { url }
}

/// Formats an error with its sources, which contain the details.
#[cfg(any(feature = "jwks", feature = "webhooks"))]
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let chain =
        std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The text shown in place of a secret.
pub(crate) const HIDDEN: &str = "(secret)";
