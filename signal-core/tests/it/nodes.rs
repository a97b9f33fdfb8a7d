//! Two nodes and a store whose answers the test controls.

mod floods;
mod host_messages;
mod moving;
mod reused_ids;
mod support;
mod undelivered;
mod updates;
mod waiting;
