//! The participants of a run: what they do, and what they share.

pub(crate) mod deliveries;
pub(crate) mod media;
pub(crate) mod numbered_text;
pub(crate) mod schedule;
pub(crate) mod signaling;
pub(crate) mod visits;
pub(crate) mod world;
