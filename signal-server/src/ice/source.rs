//! The trait for code of the host application that chooses ICE servers.

use std::error::Error;
use std::time::SystemTime;

use async_trait::async_trait;
use signal_core::ice::IceServer;
use signal_core::{ParticipantId, RoomId};

/// Chooses the STUN and TURN servers of each participant: from a TURN service with its own API, a
/// server near the participant, or one of a pool. See
/// [`Builder::ice_servers`](crate::Builder::ice_servers).
///
/// The server calls it when a room is created, joined or extended, when a v2 socket is opened, and
/// when a participant requests new servers. For each socket there is one call at a time.
///
/// # When it fails
///
/// The call must not block. The server waits 3 s for an answer, or half of
/// [`request_patience`](crate::Limits::request_patience) if that is less. If the call takes longer,
/// fails or panics, the participant gets the [configured](crate::Builder::turn) servers, if any,
/// and the log says why. The participant is admitted all the same.
///
/// URLs that do not follow the grammar of [`IceUrl`](signal_core::ice::IceUrl), and TURN URLs
/// without a credential, are left out and logged, since a browser would refuse the whole list for
/// one of them.
///
/// ```
/// use std::error::Error;
/// use signal_server::{
///     IceRequest, IceServer, IceServerSource, IceServers, Secret, Server, async_trait,
/// };
///
/// struct Rented;
///
/// #[async_trait]
/// impl IceServerSource for Rented {
///     async fn ice_servers(
///         &self,
///         request: &IceRequest,
///     ) -> Result<IceServers, Box<dyn Error + Send + Sync>> {
///         // A real source would request these from its provider, to last as long as the room.
///         let username = format!("{}-{}", request.room, request.participant);
///         let urls = ["turns:turn.example.com:443?transport=tcp"];
///         let turn = IceServer::turn(urls, username, "secret");
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
    /// Returns the servers for one participant, in order of preference.
    ///
    /// # Errors
    ///
    /// No servers are available now. The error is logged at `warn`, so keep secrets out of it.
    async fn ice_servers(
        &self,
        request: &IceRequest,
    ) -> Result<IceServers, Box<dyn Error + Send + Sync>>;
}

/// The participant that needs ICE servers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IceRequest {
    /// The room.
    pub room: RoomId,
    /// The participant, which may not be connected yet.
    pub participant: ParticipantId,
    /// Whether it is the room's creator.
    pub is_creator: bool,
    /// When the room expires, by the clock of the system. Credentials need not be valid longer.
    pub until: SystemTime,
}

/// ICE servers for one participant.
#[derive(Clone, Debug)]
pub struct IceServers {
    /// The servers.
    pub servers: Vec<IceServer>,
    /// When their credentials expire. A v2 participant requests new ones in time.
    pub expires_at: SystemTime,
}
