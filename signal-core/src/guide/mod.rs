//! The guide for hosts: one page for each part that a host provides.

#[doc = include_str!("heartbeats.md")]
pub mod heartbeats {}

#[doc = include_str!("nodes.md")]
pub mod nodes {}

#[doc = include_str!("shards.md")]
pub mod shards {}

#[doc = include_str!("store.md")]
pub mod store {}

#[doc = include_str!("transport.md")]
pub mod transport {}
