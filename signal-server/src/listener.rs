//! The TCP connections of a listener, from the first byte to the last.

pub(crate) mod accept;
pub(crate) mod linger;
