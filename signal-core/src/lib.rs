//! Sans-IO signaling engine for WebRTC rooms: who is in a room, who may offer, who gets which
//! message.
//!
//! The crate opens no socket, reads no clock, draws no random number and takes no lock. A host does
//! these things and drives the crate. It may be async or not, and use WebSockets or anything else
//! that carries frames.
//!
//! - A [`Room`] is a plain record with the rules of one room. It changes by an [`Op`] only.
//! - A store holds the newest record of each room and applies operations to it. [`MemoryStore`] is
//!   all that a single node needs.
//! - A [`Hub`] routes messages between the connections of one node. It asks the store for
//!   operations, and learns from the records alone who joined and who left, so one node and many
//!   run the same code.
//! - [`wire`] is the JSON form of the messages, in both directions.
//!
//! # Driving a hub
//!
//! Put one thing in, then drain:
//!
//! 1. Call [`Hub::handle_input`], or [`Hub::handle_timeout`] at the time of [`Hub::poll_timeout`].
//! 2. Call [`Hub::poll_output`] until it returns `None`, and do what each output says, in this
//!    order.
//! 3. For an [`Output::Commit`], have the store apply the operation, and hand the result in as
//!    [`Input::Committed`]: at once with a [`MemoryStore`], and whenever the answer comes with a
//!    slower store. If no answer comes, hand in [`Input::Uncommitted`]. Then go on draining.
//! 4. Read [`Hub::poll_timeout`] and [`MemoryStore::poll_timeout`] again: any input may have
//!    changed them.
//!
//! A frame is decoded before it is handed in, by a [`FrameDecoder`] of the connection's protocol
//! version. Decoding needs nothing of the hub's state, so a host may do it outside its lock.
//!
//! ```
//! use bytes::Bytes;
//! use signal_core::{
//!     Admission, Capacity, ConnId, DisplayName, Entry, Grant, Hub, HubConfig, IdSuffix, Input,
//!     Language, MemoryStore, NodeId, OnCreatorLeave, Op, Output, PasswordTag, ProtocolVersion,
//!     Randomness, Receipt, ResumeToken, Room, RoomId, RoomSpec, Ticket, Timestamp, TokenHash,
//! };
//!
//! /// Steps 2 and 3: does everything that the hub asks for. `sent` stands for the sockets.
//! fn drain(
//!     hub: &mut Hub,
//!     store: &mut MemoryStore,
//!     sent: &mut Vec<(ConnId, Bytes)>,
//!     now: Timestamp,
//! ) {
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
//!             // A v2 participant wants new TURN credentials: answer with `Input::IceServers`.
//!             Output::IceServersWanted { .. } => unimplemented!("v2 is not served here"),
//!             // For metrics: a message was dropped because its sender is over its rate.
//!             Output::OverRate { .. } => {}
//!             // Nobody but this hub writes to the store, so there are no records to hand in.
//!             Output::Watch(_) | Output::Unwatch(_) => {}
//!             // Every entry is verified before it is handed in, and there is one node.
//!             Output::Authorize { .. } | Output::ToNode { .. } => unreachable!("{output:?}"),
//!             other => unimplemented!("an output of a newer version: {other:?}"),
//!         }
//!     }
//! }
//!
//! let now = Timestamp::from_millis(1_764_943_200_000); // from your clock
//! let mut hub = Hub::new(NodeId(1), HubConfig::default());
//! let (mut store, mut sent) = (MemoryStore::new(), vec![]);
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
//! let by = Admission::Password(password);
//! let admit = Op::Admit { by, client: None, suffix: IdSuffix::new(5) };
//! let Receipt::Entered { id: guest } = store.apply(id, &admit, now).reply? else {
//!     unreachable!("an admission promises an id")
//! };
//!
//! // … both connect …
//! let participants =
//!     [(ConnId(1), Ticket::Creator, "小明"), (ConnId(2), Ticket::Guest(guest), "小红")];
//! for (conn, ticket, name) in participants {
//!     let name = DisplayName::parse(name)?.expect("not empty");
//!     let entry = Entry::Attach { grant: Grant { ticket, password_epoch: 0 }, name, ice: None };
//!     let resume_token = ResumeToken::new("256 random bits", TokenHash::new([3; 32]));
//!     let randomness = Randomness { suffix: IdSuffix::new(7), resume_token };
//!     let (protocol, language) = (ProtocolVersion::V1, Language::Zh);
//!     hub.handle_input(
//!         Input::Open { conn, room: id, protocol, language, entry, randomness, client: None },
//!         now,
//!     );
//!     drain(&mut hub, &mut store, &mut sent, now);
//! }
//!
//! // … and the creator sends the guest an offer.
//! let offer = format!(r#"{{"type":"offer","to":"{guest}","sdp":"v=0"}}"#);
//! let frame = hub.decoder(ProtocolVersion::V1).decode(&offer.into());
//! hub.handle_input(Input::Frame { conn: ConnId(1), frame }, now);
//! drain(&mut hub, &mut store, &mut sent, now);
//!
//! // The creator was sent `joined` and then `peer_joined`, the guest `joined` and then the offer.
//! let receivers: Vec<u64> = sent.iter().map(|(conn, _)| conn.0).collect();
//! assert_eq!(receivers, [1, 1, 2, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who may enter
//!
//! A host opens a connection with an [`Entry`] that it has verified, or with [`Entry::Ask`] if it
//! has not verified it yet. In that case the hub asks with [`Output::Authorize`] and holds back
//! what the participant sends. The host looks the participant up, however long that takes, and
//! answers with [`Input::Authorized`].
//!
//! # Losing a socket
//!
//! The seat of a v1 participant ends with its socket. The seat of a v2 participant is kept for
//! [`HubConfig::resume_grace`], and the messages to it are kept for a replay of limited length. The
//! participant comes back with [`Entry::Resume`] and gets what it missed. If some of that is no
//! longer kept, it gets a snapshot of the current state instead.
//!
//! # Many nodes
//!
//! Each process has a hub of its own, and all share a store. A hub asks for the records of a room
//! with [`Output::Watch`] and gets them as [`Input::Record`]. A notification that is lost only
//! delays what participants learn: the next record tells the same. Messages to participants of
//! other nodes come out as [`Output::ToNode`]. When a process dies, somebody has to
//! [detach](Op::Detach) the [`Attachment`]s that records name of it.
//!
//! # Errors and panics
//!
//! A participant gets an `error` message for what it does wrong, so [`Hub::handle_input`] returns
//! nothing. A [`Room`] refuses an operation with a [`Reject`]. Nothing that a participant or a host
//! hands in makes this crate panic; a panic is a bug.
//!
//! # Bounds
//!
//! [`HubConfig`] limits what a connection may make the hub hold. For each room the hub holds at
//! most one negotiation for each pair of participants, and one replay for each participant. A store
//! holds each room until a day after its end.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::iter_over_hash_type)]

mod client;
mod config;
mod deadlines;
mod error;
mod hub;
mod ice_server;
mod ice_url;
mod ids;
mod language;
mod message;
mod name;
mod payload;
mod protocol;
mod reason;
mod record;
mod room;
mod store;
mod time;
mod token;
mod typed;
mod unicode;
pub mod wire;
mod wording;

pub use client::{AddressTag, Client};
pub use config::{FloodLimit, HubConfig, InvalidConfig, OpeningLimit, RateLimit, ReplayLimit};
pub use error::ErrorCode;
pub use hub::{
    ClientFrame, CloseCode, Disconnect, Entry, FrameDecoder, Hub, Input, NodeBody, NodeFrame,
    Output, Randomness, SeatRef,
};
pub use ice_server::IceServer;
pub use ice_url::{IceScheme, IceTransport, IceUrl, InvalidIceUrl};
pub use ids::{
    Attachment, ConnId, IdSuffix, InvalidId, NodeId, OpId, ParticipantId, RoomId, Ticket,
};
pub use language::Language;
pub use message::{
    Audience, ClientMessage, IceServers, InvalidText, Missed, ParticipantInfo, PeerUpdate, Request,
    RequestId, Resumed, RoomInfo, ServerMessage, Signal, SignalKind, Topic, Welcome,
};
pub use name::{DisplayName, InvalidName};
pub use payload::{InvalidPayload, Payload};
pub use protocol::ProtocolVersion;
pub use reason::{CloseReason, LeaveReason};
pub use record::InvalidRecord;
pub use room::{
    Admission, Capacity, Change, Durability, Grant, InvalidCapacity, LeaveKind, OnCreatorLeave, Op,
    Outcome, Presence, Receipt, Reject, Room, RoomSpec, Rotation, Seat, Status,
};
pub use store::{Applied, MemoryStore, RoomIdTaken};
pub use time::Timestamp;
pub use token::{PasswordTag, ResumeToken, TokenHash};
pub use typed::{parse_password, parse_room_id};
