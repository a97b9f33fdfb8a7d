//! Signaling sockets. An HTTP upgrade opens each of them, and one task serves it.

pub(crate) mod connection;
pub(crate) mod upgrade;
pub(crate) mod violation;
