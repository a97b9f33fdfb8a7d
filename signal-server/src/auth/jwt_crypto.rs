//! The cryptography that tokens are signed and verified with.

/// Has `jsonwebtoken` use its pure-Rust cryptography, even if another crate of the program enables another one as well,
/// with which the library alone could not tell which to take. What the program itself has chosen before stays.
#[cfg(feature = "jwks")]
pub(crate) fn install() {
    let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
}

/// Has `jsonwebtoken` use HMAC alone, which is all that tokens of a shared secret need. What the program itself has
/// chosen before stays; a program that verifies other algorithms chooses its provider before it builds a server.
#[cfg(not(feature = "jwks"))]
pub(crate) fn install() {
    let _ = super::hmac_provider::HMAC_ALONE.install_default();
}
