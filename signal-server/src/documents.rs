//! The documents that describe the API to programs.

pub(crate) mod asyncapi;
pub(crate) mod openapi;
