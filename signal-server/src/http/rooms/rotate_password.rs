//! The field `rotate_password` of a change.

use serde::Deserialize;

use super::field;
use crate::http::error::ApiError;
use crate::rooms::credentials::PasswordChoice;

/// The new password: `true` for a random one, or the password itself.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected true or a string")]
pub(super) enum RotatePassword {
    Random(bool),
    This(String),
}

impl RotatePassword {
    /// The password to set, or `None` to keep the old one.
    pub(super) fn choice(self) -> Result<Option<PasswordChoice>, ApiError> {
        Ok(match self {
            Self::Random(false) => None,
            Self::Random(true) => Some(PasswordChoice::Random),
            Self::This(password) => {
                Some(PasswordChoice::This(field::password("rotate_password", &password)?))
            }
        })
    }
}

#[cfg(feature = "documents")]
mod schema {
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};
    use utoipa::{PartialSchema, ToSchema};

    use super::RotatePassword;

    impl PartialSchema for RotatePassword {
        fn schema() -> RefOr<Schema> {
            let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{6}$"));
            let either = OneOfBuilder::new().item(Object::with_type(Type::Boolean)).item(text);
            either.description(Some("`true` for a random password, or the password itself.")).into()
        }
    }

    impl ToSchema for RotatePassword {}
}
