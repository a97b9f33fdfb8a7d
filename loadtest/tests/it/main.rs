//! Runs the program as its user would.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "modules of one program")]

mod agents;
mod capacity;
mod cli;
mod common;
mod compare;
#[allow(dead_code, reason = "the tests of client-sdk use more of it")]
#[path = "../../../client-sdk/tests/common/coturn.rs"]
mod coturn;
mod media;
mod networks;
mod outages;
mod record;
mod restarts;
mod server;
mod signaling;
mod verdict;
