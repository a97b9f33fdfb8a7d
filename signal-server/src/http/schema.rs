//! Schemas that no Rust type has.

use utoipa::openapi::{Object, ObjectBuilder, Type};

/// A boolean with a constant value.
pub(crate) fn constant<const VALUE: bool>() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).build()
}
