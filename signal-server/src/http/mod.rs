//! The HTTP API: what all requests have in common, and the handlers.

pub(crate) mod authentication;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod error_responses;
pub(crate) mod language;
pub(crate) mod layers;
pub(crate) mod operators;
pub(crate) mod pages;
pub(crate) mod path;
pub(crate) mod probes;
pub(crate) mod response;
#[cfg(feature = "documents")]
pub(crate) mod responses;
pub(crate) mod rooms;
#[cfg(feature = "documents")]
pub(crate) mod schema;
