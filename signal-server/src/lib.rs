//! WebRTC room signaling over HTTP and WebSocket, as a standalone server or nested in your
//! application.
//!
//! [`signal_core`] implements the rules of rooms. This crate adds sockets, a clock, tokens and TURN
//! credentials.
//!
//! ```
//! use std::time::Duration;
//! use signal_server::{Secret, Server};
//! use tokio::net::TcpListener;
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let server = Server::builder(Secret::new("the secret that your login signs access tokens with"))
//!     .turn(Secret::new("coturn's static-auth-secret"), ["turn:turn.example.com:3478".to_owned()])
//!     .build();
//!
//! // Either nest the routes in your own application …
//! let application = axum::Router::new().merge(server.router());
//!
//! // … or let the server serve them, until a signal of your choosing.
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! server.serve(listener, tokio::time::sleep(Duration::from_millis(10))).await;
//! # drop(application);
//! # Ok(())
//! # }
//! ```
//!
//! # In your own application
//!
//! [`Server::router`] returns the routes of the API and leaves every other path to the application.
//! [`Server::handle`] returns a [`ServerHandle`], with which your code creates, lists and closes
//! rooms, removes participants and [drains](ServerHandle::drain) the server:
//!
//! ```
//! use std::net::SocketAddr;
//! use axum::extract::State;
//! use axum::routing::get;
//! use signal_server::{RoomDetails, Secret, Server, ServerHandle};
//! use tokio::net::TcpListener;
//!
//! async fn rooms(State(server): State<ServerHandle>) -> String {
//!     let line = |room: &RoomDetails| format!("{}: {}\n", room.id, room.participants.len());
//!     server.rooms().iter().map(line).collect()
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let secret = Secret::new("the secret that your login signs access tokens with");
//! let server = Server::builder(secret).build();
//! let application = axum::Router::new()
//!     .route("/admin", get(rooms))
//!     .with_state(server.handle())
//!     // Clients use https://example.com/calls as the address of their server.
//!     .nest("/calls", server.router());
//!
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let (handle, stop) = (server.handle(), async { /* until Ctrl-C, say */ });
//! // Some limits count clients by their address.
//! axum::serve(listener, application.into_make_service_with_connect_info::<SocketAddr>())
//!     .with_graceful_shutdown(async move {
//!         stop.await;
//!         handle.drain().await;
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! An application can replace four parts by implementing a trait: [the login](Authenticate), [who
//! may join a room](Admit), [the choice of ICE servers](IceServerSource), and [the store of
//! rooms](RoomStore). Open rooms continue even if that code fails, hangs or panics.
//!
//! What clients send and receive over HTTP and WebSocket is described in [`api`].
#![forbid(unsafe_code)]

#[cfg(doc)]
#[doc = include_str!("../api.md")]
pub mod api {}
mod app;
mod auth;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod client_address;
mod clock;
#[cfg(feature = "documents")]
mod documents;
mod embedder;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod http;
mod ice;
mod limits;
mod listener;
mod metrics;
#[cfg(feature = "page")]
mod page;
mod permissions;
mod rooms;
mod server;
mod shard;
mod socket;
mod store;
mod supervision;
pub mod testing;
mod webhooks;

pub use async_trait::async_trait;
pub use auth::admin_key::{AdminKey, InvalidAdminKey};
pub use auth::login::{Authenticate, Login, LoginRequest, User};
#[cfg(feature = "jwks")]
pub use auth::login::{InvalidJwks, InvalidKey};
pub use auth::origin::Origins;
pub use auth::secret::Secret;
pub use auth::token_error::TokenError;
#[doc(no_inline)]
pub use axum;
pub use client_address::ForwardedHeader;
pub use ice::source::{IceRequest, IceServerSource, IceServers};
#[doc(no_inline)]
pub use ipnet;
pub use limits::Limits;
#[cfg(feature = "tls")]
pub use listener::tls::{InvalidCertificate, Tls};
pub use metrics::Counts;
#[cfg(feature = "page")]
pub use page::Page;
#[cfg(feature = "page")]
pub use page::login_url::{InvalidLoginUrl, LoginUrl};
pub use rooms::admit::{Admit, JoinDecision, JoinRequest};
pub use rooms::creation::CreateRoomError;
pub use rooms::credentials::{InvalidPassword, PasswordChoice, RoomCredentials, RoomPassword};
pub use rooms::lifetime::{InvalidLifetime, Lifetime};
pub use rooms::mint::MintToken;
pub use rooms::public_url::{InvalidPublicUrl, PublicUrl};
pub use server::Server;
pub use server::builder::Builder;
pub use server::handle::{
    CreateRoom, CreatedRoom, KickError, MintError, MintedToken, ParticipantSummary, ResizeError,
    RestoreError, RoomDetails, RoomNotFound, RotateError, SendError, ServerHandle,
    SetLifetimeError, SetParticipantError,
};
pub use shard::events::{EventsLost, RoomEvents};
pub use shard::inbox::MessagesToHost;
#[doc(no_inline)]
pub use signal_core;
pub use signal_core::ice::IceServer;
pub use signal_core::message::{HostMessage, HostMessageRefusal, MessageToHost, Payload, Topic};
pub use signal_core::room::event::{RoomEvent, RoomEventKind};
pub use signal_core::room::{Capacity, InvalidCapacity, OnCreatorLeave};
pub use signal_core::{DisplayName, InvalidName, Language, ParticipantId, Permissions, RoomId};
#[cfg(feature = "store")]
pub use store::DataDirError;
pub use store::{QueueWrite, QueuedEvent, RoomStore, RoomWrite, StoreError, StoredRoom};
#[doc(no_inline)]
pub use tokio;
#[cfg(feature = "webhooks")]
pub use webhooks::{InvalidWebhooks, WebhookEvent, Webhooks};
