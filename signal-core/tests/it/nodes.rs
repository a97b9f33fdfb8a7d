//! Two nodes and a store that answers when the test says so.

mod floods;
mod host_messages;
mod moving;
mod support;
mod undelivered;
mod updates;
mod waiting;
