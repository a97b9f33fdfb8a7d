//! A handle for the host application, such as an admin page, a backend or a clean-up job.

mod change;
mod kick;
mod messages;
mod metadata;
mod mint;

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use signal_core::identity::{Attributes, Identity};
use signal_core::room::{Capacity, CloseReason, OnCreatorLeave, Room, Seat, Status};
use signal_core::{DisplayName, ParticipantId, Permissions, RoomId};
use thiserror::Error;

pub use self::change::{ResizeError, RestoreError, RotateError, SetLifetimeError};
pub use self::kick::KickError;
pub use self::messages::SendError;
pub use self::metadata::SetParticipantError;
pub use self::mint::{MintError, MintedToken};
use crate::app::App;
use crate::clock::system_time;
use crate::metrics::Counts;
use crate::rooms::creation::{CreateParams, CreateRoomError};
use crate::rooms::credentials::{PasswordChoice, RoomCredentials};
use crate::rooms::lifetime::Lifetime;
use crate::shard::events::RoomEvents;

/// Creates, inspects and closes rooms without HTTP; see [`Server::handle`](crate::Server::handle).
///
/// It is cheap to clone and does not keep the server alive: once the [`Server`](crate::Server) and
/// its routers are dropped, it finds no rooms.
///
/// Calls need no permission and count as actions of the operator.
///
/// ```
/// use signal_server::{Secret, Server, ServerHandle};
///
/// /// Ends every room that nobody is in.
/// async fn sweep(rooms: &ServerHandle) {
///     for room in rooms.rooms() {
///         if room.participants.is_empty() {
///             // It may have ended by itself meanwhile.
///             let _ = rooms.close_room(room.id).await;
///         }
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let secret = Secret::new("the secret that your login signs access tokens with");
/// let server = Server::builder(secret).build();
/// sweep(&server.handle()).await;
/// assert_eq!(server.handle().counts().rooms, 0);
/// # }
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    app: Weak<App>,
}

/// A snapshot of an open room.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RoomDetails {
    /// The room's id.
    pub id: RoomId,
    /// The room's name.
    pub name: String,
    /// The user who created it, if it has a creator: the `sub` of the access token.
    pub creator: Option<String>,
    /// Everybody with a seat, oldest first. The creator is included only if it has entered.
    pub participants: Vec<ParticipantSummary>,
    /// How many participants the room can hold.
    pub max_participants: u16,
    /// When the room expires.
    pub expires_at: SystemTime,
    /// Whether the room refuses newcomers.
    pub locked: bool,
    /// Your [own data](ServerHandle::set_data), if there is any.
    pub data: Option<Attributes>,
}

/// One participant in [`RoomDetails`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ParticipantSummary {
    /// The participant's id, which the others see too.
    pub id: ParticipantId,
    /// The name to show. Guests choose their own.
    pub name: String,
    /// Whether it is the room's creator.
    pub is_creator: bool,
    /// Whether it is connected. If not, its seat is kept for a while.
    pub connected: bool,
    /// Its identity: that of its token or login, with the attributes that were [set
    /// last](ServerHandle::set_attributes).
    pub identity: Arc<Identity>,
    /// What it may do: the permissions of its token, or those that were [set
    /// last](ServerHandle::set_permissions).
    pub permissions: Permissions,
}

/// The settings of a new room, for [`ServerHandle::create_room`].
///
/// ```
/// use std::time::Duration;
/// use signal_server::{Capacity, DisplayName, Lifetime, CreateRoom};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = DisplayName::parse("Stand-up")?.ok_or("the name has no visible characters")?;
/// let mut new = CreateRoom::new("alice", name);
/// new.capacity = Capacity::new(20)?;
/// new.lifetime = Lifetime::new(Duration::from_secs(30 * 60))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CreateRoom {
    /// An id that you [choose](RoomId::chosen): by default it is random. When a room is over, its
    /// id can be chosen again; tokens for the earlier room are void in the new one.
    pub id: Option<RoomId>,
    /// The creator of the room: the `sub` of a user's access tokens. With such a token the
    /// user enters as the creator and may list, change and close the room over HTTP. If no user has
    /// this subject, nobody may. `None` for a room without a creator, in which no seat is kept for
    /// one.
    pub creator: Option<String>,
    /// The name to show.
    pub name: DisplayName,
    /// How many participants the room can hold: by default 10. More than 50 need a higher
    /// [`HubConfig::max_capacity`](signal_core::config::HubConfig::max_capacity).
    pub capacity: Capacity,
    /// How long the room lasts: by default two hours.
    pub lifetime: Lifetime,
    /// What happens when the creator leaves: by default the room is closed.
    pub on_creator_leave: OnCreatorLeave,
    /// The password: by default it is 6 random digits. Without one, the room is entered with its
    /// invite or a [minted](ServerHandle::mint) token.
    pub password: Option<PasswordChoice>,
    /// Your [own data](ServerHandle::set_data), which participants never see: by default empty.
    pub data: Attributes,
}

/// A new room and the credentials that open it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CreatedRoom {
    /// The room, which has no participants yet.
    pub room: RoomDetails,
    /// The room's password and invite.
    pub credentials: RoomCredentials,
}

/// The room does not exist, or it has ended.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("no such room is open")]
pub struct RoomNotFound;

impl ServerHandle {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        Self { app: Arc::downgrade(app) }
    }

    /// All open rooms, sorted by id.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomDetails> {
        let mut rooms =
            self.app.upgrade().map(|app| app.rooms.shards.open_rooms()).unwrap_or_default();
        rooms.sort_unstable_by_key(|room| room.id());
        rooms.iter().map(|room| RoomDetails::of(room)).collect()
    }

    /// Returns an open room, or `None` if it does not exist or has ended.
    #[must_use]
    pub fn room(&self, id: RoomId) -> Option<RoomDetails> {
        let room = self.app.upgrade()?.rooms.get(id)?;
        (room.status() == Status::Open).then(|| RoomDetails::of(&room))
    }

    /// Returns the numbers of rooms, participants and connections.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.app.upgrade().map(|app| app.counts()).unwrap_or_default()
    }

    /// Returns the events of all rooms from now on, for presence, logs or billing. They do not keep
    /// the server alive.
    ///
    /// ```
    /// use signal_server::{RoomEventKind, ServerHandle};
    ///
    /// async fn log(server: ServerHandle) {
    ///     let mut events = server.events();
    ///     while let Some(event) = events.next().await {
    ///         match event {
    ///             Ok(event) => match event.kind {
    ///                 RoomEventKind::Joined { participant } => {
    ///                     println!("{}: {:?} joined", event.key.room, participant.identity.user);
    ///                 }
    ///                 other => println!("{}: {other:?}", event.key.room),
    ///             },
    ///             Err(lost) => println!("{lost}"),
    ///         }
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn events(&self) -> RoomEvents {
        self.app.upgrade().map_or_else(RoomEvents::ended, |app| app.rooms.shards.events())
    }

    /// Creates a room. If the server has a data directory or a store, the room is saved when this
    /// returns.
    ///
    /// The room counts among the [open rooms](crate::Limits::open_rooms) of its creator, but not
    /// towards the [creations per minute](crate::Limits::creates_per_minute), so limit the rate
    /// yourself.
    ///
    /// # Errors
    ///
    /// A room with the chosen id is open, the room is too large, the creator has too many open
    /// rooms, the room cannot be saved, or the server is stopping.
    pub async fn create_room(&self, new: CreateRoom) -> Result<CreatedRoom, CreateRoomError> {
        let CreateRoom { id, creator, name, capacity, lifetime, on_creator_leave, password, data } =
            new;
        let app =
            self.app.upgrade().filter(|app| !app.drain.is_on()).ok_or(CreateRoomError::Stopping)?;
        let name = name.to_string();
        let max_open_rooms = None;
        let params = CreateParams {
            id,
            name,
            creator,
            max_open_rooms,
            password,
            capacity,
            lifetime,
            on_creator_leave,
            data,
        };
        let (room, credentials) = app.rooms.create(params).await?;
        let room = room.keep();
        Ok(CreatedRoom { room: RoomDetails::of(&room), credentials })
    }

    /// Closes a room. Its participants get `room_closed` (in v2 with the code `admin`), and nobody
    /// can enter it any more.
    ///
    /// # Errors
    ///
    /// The room does not exist, or it has already ended.
    pub async fn close_room(&self, id: RoomId) -> Result<(), RoomNotFound> {
        let app = self.app.upgrade().ok_or(RoomNotFound)?;
        app.rooms.get(id).filter(|room| room.status() == Status::Open).ok_or(RoomNotFound)?;
        // An error means that the server has ended, and the room with it.
        let room = app.rooms.close(id, ADMIN).await.map_err(|_| RoomNotFound)?;
        // The room may have expired just before.
        if room.status() != Status::Closed(ADMIN) {
            return Err(RoomNotFound);
        }
        tracing::info!(room = %id, "room closed by the host application");
        Ok(())
    }

    /// Does what [`Server::drain`](crate::Server::drain) does, for code that has no
    /// [`Server`](crate::Server).
    pub async fn drain(&self) {
        if let Some(app) = self.app.upgrade() {
            app.drain().await;
        }
    }
}

impl CreateRoom {
    /// Creates settings for a room of this user, with this display name and defaults otherwise.
    pub fn new(creator: impl Into<String>, name: DisplayName) -> Self {
        Self { creator: Some(creator.into()), ..Self::without_creator(name) }
    }

    /// Creates settings for a room without a creator, with this display name and defaults
    /// otherwise. Nobody manages it over HTTP.
    pub fn without_creator(name: DisplayName) -> Self {
        Self {
            id: None,
            creator: None,
            name,
            capacity: Capacity::default(),
            lifetime: Lifetime::default(),
            on_creator_leave: OnCreatorLeave::Close,
            password: Some(PasswordChoice::Random),
            data: Attributes::default(),
        }
    }
}

impl RoomDetails {
    fn of(room: &Room) -> Self {
        Self {
            id: room.id(),
            name: room.name().to_owned(),
            creator: room.creator().map(str::to_owned),
            participants: room.seats().iter().map(ParticipantSummary::of).collect(),
            max_participants: room.capacity().participants(),
            expires_at: system_time(room.expires_at()),
            locked: room.locked(),
            data: room.data().cloned(),
        }
    }
}

impl ParticipantSummary {
    fn of(seat: &Seat) -> Self {
        Self {
            id: seat.id,
            name: seat.name.to_string(),
            is_creator: seat.is_creator(),
            connected: seat.is_attached(),
            identity: Arc::clone(&seat.identity),
            permissions: seat.permissions,
        }
    }
}

const ADMIN: CloseReason = CloseReason::ByAdmin;
