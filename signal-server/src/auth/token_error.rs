//! Why a token was refused.

use thiserror::Error;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TokenError {
    /// It was good once: whoever presents it needs a new one.
    #[error("the token has expired")]
    Expired,
    /// It is for nobody.
    #[error("the token is malformed, forged, or for something else")]
    Invalid,
    /// Not the fault of whoever presents it: what is needed to judge it is out of reach. Requests answer 503
    /// `unavailable`, sockets are closed with 4001.
    #[error("the token cannot be judged now")]
    Unverifiable,
}
