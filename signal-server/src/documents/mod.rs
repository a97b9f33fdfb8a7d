//! The machine-readable descriptions of the API.

pub(crate) mod asyncapi;
pub(crate) mod openapi;
