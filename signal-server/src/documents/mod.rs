//! The machine-readable descriptions of the API.

pub(crate) mod asyncapi;
pub(crate) mod openapi;
pub(crate) mod operators_openapi;
