//! Sans-IO signaling engine for WebRTC rooms: who is in a room, who may offer, who gets which
//! message.
//!
//! The crate opens no socket, reads no clock, draws no random number and takes no lock. A host,
//! which is the program that uses the crate, does these things and drives it. The host may be async
//! or not, and may use WebSockets or anything else that carries frames.
//!
//! - An [`Engine`] is a whole server of one node, without its sockets. Start here.
//! - A [`Room`](room::Room) is a plain record with the rules of one room. Only an [`Op`](room::Op)
//!   changes it.
//! - A [`Hub`](hub::Hub) and a [store](store::MemoryStore) are the two parts of an engine: the
//!   connections of one node, and the newest record of each room. Use them directly for a cluster.
//! - [`wire`] is the JSON form of the messages, in both directions.
//!
//! The root has the engine and what its loop takes and returns. Each module has the items for its
//! subject:
//!
//! | module | for |
//! |---|---|
//! | [`room`] | creating and changing rooms, and reading their records |
//! | [`room::event`] | billing, logs, presence |
//! | [`identity`] | users and their attributes |
//! | [`message`] | messages of a host, and clients of the protocol |
//! | [`ice`] | lists of STUN and TURN servers |
//! | [`config`] | limits |
//! | [`typed`] | room ids and passwords that people type |
//! | [`hub`], [`store`] | clusters |
//! | [`wire`] | clients, tests and tools that read or write JSON |
//!
//! The [`guide`] has a page for each part that a host provides: [transport](guide::transport),
//! [heartbeats](guide::heartbeats), [store](guide::store), [threads](guide::shards), [several
//! nodes](guide::nodes).
//!
//! # Driving an engine
//!
//! ```
//! use std::time::Duration;
//! use signal_core::room::{Grant, PasswordTag, RoomSpec};
//! use signal_core::{ConnId, DisplayName, Engine, NewConnection, Randomness, Timestamp, Transmit};
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
//! [`resume_grace`](config::HubConfig::resume_grace), and the messages to it are kept for a replay
//! of limited length. The participant comes back with [`NewConnection::resume`] and gets what it
//! missed. If some of that is no longer kept, it gets a snapshot of the current state instead.
//!
//! # Many nodes
//!
//! Each process has a [`Hub`](hub::Hub) of its own, and all share a store. A hub asks for the
//! records of a room with [`Output::Watch`](hub::Output::Watch) and gets them as
//! [`Input::Record`](hub::Input::Record). A lost notification only delays what participants learn,
//! since the next record contains the same. Messages to participants of other nodes come out as
//! [`Output::ToNode`](hub::Output::ToNode). When a process dies, another one has to
//! [detach](room::Op::Detach) each [`Attachment`](room::Attachment) of the dead process that a
//! record names. Rooms, operations and frames have a byte form, in which they travel between
//! processes: see [the guide](guide::nodes).
//!
//! # Errors and panics
//!
//! A participant that does something wrong gets an `error` message, and the host does not learn of
//! it. A [`Room`](room::Room) refuses an operation with a [`Reject`](room::Reject). Nothing that a
//! participant or a host hands in makes this crate panic; a panic is a bug.
//!
//! # Bounds
//!
//! [`HubConfig`](config::HubConfig) limits what a connection may make the hub hold. For each room
//! the hub holds at most one negotiation for each pair of participants, and one replay for each
//! participant. A store holds each room until a day after its end.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::iter_over_hash_type)]

mod capacity;
mod client;
mod close_code;
mod codec;
pub mod config;
mod deadlines;
mod engine;
mod entry;
mod error;
pub mod guide;
pub mod hub;
pub mod ice;
pub mod identity;
mod ids;
mod language;
pub mod message;
mod name;
mod payload;
mod permissions;
mod protocol;
mod reason;
pub mod room;
pub mod store;
mod time;
mod token;
pub mod typed;
mod unicode;
pub mod wire;
mod wording;

#[doc(no_inline)]
pub use bytes;
pub use client::{AddressTag, Client};
pub use close_code::CloseCode;
pub use codec::InvalidBytes;
pub use engine::{
    CreateError, Engine, EngineConfig, Event, NewConnection, Question, QuestionId, Save, Transmit,
};
pub use entry::{Entry, Randomness};
pub use error::ErrorCode;
pub use ids::{ConnId, InvalidId, ParticipantId, RoomId};
pub use language::Language;
pub use name::{DisplayName, InvalidName};
pub use permissions::Permissions;
pub use protocol::ProtocolVersion;
#[doc(no_inline)]
pub use serde;
pub use time::Timestamp;
