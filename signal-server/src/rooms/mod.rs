//! The parts of a room that the core does not have: its creator, credentials, lifetime and link.

pub(crate) mod access;
pub(crate) mod admit;
pub(crate) mod creation;
pub(crate) mod credentials;
pub(crate) mod lifetime;
pub(crate) mod mint;
pub(crate) mod names;
pub(crate) mod public_url;
pub(crate) mod service;
