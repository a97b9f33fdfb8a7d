//! What a room needs beside the rules of the core: an owner, credentials, a lifetime, and a place where people join.

pub(crate) mod access;
pub(crate) mod creation;
pub(crate) mod credentials;
pub(crate) mod lifetime;
pub(crate) mod names;
pub(crate) mod public_url;
pub(crate) mod service;
