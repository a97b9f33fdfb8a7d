//! Sans-IO signaling engine for WebRTC rooms: who is in a room, who may offer, who gets which
//! message.
//!
//! The crate opens no socket, reads no clock, draws no random number and takes no lock. A host does
//! these things and drives the crate. It may be async or not, and use WebSockets or anything else
//! that carries frames.
//!
//! - An [`Engine`] is a whole server of one node, without its sockets. Start here.
//! - A [`Room`] is a plain record with the rules of one room. Only an [`Op`] changes it.
//! - A [`Hub`] and a store are the two parts of an engine: the connections of one node, and the
//!   newest record of each room. Use them directly for a cluster.
//! - [`wire`] is the JSON form of the messages, in both directions.
//!
//! # Driving an engine
//!
//! ```
//! use std::time::Duration;
//! use signal_core::{
//!     ConnId, DisplayName, Engine, Grant, NewConnection, PasswordTag, Randomness, RoomSpec, Timestamp,
//!     Transmit,
//! };
//!
//! /// What a host does whenever a socket can be written to. `sent` stands for the sockets.
//! fn transmit(engine: &mut Engine, sent: &mut Vec<(ConnId, String)>, now: Timestamp) {
//!     while let Some(conn) = engine.poll_ready() {
//!         while let Some(transmit) = engine.poll_transmit(conn, now) {
//!             match transmit {
//!                 Transmit::Frame(frame) => {
//!                     sent.push((conn, String::from_utf8_lossy(&frame).into_owned()));
//!                 }
//!                 Transmit::Ping => println!("{conn:?} has to show that it is alive"),
//!                 Transmit::Close(code) => println!("close {conn:?} with {}", code.as_u16()),
//!             }
//!         }
//!     }
//! }
//!
//! let now = Timestamp::from_millis(1_764_943_200_000); // from your clock
//! let random = [7; 36]; // from your random numbers, others for each connection
//! let hash = |token: &str| [token.len() as u8; 32]; // SHA-256, for example
//! let (mut engine, mut sent) = (Engine::new(99), vec![]); // a random number
//!
//! // Somebody creates a room …
//! let password = PasswordTag::new([1; 32]); // a keyed MAC of the password
//! let lifetime = Duration::from_secs(7200);
//! let mut spec = RoomSpec::draw([7; 50], password, now, lifetime); // of random bytes
//! spec.name = "小明的房间".into();
//! let room = engine.create(spec)?.id();
//!
//! // … a guest joins with the password …
//! let guest = engine.admit(room, password, None, 5, now)?; // a random number
//!
//! // … both connect …
//! let mut conns = vec![];
//! for (grant, name) in [(Grant::creator(), "小明"), (guest, "小红")] {
//!     let name = DisplayName::parse(name)?.expect("not empty");
//!     let opening = NewConnection::attach(room, grant, name, Randomness::draw(random, hash));
//!     conns.push(engine.handle_open(opening, now));
//!     transmit(&mut engine, &mut sent, now);
//! }
//!
//! // … and the creator sends the guest an offer.
//! let record = engine.room(room).expect("it is open");
//! let to = record.seats()[1].id;
//! let offer = format!(r#"{{"type":"offer","to":"{to}","sdp":"v=0"}}"#);
//! engine.handle_frame(conns[0], &offer.into(), now);
//! transmit(&mut engine, &mut sent, now);
//!
//! // The creator was sent `joined` and `peer_joined`, the guest `joined` and the offer.
//! let types: Vec<&str> = sent.iter().map(|(_, frame)| frame.split('"').nth(3).unwrap()).collect();
//! assert_eq!(types, ["joined", "peer_joined", "joined", "offer"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who may enter
//!
//! A host opens a connection with a grant that it has verified ([`NewConnection::attach`]), or
//! without one if it has not verified it yet ([`NewConnection::ask`]). In that case the engine asks
//! with [`Question::Entry`] and holds back what the participant sends. The host looks the
//! participant up, and answers with [`Engine::handle_entry`].
//!
//! # Losing a socket
//!
//! The seat of a v1 participant ends with its socket. The seat of a v2 participant is kept for
//! [`HubConfig::resume_grace`], and the messages to it are kept for a replay of limited length. The
//! participant comes back with [`NewConnection::resume`] and gets what it missed. If some of that
//! is no longer kept, it gets a snapshot of the current state instead.
//!
//! # Many nodes
//!
//! Each process has a [`Hub`] of its own, and all share a store. A hub asks for the records of a
//! room with [`Output::Watch`] and gets them as [`Input::Record`]. A lost notification only delays
//! what participants learn, since the next record contains the same. Messages to participants of
//! other nodes come out as [`Output::ToNode`]. When a process dies, another one has to
//! [detach](Op::Detach) the [`Attachment`]s of it that records name.
//!
//! # Errors and panics
//!
//! A participant gets an `error` message for what it does wrong, so the host is not told. A
//! [`Room`] refuses an operation with a [`Reject`]. Nothing that a participant or a host hands in
//! makes this crate panic; a panic is a bug.
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
mod engine;
mod error;
mod hub;
mod ice_server;
mod ice_url;
mod identity;
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
pub use engine::{
    Engine, EngineConfig, Event, NewConnection, Question, QuestionId, Save, Transmit,
};
pub use error::ErrorCode;
pub use hub::{
    ClientFrame, CloseCode, Disconnect, Entry, FrameDecoder, HostMessage, HostMessageRefusal, Hub,
    Input, MessageToHost, NodeBody, NodeFrame, NodeReceiver, NodeSender, Output, Randomness,
    SeatRef,
};
pub use ice_server::IceServer;
pub use ice_url::{IceScheme, IceTransport, IceUrl, InvalidIceUrl};
pub use identity::{Attributes, Identity, InvalidIdentity, UserId};
pub use ids::{
    Attachment, ConnId, IdSuffix, InvalidId, NodeId, OpId, ParticipantId, RoomId, Ticket, TicketTag,
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
    Admission, Capacity, Change, ChangedSettings, Durability, EventKey, EventLeaveReason,
    EventParticipant, Grant, InvalidCapacity, LeaveKind, OnCreatorLeave, Op, Outcome, Presence,
    Receipt, Reject, Room, RoomEvent, RoomEventKind, RoomSpec, Rotation, Seat, Status,
};
pub use store::{Applied, MemoryStore, RoomIdTaken};
pub use time::Timestamp;
pub use token::{PasswordTag, ResumeToken, TokenHash};
pub use typed::{parse_password, parse_room_id};
