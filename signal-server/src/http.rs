//! The HTTP API: what goes for every request, and the handlers.

pub(crate) mod authentication;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod error_responses;
pub(crate) mod language;
pub(crate) mod layers;
pub(crate) mod path;
pub(crate) mod probes;
pub(crate) mod response;
pub(crate) mod rooms;
pub(crate) mod schema;
