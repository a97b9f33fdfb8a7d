//! The TCP connections of a listener.

pub(crate) mod accept;
pub(crate) mod connection;
pub(crate) mod gate;
mod head;
mod line_ends;
pub(crate) mod linger;
#[cfg(feature = "cli")]
pub(crate) mod operators;
pub(crate) mod permit;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod traffic;
pub(crate) mod transport;
#[cfg(feature = "tls")]
mod validity;
