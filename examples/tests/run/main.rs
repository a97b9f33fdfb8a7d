//! Runs the examples as a reader would and checks their output.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "modules of one program")]

mod bots;
mod program;
mod servers;
mod webhooks;
