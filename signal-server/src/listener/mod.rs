//! The TCP connections of a listener.

pub(crate) mod accept;
mod connection;
pub(crate) mod gate;
mod line_ends;
pub(crate) mod linger;
#[cfg(feature = "cli")]
pub(crate) mod operators;
pub(crate) mod permit;
pub(crate) mod traffic;
