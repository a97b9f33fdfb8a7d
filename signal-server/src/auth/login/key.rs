//! A key that verifies access tokens, and its algorithm.

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::auth::secret::Secret;

/// A key and its algorithm, which the token cannot choose.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(super) id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

impl Key {
    pub(crate) fn secret(secret: &Secret) -> Self {
        let decoding = DecodingKey::from_secret(secret.as_bytes());
        Self { id: None, algorithm: Algorithm::HS256, decoding }
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether a token that names this key id may be signed with this key.
    pub(crate) fn may_be(&self, kid: Option<&str>) -> bool {
        match (self.id(), kid) {
            (Some(id), Some(kid)) => id == kid,
            (None, _) | (_, None) => true,
        }
    }
}
