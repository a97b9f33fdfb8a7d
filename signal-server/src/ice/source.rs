//! Code of the embedder's that decides about ICE servers, what it is asked and what it answers.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Serialize;
use signal_core::{ParticipantId, RoomId};
use utoipa::ToSchema;

/// Decides which STUN and TURN servers a participant is told of: a TURN service with an interface of its own, a server
/// near to it, one of a pool. See [`Builder::ice_servers`](crate::Builder::ice_servers).
///
/// It is asked when a room is created or joined, when a v2 socket is opened, when a participant asks for new ones and
/// when a room is extended; for one socket one at a time.
///
/// # When it fails
///
/// It must not block; an answer is waited for 3 s, or half of [`request_patience`](crate::Limits::request_patience) if
/// that is less. If it takes longer, fails or panics, the participant is told of the servers that were
/// [configured](crate::Builder::turn), perhaps none, and the log says why. Nobody is kept out.
///
/// ```
/// use std::error::Error;
/// use signal_server::{IceRequest, IceServer, IceServerSource, IceServers, Secret, Server, async_trait};
///
/// struct Rented;
///
/// #[async_trait]
/// impl IceServerSource for Rented {
///     async fn ice_servers(&self, request: &IceRequest) -> Result<IceServers, Box<dyn Error + Send + Sync>> {
///         // A real one would ask its provider for these, for as long as the room lasts.
///         let (username, credential) = (format!("{}-{}", request.room, request.participant), "secret");
///         let turn = IceServer::turn(["turns:turn.example.com:443?transport=tcp"], username, credential);
///         Ok(IceServers { servers: vec![turn], expires_at: request.until })
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let server = Server::builder(Secret::new("the secret that your login signs access tokens with"))
///     .ice_servers(Rented)
///     .build();
/// # }
/// ```
#[async_trait]
pub trait IceServerSource: Send + Sync + 'static {
    /// The servers for one participant, the best first.
    ///
    /// # Errors
    ///
    /// There are none now, for a reason that the log should tell; it is at `warn`, so keep secrets out of it.
    async fn ice_servers(
        &self,
        request: &IceRequest,
    ) -> Result<IceServers, Box<dyn Error + Send + Sync>>;
}

/// For whom ICE servers are wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IceRequest {
    /// The room.
    pub room: RoomId,
    /// The participant, whose socket need not be there yet.
    pub participant: ParticipantId,
    /// Whether it is the room's creator.
    pub is_creator: bool,
    /// When the room ends: credentials are of no use after it.
    pub until: SystemTime,
}

/// ICE servers for one participant.
#[derive(Clone, Debug)]
pub struct IceServers {
    /// The servers.
    pub servers: Vec<IceServer>,
    /// Until when the credentials in them are good. A v2 participant is told, and asks for new ones in time.
    pub expires_at: SystemTime,
}

/// A STUN or TURN server, in the form of `RTCIceServer` (W3C WebRTC section 4.2.2). Its credential is not shown.
#[derive(Clone, Serialize, ToSchema)]
pub struct IceServer {
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credential: Option<String>,
}

impl IceServer {
    /// A STUN server, by URLs like `stun:host:3478` (RFC 7064).
    pub fn stun(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { urls: urls.into_iter().map(Into::into).collect(), username: None, credential: None }
    }

    /// A TURN server, by URLs like `turn:host:3478?transport=udp` or `turns:host:5349` (RFC 7065), with the user name and
    /// password that it knows the participant by.
    pub fn turn(
        urls: impl IntoIterator<Item = impl Into<String>>,
        username: impl Into<String>,
        credential: impl Into<String>,
    ) -> Self {
        Self {
            username: Some(username.into()),
            credential: Some(credential.into()),
            ..Self::stun(urls)
        }
    }
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = self.credential.as_ref().map(|_| "..");
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .field("credential", &credential)
            .finish()
    }
}
