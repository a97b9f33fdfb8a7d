//! Authentication: access tokens of a login, tokens of this server, secrets, and the origins of
//! pages.

pub(crate) mod admin_key;
#[cfg(not(feature = "jwks"))]
mod hmac_provider;
pub(crate) mod jwt_crypto;
pub(crate) mod login;
pub(crate) mod opaque_token;
pub(crate) mod origin;
pub(crate) mod secret;
pub(crate) mod shown;
#[cfg(any(feature = "jwks", feature = "webhooks"))]
pub(crate) mod tls;
pub(crate) mod token_error;
pub(crate) mod ws_token;
