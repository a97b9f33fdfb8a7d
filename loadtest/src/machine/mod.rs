//! The resources of the machines: what the tester and the server use, and their limits.

pub(crate) mod health;
pub(crate) mod open_files;
pub(crate) mod server_metrics;
pub(crate) mod usage;
pub(crate) mod watcher;
