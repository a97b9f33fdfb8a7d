//! Sans-IO signaling engine for WebRTC rooms: who is in a room, who may offer, who gets which message.
//!
//! The crate opens no socket, reads no clock, draws no random number and takes no lock. A host of your own
//! choosing (async or not, WebSocket or anything that carries frames) does these things and drives it:
//!
//! - A [`Room`] is a plain record with the rules of one room. It changes by [`Op`]s only.
//! - A store keeps the newest record of each room and applies operations to it. [`MemoryStore`] is all that a
//!   single node needs.
//! - A [`Hub`] knows the connections of this node. Frames go in, frames come out, and where a room has to
//!   change it asks for a commit. Who joined and who left it learns from the records alone, so one node and
//!   many run the same code.
//! - [`wire`] is the JSON form of the messages, in both directions.
//!
//! # Driving a hub
//!
//! Put one thing in, then drain:
//!
//! 1. Call [`Hub::handle_input`], or [`Hub::handle_timeout`] when the time of [`Hub::poll_timeout`] has come.
//! 2. Call [`Hub::poll_output`] until it gives `None`, and do what each output says, in this order.
//! 3. For an [`Output::Commit`], have the store apply the operation and hand the result in as
//!    [`Input::Committed`]; with a [`MemoryStore`] at once, with a slower store whenever its answer comes.
//!    Then go on draining.
//! 4. Read [`Hub::poll_timeout`] and [`MemoryStore::poll_timeout`] anew: any input may have moved them.
//!
//! ```
//! use bytes::Bytes;
//! use signal_core::{
//!     Capacity, ConnId, DisplayName, Hub, HubConfig, IdSuffix, Input, Language, MemoryStore, NewRoom, NodeId,
//!     Op, Output, PasswordTag, Receipt, Room, RoomId, Ticket, Timestamp,
//! };
//!
//! /// Steps 2 and 3: does everything the hub asks for; `sent` stands for the sockets.
//! fn drain(hub: &mut Hub, store: &mut MemoryStore, sent: &mut Vec<(ConnId, Bytes)>, now: Timestamp) {
//!     while let Some(output) = hub.poll_output() {
//!         match output {
//!             Output::Broadcast { to, frame } => sent.extend(to.iter().map(|conn| (*conn, frame.clone()))),
//!             Output::Close { conn, code } => println!("close {conn:?} with {}", code.as_u16()),
//!             Output::Commit { op, room, change } => {
//!                 let applied = store.apply(room, &change, now);
//!                 hub.handle_input(Input::Committed { op, applied }, now);
//!             }
//!             Output::Frame { to, frame } => sent.push((to, frame)),
//!             // A store that others write to as well would tell this node about their changes.
//!             Output::Watch(_) | Output::Unwatch(_) => {}
//!             _ => {}
//!         }
//!     }
//! }
//!
//! let now = Timestamp::from_millis(1_764_943_200_000); // from your clock
//! let (mut hub, mut store, mut sent) = (Hub::new(NodeId(1), HubConfig::default()), MemoryStore::new(), vec![]);
//!
//! // Somebody creates a room …
//! let id = RoomId::from_indices([7, 8, 9, 0, 1, 2]); // from your random numbers
//! let password = PasswordTag::new([1; 32]); // a keyed MAC of the password
//! store.create(Room::create(NewRoom {
//!     id,
//!     epoch: 1,
//!     name: "小明的房间".into(),
//!     creator: "user-17".into(),
//!     password,
//!     capacity: Capacity::default(),
//!     expires_at: Timestamp::from_millis(now.as_millis() + 7_200_000),
//!     suffix: IdSuffix::new(99),
//! }))?;
//!
//! // … a guest joins with the password …
//! let admit = Op::Admit { password, suffix: IdSuffix::new(5) };
//! let Receipt::Entered { id: guest } = store.apply(id, &admit, now).reply? else { unreachable!() };
//!
//! // … and both connect.
//! for (conn, ticket, name) in [(ConnId(1), Ticket::Creator, "小明"), (ConnId(2), Ticket::Guest(guest), "小红")] {
//!     let name = DisplayName::parse(name)?.expect("not empty");
//!     let open =
//!         Input::Open { conn, room: id, ticket, name, language: Language::Zh, suffix: IdSuffix::new(7) };
//!     hub.handle_input(open, now);
//!     drain(&mut hub, &mut store, &mut sent, now);
//! }
//!
//! // The creator was told that it has joined, then that the guest has; the guest that it has joined.
//! let receivers: Vec<u64> = sent.iter().map(|(conn, _)| conn.0).collect();
//! assert_eq!(receivers, [1, 1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors and panics
//!
//! What a participant does wrong goes back to it as an `error` message, so [`Hub::handle_input`] returns
//! nothing. What a host asks of a [`Room`] is refused with a [`Reject`]. Nothing a participant or host hands in
//! makes this crate panic; a panic is a bug in it.
//!
//! # Bounds
//!
//! [`HubConfig`] limits what a connection may make the hub hold. Per room the hub holds at most one
//! negotiation per pair of participants; a store holds each room until a day after its end.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::iter_over_hash_type)]

mod config;
mod deadlines;
mod error;
mod hub;
mod ids;
mod language;
mod message;
mod name;
mod password;
mod room;
mod store;

mod time;
pub mod wire;

pub use config::HubConfig;
pub use error::ErrorCode;
pub use hub::{CloseCode, Hub, Input, Output};
pub use ids::{ConnId, IdSuffix, InvalidId, Link, NodeId, OpId, ParticipantId, RoomId, Ticket};
pub use language::Language;
pub use message::{ClientMessage, Participant, Payload, ServerMessage, Signal, SignalKind};
pub use name::{DisplayName, InvalidName};
pub use password::PasswordTag;
pub use room::{
    Capacity, CloseReason, InvalidCapacity, NewRoom, Op, Presence, Receipt, Reject, Room, Seat, Status,
};
pub use store::{Applied, MemoryStore, RoomIdTaken};

pub use time::Timestamp;
