//! Selects the cryptography that tokens are signed and verified with.

/// Selects the pure-Rust cryptography of `jsonwebtoken`. The library cannot choose by itself if
/// another crate of the program enables a second provider. A provider that the program has
/// installed before stays in use.
#[cfg(feature = "jwks")]
pub(crate) fn install() {
    let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
}

/// Selects a provider that supports HMAC only, which is all that tokens with a shared secret need.
/// A provider that the program has installed before stays in use; a program that verifies other
/// algorithms has to install its own before it builds a server.
#[cfg(not(feature = "jwks"))]
pub(crate) fn install() {
    let _ = super::hmac_provider::HMAC_ALONE.install_default();
}
