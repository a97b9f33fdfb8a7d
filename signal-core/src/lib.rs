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
//!    [`Input::Committed`]; with a [`MemoryStore`] at once, with a slower store whenever its answer comes, and
//!    [`Input::Uncommitted`] if none does. Then go on draining.
//! 4. Read [`Hub::poll_timeout`] and [`MemoryStore::poll_timeout`] anew: any input may have moved them.
//!
//! ```
//! use bytes::Bytes;
//! use signal_core::{
//!     Admission, Capacity, ConnId, ProtocolVersion, DisplayName, Entry, Randomness, Grant, Hub, HubConfig, IdSuffix, Input,
//!     Language, MemoryStore, RoomSpec, NodeId, OnCreatorLeave, Op, Output, PasswordTag, Receipt, ResumeToken, Room,
//!     RoomId, Ticket, Timestamp, TokenHash,
//! };
//!
//! /// Steps 2 and 3: does everything the hub asks for; `sent` stands for the sockets.
//! fn drain(hub: &mut Hub, store: &mut MemoryStore, sent: &mut Vec<(ConnId, Bytes)>, now: Timestamp) {
//!     while let Some(output) = hub.poll_output() {
//!         match output {
//!             Output::Broadcast { to, except, frame } => {
//!                 let to = to.iter().filter(|conn| Some(**conn) != except);
//!                 sent.extend(to.map(|conn| (*conn, frame.clone())));
//!             }
//!             Output::Close { conn, code } => println!("close {conn:?} with {}", code.as_u16()),
//!             Output::Commit { op, room, change } => {
//!                 let applied = store.apply(room, &change, now);
//!                 hub.handle_input(Input::Committed { op, applied }, now);
//!             }
//!             Output::Frame { to, frame } => sent.push((to, frame)),
//!             // A store that others write to as well would tell this node about their changes.
//!             Output::Watch(_) | Output::Unwatch(_) => {}
//!             // With one node and tokens checked before, nothing else comes, but for `get_ice_servers`.
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
//! store.create(Room::create(RoomSpec {
//!     id,
//!     epoch: 1,
//!     name: "小明的房间".into(),
//!     creator: "user-17".into(),
//!     password,
//!     invite: TokenHash::new([2; 32]), // a hash of the invite token
//!     capacity: Capacity::default(),
//!     created_at: now,
//!     expires_at: Timestamp::from_millis(now.as_millis() + 7_200_000),
//!     on_creator_leave: OnCreatorLeave::default(),
//!     suffix: IdSuffix::new(99),
//! }))?;
//!
//! // … a guest joins with the password …
//! let admit = Op::Admit { by: Admission::Password(password), suffix: IdSuffix::new(5) };
//! let Receipt::Entered { id: guest } = store.apply(id, &admit, now).reply? else { unreachable!() };
//!
//! // … and both connect.
//! for (conn, ticket, name) in [(ConnId(1), Ticket::Creator, "小明"), (ConnId(2), Ticket::Guest(guest), "小红")] {
//!     let name = DisplayName::parse(name)?.expect("not empty");
//!     let entry = Entry::Attach { grant: Grant { ticket, password_epoch: 0 }, name, ice: None };
//!     let resume_token = ResumeToken::new("256 random bits", TokenHash::new([3; 32]));
//!     let fresh = Randomness { suffix: IdSuffix::new(7), resume_token };
//!     let (protocol version, language) = (ProtocolVersion::V1, Language::Zh);
//!     hub.handle_input(Input::Open { conn, room: id, protocol version, language, entry, fresh }, now);
//!     drain(&mut hub, &mut store, &mut sent, now);
//! }
//!
//! // The creator was told that it has joined, then that the guest has; the guest that it has joined.
//! let receivers: Vec<u64> = sent.iter().map(|(conn, _)| conn.0).collect();
//! assert_eq!(receivers, [1, 1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who may enter
//!
//! Whoever opens a connection either hands in a verified [`Entry`] or leaves the decision open with [`Entry::Ask`]. Then
//! the hub asks with [`Output::Authorize`] and keeps what the participant sends meanwhile. The host answers when it
//! can, from any database, with or without async: [`Input::Authorized`].
//!
//! # Losing a socket
//!
//! The seat of a v1 participant ends with its socket. The seat of a v2 participant is kept for
//! [`HubConfig::resume_grace`]; what is sent to it goes into a replay of limited length. It comes back with
//! [`Entry::Resume`] and gets either what it missed or, where that is gone, a snapshot of how things stand.
//!
//! # Many nodes
//!
//! Each process has a hub of its own, all share a store. Records of rooms reach every hub that has asked for them with
//! [`Output::Watch`], as [`Input::Record`]. A notification that is lost delays what participants learn, and nothing
//! else: the next record tells the same. Messages to participants of other nodes come out as [`Output::ToNode`].
//! Rooms whose records name the [`Attachment`]s of a process that has died need somebody to [detach](Op::Detach) them.
//!
//! # Errors and panics
//!
//! What a participant does wrong goes back to it as an `error` message, so [`Hub::handle_input`] returns
//! nothing. What a host asks of a [`Room`] is refused with a [`Reject`]. Nothing a participant or host hands in
//! makes this crate panic; a panic is a bug in it.
//!
//! # Bounds
//!
//! [`HubConfig`] limits what a connection may make the hub hold. Per room the hub holds at most one negotiation per
//! pair of participants, and one replay per participant; a store holds each room until a day after its end.
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
mod protocol;
mod record;
mod room;
mod store;
mod time;
mod token;
pub mod wire;

pub use config::{HubConfig, RateLimit, ReplayLimit};
pub use error::ErrorCode;
pub use hub::{
    CloseCode, Disconnect, Entry, Hub, Input, NodeBody, NodeFrame, Output, Randomness, SeatRef,
};
pub use ids::{
    Attachment, ConnId, IdSuffix, InvalidId, NodeId, OpId, ParticipantId, RoomId, Ticket,
};
pub use language::Language;
pub use message::{
    Audience, ClientMessage, IceServers, InvalidText, Missed, ParticipantInfo, Payload, PeerUpdate,
    Request, RequestId, Resumed, RoomInfo, ServerMessage, Signal, SignalKind, Topic, Welcome,
};
pub use name::{DisplayName, InvalidName};
pub use protocol::ProtocolVersion;
pub use record::InvalidRecord;
pub use room::{
    Admission, Capacity, Change, CloseReason, Grant, InvalidCapacity, LeaveKind, LeaveReason,
    OnCreatorLeave, Op, Presence, Receipt, Reject, Room, RoomSpec, Rotation, Seat, Status,
};
pub use store::{Applied, MemoryStore, RoomIdTaken};
pub use time::Timestamp;
pub use token::{PasswordTag, ResumeToken, TokenHash};
