//! A headless participant for WebRTC rooms: creates or joins a room and talks to everybody in it directly.
//!
//! ```no_run
//! use client_sdk::{Client, Event, Options, Source};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("https://rooms.example.com")?;
//! let options = Options::new().audio(Source::Clip).video(Source::File("cat.ivf".into()));
//! let mut bot = client.join("ABC234", "123456", "bot", options).await?;
//! while let Some(event) = bot.next_event().await {
//!     match event {
//!         Event::ParticipantJoined(participant) => println!("hello, {}", participant.name),
//!         Event::Track(mut track) => {
//!             tokio::spawn(async move { while let Some(_packet) = track.recv().await {} });
//!         }
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What it does by itself is told in the [`guide`]: what becomes of [sources that fail](guide::degradation), how
//! [offers and answers](guide::negotiation) find together, what a call [survives](guide::resilience), and the
//! [limits](guide::limits) of the library beneath.
//!
//! # How it works
//!
//! [`Client`] speaks HTTP. A [`Participant`] is the handle of a task that carries out what a [`session::Session`]
//! decides; the session does no IO and can be tested, or driven by another host, on its own. Each connection to
//! another participant is owned by one more task, the only place that knows webrtc-rs. A source of media is read once
//! for all connections.
//!
//! # Data and messages
//!
//! Data goes from participant to participant over data channels: [`Participant::send_data`] over the one that is always
//! there, [`Participant::open_channel`] over others, which may lose or reorder messages if that is wanted. Messages go by
//! way of the server, to one or to all ([`Participant::send_message`]), and so does what a participant says of itself
//! ([`Participant::set_state`]). What waits to be sent is bounded in bytes, and what does
//! not fit is refused with an error.
//!
//! # Limits
//!
//! TURN works over UDP only; servers over TCP or TLS are left out with a warning in the log. Audio is Opus; video is VP8,
//! VP9, AV1 or H.264.
#![forbid(unsafe_code)]

mod channel;
mod client;
mod command;
mod connection;
mod door;
mod driver;
mod error;
mod event;
pub mod guide;
mod ice;
mod invite;
mod media;
mod mesh;
mod options;
mod participant;
mod proxy;
pub mod session;
mod signaling;
mod stats;
mod tls;
mod track;
mod track_source;

pub use async_trait::async_trait;
pub use signal_core::{Audience, ParticipantId, ParticipantInfo};

pub use channel::{DataChannel, DataMessage, Delivery, Reliability};
pub use client::{Client, ClientBuilder, CreatedRoom, JoinedRoom, NewRoom};
pub use error::{ChannelError, CommandError, EnterError, MediaError, RequestError, SendError};
pub use event::{CloseReason, ConnectionState, Event};
pub use ice::{IceCandidate, IceServer};
pub use invite::{Invite, InviteError};
pub use media::{
    Codec, CustomSource, Frame, MediaKind, MediaSource, PushError, Pusher, SharePlace, Source,
};
pub use mesh::{MeshCost, MeshTracks};
pub use options::Options;
pub use participant::Participant;
pub use stats::{PeerStats, ReceivedStats, Reported, Route, SentStats};
pub use track::{RemoteFrame, RemoteFrames, RemoteTrack, RtpPacket};
pub use track_source::{TrackLabel, TrackSource};
