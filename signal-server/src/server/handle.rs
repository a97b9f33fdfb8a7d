//! What the code around a server may ask of it: an admin page, a backend, a job that cleans up.

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use signal_core::{
    Capacity, CloseReason, DisplayName, OnCreatorLeave, Op, ParticipantId, Reject, Room, RoomId,
    Seat, Status,
};
use thiserror::Error;

use crate::app::App;
use crate::clock::system_time;
use crate::metrics::Counts;
use crate::rooms::creation::{CreateParams, CreateRoomError};
use crate::rooms::credentials::{PasswordChoice, RoomCredentials};
use crate::rooms::lifetime::Lifetime;
use crate::rooms::service::ChangeError;

/// Creates rooms, looks into them and ends them, beside the server's routes; see [`Server::handle`](crate::Server::handle).
///
/// It is cheap to clone and keeps nothing alive: when the [`Server`](crate::Server) and its routers are gone there are no
/// rooms any more, and it says so.
///
/// Nobody is asked for a permission here, and whatever is done counts as done by an administrator.
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
/// let server = Server::builder(Secret::new("the secret that your login signs access tokens with")).build();
/// sweep(&server.handle()).await;
/// assert_eq!(server.handle().counts().rooms, 0);
/// # }
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    app: Weak<App>,
}

/// An open room, as it was when it was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RoomDetails {
    /// The room's number.
    pub id: RoomId,
    /// The name to show.
    pub name: String,
    /// Who created it, by the name that the login has for that user: the `sub` of the access token.
    pub creator: String,
    /// Everybody with a seat, oldest first, the creator only if it is there.
    pub participants: Vec<ParticipantInfo>,
    /// How many participants fit.
    pub max_participants: u8,
    /// When the room ends by itself.
    pub expires_at: SystemTime,
    /// Whether newcomers are kept out.
    pub locked: bool,
}

/// A participant of a [`RoomDetails`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ParticipantInfo {
    /// What the others know it by.
    pub id: ParticipantId,
    /// The name to show, which whoever is a guest has chosen.
    pub name: String,
    /// Whether it is the room's creator.
    pub is_creator: bool,
    /// Whether its socket is there; if not, its seat is kept for a while.
    pub connected: bool,
}

/// What a room of [`ServerHandle::create_room`] is to be like.
///
/// ```
/// use std::time::Duration;
/// use signal_server::{Capacity, DisplayName, Lifetime, CreateRoom};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = DisplayName::parse("Stand-up")?.ok_or("a name that nobody sees")?;
/// let mut new = CreateRoom::new("alice", name);
/// new.capacity = Capacity::new(20)?;
/// new.lifetime = Lifetime::new(Duration::from_secs(30 * 60))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CreateRoom {
    /// Whose room it is, by the name that the login has for that user: the `sub` of its access tokens. With one of them it
    /// enters as the creator and may list, change and close the room over HTTP. If it is nobody's name, nobody may.
    pub creator: String,
    /// The name to show.
    pub name: DisplayName,
    /// How many participants fit: by default 10.
    pub capacity: Capacity,
    /// How long it lasts: by default two hours.
    pub lifetime: Lifetime,
    /// What becomes of it when its creator says that it leaves: by default it is closed.
    pub on_creator_leave: OnCreatorLeave,
}

/// A room that was created, and what opens it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CreatedRoom {
    /// The room, with nobody in it yet.
    pub room: RoomDetails,
    /// Its password and invite.
    pub credentials: RoomCredentials,
}

/// There is no such room, or not any more.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("no such room is open")]
pub struct RoomNotFound;

/// Why a participant was not put out.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KickError {
    /// Its own room cannot be taken from a creator: close it.
    #[error("the creator cannot be put out")]
    CreatorStays,
    /// Nobody of that id has a seat in the room.
    #[error("no such participant")]
    ParticipantNotFound,
    /// There is no such room, or not any more.
    #[error("no such room is open")]
    RoomNotFound,
}

/// Why a participant was not banned; it has not been put out either.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BanError {
    /// Its own room cannot be taken from a creator: close it.
    #[error("the creator cannot be put out")]
    CreatorStays,
    /// Nobody of that id has a seat in the room.
    #[error("no such participant")]
    ParticipantNotFound,
    /// The room has had as many passwords as it may have, which is ten new ones: kick, or close it.
    #[error("the password was changed too often")]
    RotationsExhausted,
    /// There is no such room, or not any more.
    #[error("no such room is open")]
    RoomNotFound,
}

impl ServerHandle {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        Self { app: Arc::downgrade(app) }
    }

    /// Every open room, by number.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomDetails> {
        let mut rooms =
            self.app.upgrade().map(|app| app.rooms.shards.open_rooms()).unwrap_or_default();
        rooms.sort_unstable_by_key(|room| room.id());
        rooms.iter().map(|room| RoomDetails::of(room)).collect()
    }

    /// One open room.
    #[must_use]
    pub fn room(&self, id: RoomId) -> Option<RoomDetails> {
        let room = self.app.upgrade()?.rooms.get(id)?;
        (room.status() == Status::Open).then(|| RoomDetails::of(&room))
    }

    /// How much there is of everything.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.app.upgrade().map(|app| app.counts()).unwrap_or_default()
    }

    /// Creates a room with a random password. It is saved when this returns, if rooms are.
    ///
    /// It counts among the [open rooms](crate::Limits::open_rooms) of its creator, but not among the creations of a minute:
    /// those who ask this code are its own to judge.
    ///
    /// # Errors
    ///
    /// The creator has too many open rooms, the room cannot be saved, or the server is stopping.
    pub async fn create_room(&self, new: CreateRoom) -> Result<CreatedRoom, CreateRoomError> {
        let CreateRoom { creator, name, capacity, lifetime, on_creator_leave } = new;
        let app =
            self.app.upgrade().filter(|app| !app.drain.is_on()).ok_or(CreateRoomError::Stopping)?;
        let (name, password) = (name.to_string(), PasswordChoice::Random);
        let params = CreateParams { name, creator, password, capacity, lifetime, on_creator_leave };
        let (room, credentials) = app.rooms.create(params).await?;
        Ok(CreatedRoom { room: RoomDetails::of(&room), credentials })
    }

    /// Ends a room: everybody in it is told (v2: `room_closed` with the code `admin`), and nobody comes in any more.
    ///
    /// # Errors
    ///
    /// There is no such room, or it has ended before.
    pub async fn close_room(&self, id: RoomId) -> Result<(), RoomNotFound> {
        let app = self.app.upgrade().ok_or(RoomNotFound)?;
        app.rooms.get(id).filter(|room| room.status() == Status::Open).ok_or(RoomNotFound)?;
        // Without an answer the server has ended, and the room with it.
        let room = app.rooms.close(id, ADMIN).await.map_err(|_| RoomNotFound)?;
        // Its time may have come just before.
        if room.status() != Status::Closed(ADMIN) {
            return Err(RoomNotFound);
        }
        tracing::info!(room = %id, "room closed by the administrator");
        Ok(())
    }

    /// Puts a participant out of a room: it is told (v2: `kicked`), and the others that it left. Its token opens the room
    /// no more; with the password or an invite it can come back.
    ///
    /// # Errors
    ///
    /// There is no such room or participant, or it is the room's creator.
    pub async fn kick(&self, room: RoomId, participant: ParticipantId) -> Result<(), KickError> {
        let app = self.app.upgrade().ok_or(KickError::RoomNotFound)?;
        let kick = Op::Kick { participant, rotate: None };
        app.rooms.apply(room, &kick).await?;
        tracing::info!(%room, %participant, "participant put out by the administrator");
        Ok(())
    }

    /// Puts a participant out as [`kick`](Self::kick) does, and gives the room a new password and invite, so that the ones
    /// it knows let it in no more. Tokens of others that have not been used yet are void as well. Done already it is done
    /// again.
    ///
    /// # Errors
    ///
    /// There is no such room or participant, it is the room's creator, or the password was changed too often.
    pub async fn ban(
        &self,
        room: RoomId,
        participant: ParticipantId,
    ) -> Result<RoomCredentials, BanError> {
        let app = self.app.upgrade().ok_or(BanError::RoomNotFound)?;
        let record = app.rooms.get(room).ok_or(BanError::RoomNotFound)?;
        let kick = |rotation| Op::Kick { participant, rotate: Some(rotation) };
        let (_, credentials) = app.rooms.rotate(&record, &PasswordChoice::Random, kick).await?;
        tracing::info!(%room, %participant, "participant banned by the administrator");
        Ok(credentials)
    }

    /// The same as [`Server::drain`](crate::Server::drain), for a shutdown that has no server at hand.
    pub async fn drain(&self) {
        if let Some(app) = self.app.upgrade() {
            app.drain.run(&app.rooms.shards).await;
        }
    }
}

impl From<ChangeError> for KickError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Rejected(Reject::CreatorStays) => Self::CreatorStays,
            ChangeError::Rejected(Reject::ParticipantNotFound) => Self::ParticipantNotFound,
            ChangeError::Rejected(_) | ChangeError::Stopping => Self::RoomNotFound,
        }
    }
}

impl From<ChangeError> for BanError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Rejected(Reject::RotationsExhausted) => Self::RotationsExhausted,
            other => match KickError::from(other) {
                KickError::CreatorStays => Self::CreatorStays,
                KickError::ParticipantNotFound => Self::ParticipantNotFound,
                KickError::RoomNotFound => Self::RoomNotFound,
            },
        }
    }
}

impl CreateRoom {
    /// A room of that user, with a name to show.
    pub fn new(creator: impl Into<String>, name: DisplayName) -> Self {
        Self {
            creator: creator.into(),
            name,
            capacity: Capacity::default(),
            lifetime: Lifetime::default(),
            on_creator_leave: OnCreatorLeave::Close,
        }
    }
}

impl RoomDetails {
    fn of(room: &Room) -> Self {
        Self {
            id: room.id(),
            name: room.name().to_owned(),
            creator: room.creator().to_owned(),
            participants: room.seats().iter().map(ParticipantInfo::of).collect(),
            max_participants: room.capacity().participants(),
            expires_at: system_time(room.expires_at()),
            locked: room.locked(),
        }
    }
}

impl ParticipantInfo {
    fn of(seat: &Seat) -> Self {
        Self {
            id: seat.id,
            name: seat.name.to_string(),
            is_creator: seat.is_creator(),
            connected: seat.is_attached(),
        }
    }
}

const ADMIN: CloseReason = CloseReason::ByAdmin;
