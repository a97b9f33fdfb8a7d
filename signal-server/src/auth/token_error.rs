//! Why a token was refused.

use thiserror::Error;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TokenError {
    /// The token was valid before. Its holder needs a new one.
    #[error("the token has expired")]
    Expired,
    /// The token is not valid for anybody.
    #[error("the token is malformed, forged, or for another purpose")]
    Invalid,
    /// The server cannot verify the token now, because it cannot reach the login or its keys. The
    /// client is not at fault. Requests get 503 `unavailable`, and sockets are closed with 4001.
    #[error("the token cannot be verified now")]
    Unverifiable,
}
