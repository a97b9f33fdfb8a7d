//! Signaling sockets. An HTTP upgrade opens each of them, and one task serves it.

mod connection;
mod silence;
pub(crate) mod upgrade;
mod violation;
mod writer;
