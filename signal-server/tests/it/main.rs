//! The server as clients, embedders and operators see it. One program, so that the server is linked
//! once.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "modules of one program")]

mod asyncapi;
mod calls;
mod canary;
mod change;
mod closing;
mod common;
mod connections;
mod create;
mod custom_admission;
mod custom_ice_servers;
mod custom_login;
mod document;
mod documentation;
mod drain;
mod durability;
mod faults;
mod guessing;
mod handle;
mod handle_changes;
mod host_messages;
mod http;
mod ice_servers;
mod join;
mod kick;
mod limits;
mod login;
mod management;
mod messages;
mod minted_tokens;
mod nesting;
mod openapi;
mod operation;
mod origins;
mod own_rooms;
mod page;
mod program;
mod room_events;
mod room_store;
mod rooms_command;
mod tls;
mod tokens;
mod turnserver_conf;
mod v2;
