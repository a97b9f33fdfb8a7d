//! Two nodes and a store whose answers the test controls.

mod floods;
mod host_messages;
mod moving;
mod support;
mod undelivered;
mod updates;
mod waiting;
