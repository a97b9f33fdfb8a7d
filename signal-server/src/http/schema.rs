//! Schemas that types of Rust do not have.

use utoipa::openapi::{Object, ObjectBuilder, Type};

/// A boolean that never changes.
pub(crate) fn constant<const VALUE: bool>() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).build()
}
