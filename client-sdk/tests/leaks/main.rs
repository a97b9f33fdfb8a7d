//! Tests that count the tasks, sockets and memory of their process. They have a program of their
//! own, and within it they run one after the other: whatever else the process does would be counted
//! too.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "modules of one program")]

mod channels;
#[path = "../common/mod.rs"]
mod common;
mod holdings;
mod leftovers;
mod soak;

use tokio::sync::Mutex;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::const_new(());
