//! Opaque tokens: long random texts. The server keeps only their hashes.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use signal_core::room::{ResumeToken, TokenHash};

/// Makes an invite token of 128 random bits, and the hash that the room keeps.
pub(crate) fn invite() -> (String, TokenHash) {
    let text = random::<16>();
    let hash = hash(&text);
    (text, hash)
}

/// Makes a resume token of 256 random bits.
pub(crate) fn resume() -> ResumeToken {
    let text = random::<32>();
    let hash = hash(&text);
    ResumeToken::new(text, hash)
}

/// Hashes a token. Tokens are long and random, so the hash needs no key.
pub(crate) fn hash(token: &str) -> TokenHash {
    TokenHash::new(Sha256::digest(token).into())
}

fn random<const BYTES: usize>() -> String {
    let bytes: [u8; BYTES] = rand::random();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
