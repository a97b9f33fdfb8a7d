//! Tests that count the tasks, sockets and memory of their process. They are a separate program and
//! run one after the other, since all other work of the process would be counted too.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "modules of one program")]

mod channels;
#[path = "../common/mod.rs"]
mod common;
mod holdings;
mod leftovers;
mod soak;
mod tracks;

use tokio::sync::Mutex;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::const_new(());
