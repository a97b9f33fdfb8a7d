//! Why a token was refused, for operators.

use jsonwebtoken::errors::ErrorKind;

use crate::auth::token_error::TokenError;

/// The check that an access token or a ws token did not pass. The order is that of the checks: with
/// several keys, the refusal that comes last in this order is reported.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum TokenRefusal {
    /// It is not a JWT, or requires an extension that this server does not support.
    Malformed,
    /// The keys could not be fetched, or are older than the time at which its key may have been
    /// published.
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
    /// It is a ws token whose room is over, or has voided it by a new password, a kick or a ban.
    Void,
    /// The login of the host application does not know it.
    Login,
    /// The login of the host application could not be asked.
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

    /// The error for the holder of the token.
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

/// The verdict of the login of the host application.
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
            // The other errors are about the form of tokens and keys.
            _ => Self::Malformed,
        }
    }
}
