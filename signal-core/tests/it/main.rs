//! The crate as its users see it. One program, so that the crate is linked once; the simulator in
//! `tests/sim` is another, since it is built anew for each mutant.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "modules of one program")]

mod application;
mod budgets;
mod bytes;
mod common;
mod conformance;
mod corpus;
mod engine;
mod events;
mod glare;
mod golden;
mod host;
mod host_messages;
mod identity;
mod interleavings;
mod limits;
mod membership;
mod nodes;
mod permissions;
mod purity;
mod refusals;
mod relay;
mod resume;
mod room;
mod room_model;
mod slow_readers;
mod store;
mod wire;
