//! Signaling sockets: opened by an HTTP upgrade, served by one task each.

pub(crate) mod connection;
pub(crate) mod upgrade;
pub(crate) mod violation;
