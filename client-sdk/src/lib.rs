//! A headless participant for WebRTC rooms: it creates or joins a room and talks to everybody in it
//! directly.
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
//! The [`guide`] explains how [files](guide::files) are played, what happens to
//! [sources that fail](guide::degradation), how [offers and answers](guide::negotiation) work, what
//! a call [survives](guide::resilience), and the [limits](guide::limits) of webrtc-rs.
//!
//! # How it works
//!
//! [`Client`] speaks HTTP. A [`Participant`] is the handle of a task that carries out what a
//! [`session::Session`] decides. The session does no IO: it can be tested, or driven by another
//! host, on its own. Each connection to another participant belongs to a task of its own, which
//! drives webrtc-rs. Each source of media is read once for all connections.
//!
//! # Data and messages
//!
//! Data goes from participant to participant over data channels: over the default channel by
//! [`Participant::send_data`], or over named channels by [`Participant::open_channel`], which can
//! be unordered or unreliable, and can carry requests and files ([`guide::channels`]). Messages go
//! through the server, to one participant, to all, or to the host application, which is the code
//! behind the server ([`Participant::send_message`]), and so does a participant's own state
//! ([`Participant::set_state`]). All queues are bounded in bytes. Data that does not fit is refused
//! with an error.
//!
//! # Recording
//!
//! [`Recorder`] writes what each participant sends into WebM or Matroska files. [`IvfWriter`] and
//! [`OggWriter`] write the video or the audio of one track.
//!
//! # Sound as samples
//!
//! With the cargo feature `opus`, `Source::pcm` sends samples, and `RemoteTrack::into_pcm` delivers
//! the samples of others. For video, see [`guide::codecs`].
//!
//! # Moderation
//!
//! The user who created a room moderates it: [`Client::kick`], [`Client::ban`] and
//! [`Client::change_room`] take that user's access token, and [`Event::ParticipantJoined`] contains
//! the id to kick. Access tokens come from the login of the deployment; `signal-server token --sub
//! alice` makes one by hand.
//!
//! In the room, every participant with the permission [`moderate`](Permissions::moderate) kicks
//! ([`Participant::kick`]), bans, locks, unlocks and closes. The creator has it, and so do guests
//! to which the host application grants it.
//!
//! # Logging
//!
//! The crate logs with [`tracing`](https://docs.rs/tracing): install a subscriber to see it, with
//! the filter `webrtc=error,rtc=error` for the crates below it.
//!
//! # Limits
//!
//! Audio is Opus; video is VP8, VP9, AV1 or H.264. STUN works over UDP, TURN over UDP, TCP and TLS.
#![forbid(unsafe_code)]

mod api;
mod channel;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod client;
mod connection;
mod connector;
mod driver;
mod error;
mod event;
pub mod guide;
mod ice;
mod invite;
mod leb128;
mod media;
mod mesh;
mod network;
mod options;
mod opus;
mod outgoing;
mod participant;
#[cfg(feature = "opus")]
mod pcm;
mod recorder;
mod roster;
pub mod session;
mod signaling;
mod slot;
mod speakers;
mod stats;
mod track;
mod turn;
mod wanted;

pub use async_trait::async_trait;
pub use bytes::Bytes;
#[doc(no_inline)]
pub use serde;
pub use signal_core::ice::IceServer;
pub use signal_core::identity::Attributes;
pub use signal_core::message::{Audience, ParticipantInfo, RoomInfo};
pub use signal_core::{Language, ParticipantId, Permissions, RoomId, Timestamp};

pub use api::{
    ChangedRoom, CreatedRoom, JoinedRoom, NewPassword, NewRoom, OnCreatorLeave, ParticipantSummary,
    RoomChange, RoomCredentials, RoomDetails, RoomSummary,
};
pub use channel::{
    DataChannel, DataMessage, Delivery, FileError, FileOffer, FileProgress, Reliability, Rpc,
    RpcError, RpcRequest, RpcRequests,
};
pub use client::{Client, ClientBuilder};
pub use error::{
    ChannelError, EnterError, NetworkError, NetworkFailure, Phase, Refusal, RequestError, SendError,
};
pub use event::Event;
pub use invite::{Invite, InviteError};
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use media::fuzzing;
pub use media::{
    AudioLevel, Codec, CustomSource, Frame, LoadedSource, MediaError, MediaKind, MediaSource,
    Playback, PlayedSource, PushError, Pusher, Source,
};
#[cfg(feature = "opus")]
pub use media::{PcmError, PcmSender};
pub use mesh::{MeshCost, MeshTracks};
pub use options::Options;
#[cfg(feature = "opus")]
pub use opus::OpusOptions;
pub use outgoing::SharePlace;
pub use participant::Participant;
#[cfg(feature = "opus")]
pub use pcm::{Channels, PcmFormat, Sample, SampleRate};
pub use recorder::{IvfWriter, OggWriter, RecordError, Recorder, Recording};
pub use session::{
    CloseReason, CommandError, ConnectionFailure, ConnectionState, IceCandidate, NoRelay,
    TrackLabel, TrackSource,
};
pub use slot::{NamedSlot, Slot, SlotNameError};
pub use stats::{PeerStats, ReceivedStats, Reported, Route, SentStats};
#[cfg(feature = "opus")]
pub use track::{PcmChunk, PcmReceiver};
pub use track::{RemoteFrame, RemoteFrames, RemoteTrack, RtpPacket};
pub use wanted::Wanted;
