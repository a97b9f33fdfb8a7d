//! Why a token was refused, for operators.

use jsonwebtoken::errors::ErrorKind;

use crate::auth::token_error::TokenError;

/// The check that an access token or a ws token did not pass. The order is that of the checks: of
/// several keys, the one that a token got furthest with tells why it was refused.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum TokenRefusal {
    /// It is no JWT, or needs an extension that this server does not have.
    Malformed,
    /// The keys could not be fetched, or not since the login may have published a new one.
    #[cfg(feature = "jwks")]
    KeysUnavailable,
    /// It names a key that the login does not have.
    UnknownKey,
    /// Its algorithm is not that of the key.
    Algorithm,
    /// The key did not sign it.
    Signature,
    /// `sub` or `exp` is missing or malformed.
    Claims,
    /// `aud` is not the configured audience.
    Audience,
    /// `iss` is not the configured issuer.
    Issuer,
    /// `nbf` has not come yet.
    NotYetValid,
    /// `exp` has passed.
    Expired,
    /// It is a ws token of another room.
    OtherRoom,
    /// It is a ws token, and its room is over or has voided it: by another password, a kick or a
    /// ban.
    Void,
    /// The login of the embedding application does not know it.
    Login,
    /// The login of the embedding application could not be asked.
    LoginUnavailable,
}

impl TokenRefusal {
    /// The reason as a word, for the log and as the label of a metric.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            #[cfg(feature = "jwks")]
            Self::KeysUnavailable => "keys_unavailable",
            Self::UnknownKey => "unknown_key",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Audience => "audience",
            Self::Issuer => "issuer",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::OtherRoom => "other_room",
            Self::Void => "void",
            Self::Login => "login",
            Self::LoginUnavailable => "login_unavailable",
        }
    }

    /// What the holder of the token is told.
    pub(crate) fn error(self) -> TokenError {
        match self {
            Self::Expired => TokenError::Expired,
            #[cfg(feature = "jwks")]
            Self::KeysUnavailable => TokenError::Unverifiable,
            Self::LoginUnavailable => TokenError::Unverifiable,
            Self::Malformed
            | Self::UnknownKey
            | Self::Algorithm
            | Self::Signature
            | Self::Claims
            | Self::Audience
            | Self::Issuer
            | Self::NotYetValid
            | Self::OtherRoom
            | Self::Void
            | Self::Login => TokenError::Invalid,
        }
    }
}

/// What the login of the embedding application says.
impl From<TokenError> for TokenRefusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::Expired,
            TokenError::Invalid => Self::Login,
            TokenError::Unverifiable => Self::LoginUnavailable,
        }
    }
}

impl From<&ErrorKind> for TokenRefusal {
    fn from(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => Self::Issuer,
            ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => Self::Audience,
            ErrorKind::MissingRequiredClaim(_)
            | ErrorKind::InvalidClaimFormat(_)
            | ErrorKind::InvalidSubject
            | ErrorKind::Json(_) => Self::Claims,
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Self::Algorithm,
            // The rest is about the form of tokens and keys.
            _ => Self::Malformed,
        }
    }
}
