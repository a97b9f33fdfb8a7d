//! Which password a change asks for.

use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::field;
use crate::http::error::ApiError;
use crate::rooms::credentials::PasswordChoice;

/// A new password: `true` for a random one, or which.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected true, or a password as text")]
pub(super) enum RotatePassword {
    Random(bool),
    This(String),
}

impl RotatePassword {
    /// `None` if the old one is to stay.
    pub(super) fn choice(self) -> Result<Option<PasswordChoice>, ApiError> {
        Ok(match self {
            Self::Random(false) => None,
            Self::Random(true) => Some(PasswordChoice::Random),
            Self::This(password) => {
                Some(PasswordChoice::This(field::password("rotate_password", password)?))
            }
        })
    }
}

impl PartialSchema for RotatePassword {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{6}$"));
        let either = OneOfBuilder::new().item(Object::with_type(Type::Boolean)).item(text);
        either.description(Some("`true` for a random one, or which; as that of a new room.")).into()
    }
}

impl ToSchema for RotatePassword {}
