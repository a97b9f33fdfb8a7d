//! The TCP connections of a listener, from the first byte to the last.

pub(crate) mod accept;
pub(crate) mod gate;
pub(crate) mod linger;
pub(crate) mod permit;
