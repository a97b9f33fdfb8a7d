//! The entry point of an application: creates, joins, enters and manages rooms.

mod builder;
mod unused_room;

use signal_core::ParticipantId;
use signal_core::ice::IceServer;

pub use self::builder::ClientBuilder;
use self::unused_room::UnusedRoom;
use crate::api::{
    Api, ChangedRoom, CreatedRoom, JoinCredential, JoinedRoom, NewRoom, OnCreatorLeave, RoomChange,
    RoomCredentials, RoomDetails, RoomSummary,
};
use crate::connector::{RejoinWith, SignalingConnector};
use crate::error::{EnterError, RequestError};
use crate::invite::Invite;
use crate::options::Options;
use crate::participant::{Participant, Preparation};

/// A client of one signaling server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) api: Api,
}

impl Client {
    /// Creates a client of the server at that address, like `https://rooms.example.com`. It
    /// connects only when it is used.
    ///
    /// # Errors
    ///
    /// [`RequestError::Address`] if the address is not an `http` or `https` URL with a host.
    pub fn new(url: &str) -> Result<Self, RequestError> {
        Self::builder(url).build()
    }

    /// Returns a builder for a client with a proxy, certificate authorities, a language or a
    /// request timeout.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let client = client_sdk::Client::builder("https://rooms.example.com")
    ///     .proxy("http://proxy.example.com:3128")
    ///     .request_timeout(Duration::from_secs(5))
    ///     .build()?;
    /// # Ok::<(), client_sdk::RequestError>(())
    /// ```
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// Creates a room as the user of the access token.
    ///
    /// # Errors
    ///
    /// The server cannot be reached or refuses, for example with `unauthorized` or
    /// `invalid_argument`.
    pub async fn create_room(
        &self,
        access_token: &str,
        room: &NewRoom,
    ) -> Result<CreatedRoom, RequestError> {
        self.api.create_room(access_token, room).await
    }

    /// Joins a room over HTTP, and returns the token and the ICE servers for
    /// [`enter`](Self::enter). The seat is taken only when the participant enters.
    ///
    /// # Errors
    ///
    /// The server cannot be reached or refuses, for example with `wrong_password`,
    /// `room_not_found`, `room_full`, `room_expired` or `password_locked`.
    pub async fn join_room(
        &self,
        room_id: &str,
        password: &str,
        display_name: &str,
    ) -> Result<JoinedRoom, RequestError> {
        let credential = JoinCredential::Password(password.to_owned());
        self.api.join_room(room_id, &credential, display_name).await
    }

    /// Closes a room as the user who created it.
    ///
    /// # Errors
    ///
    /// The server cannot be reached or refuses, for example with `unauthorized`, `forbidden` or
    /// `room_not_found`.
    pub async fn close_room(&self, access_token: &str, room_id: &str) -> Result<(), RequestError> {
        self.api.close_room(access_token, room_id).await
    }

    /// Lists the open rooms that a user has created, newest first.
    ///
    /// # Errors
    ///
    /// The server cannot be reached or refuses, for example with `unauthorized`.
    pub async fn list_rooms(&self, access_token: &str) -> Result<Vec<RoomSummary>, RequestError> {
        self.api.list_rooms(access_token).await
    }

    /// Returns a room and its participants, as the user who created it.
    ///
    /// # Errors
    ///
    /// Those of [`close_room`](Self::close_room).
    pub async fn show_room(
        &self,
        access_token: &str,
        room_id: &str,
    ) -> Result<RoomDetails, RequestError> {
        self.api.show_room(access_token, room_id).await
    }

    /// Changes a room as the user who created it: renames, locks or unlocks it, changes its
    /// capacity, its end or its password, or restores its password attempts.
    ///
    /// # Errors
    ///
    /// Those of [`close_room`](Self::close_room), `invalid_argument` with the name of a field whose
    /// value is out of range, and `rate_limited` with [`retry_after`](RequestError::retry_after)
    /// after 120 changes in a minute or ten restored attempts.
    pub async fn change_room(
        &self,
        access_token: &str,
        room_id: &str,
        change: &RoomChange,
    ) -> Result<ChangedRoom, RequestError> {
        self.api.change_room(access_token, room_id, change).await
    }

    /// Removes a participant from a room as the user who created it. Its tokens no longer open the
    /// room, but it can join again with the password. [`ban`](Self::ban) replaces the password too.
    ///
    /// # Errors
    ///
    /// Those of [`close_room`](Self::close_room), `participant_not_found`, `forbidden` for the
    /// creator, and `rate_limited`.
    pub async fn kick(
        &self,
        access_token: &str,
        room_id: &str,
        participant: ParticipantId,
    ) -> Result<(), RequestError> {
        self.api.kick(access_token, room_id, participant).await
    }

    /// Removes a participant from a room and replaces the room's password and invite. Returns the
    /// new ones; the old ones no longer open the room.
    ///
    /// # Errors
    ///
    /// Those of [`kick`](Self::kick).
    pub async fn ban(
        &self,
        access_token: &str,
        room_id: &str,
        participant: ParticipantId,
    ) -> Result<RoomCredentials, RequestError> {
        self.api.ban(access_token, room_id, participant).await
    }

    /// Joins a room with its password and enters it.
    ///
    /// # Errors
    ///
    /// Those of [`join_room`](Self::join_room) and [`enter`](Self::enter).
    pub async fn join(
        &self,
        room_id: &str,
        password: &str,
        display_name: &str,
        options: Options,
    ) -> Result<Participant, EnterError> {
        let credential = JoinCredential::Password(password.to_owned());
        self.join_with(room_id, credential, display_name, options).await
    }

    /// Joins the room of an invite and enters it.
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join), and `invite_void` for an invite that is no longer valid.
    pub async fn join_by_invite(
        &self,
        invite: &Invite,
        display_name: &str,
        options: Options,
    ) -> Result<Participant, EnterError> {
        let credential = JoinCredential::InviteToken(invite.token.clone());
        self.join_with(&invite.room_id, credential, display_name, options).await
    }

    /// Creates a room and enters it; returns the room for others to join. A room that cannot be
    /// entered is closed, also if this call is cancelled.
    ///
    /// # Errors
    ///
    /// Those of [`create_room`](Self::create_room) and [`enter`](Self::enter).
    pub async fn create(
        &self,
        access_token: &str,
        room: &NewRoom,
        options: Options,
    ) -> Result<(CreatedRoom, Participant), EnterError> {
        let preparation = Preparation::new(options).await?;
        let (created, unused) = UnusedRoom::create(&self.api, access_token, room).await?;
        let token = created.ws_token.clone().unwrap_or_else(|| access_token.to_owned());
        let rejoin = RejoinWith::AccessToken {
            token: access_token.to_owned(),
            leave_closes_room: room.on_creator_leave != Some(OnCreatorLeave::Keep),
        };
        let ice_servers = created.ice_servers.clone();
        let entering = self.enter_with(&created.room_id, token, rejoin, ice_servers, preparation);
        match entering.await {
            Ok(participant) => {
                unused.keep();
                Ok((created, participant))
            }
            Err(error) => {
                unused.close().await;
                Err(error)
            }
        }
    }

    /// Enters a room with a ws token, or as its creator with an access token.
    ///
    /// Such a participant cannot obtain a new token. When the server refuses its token,
    /// [`Event::SignalingLost`](crate::Event::SignalingLost) follows. After an outage in which its
    /// seat was lost, the leave of a creator that entered this way does not close the room.
    ///
    /// # Errors
    ///
    /// A source cannot be opened and [`Options::allow_degraded`] is off, the server cannot be
    /// reached, or it refuses, for example with `token_expired`, `token_invalid`, `room_full` or
    /// `room_closed`.
    pub async fn enter(
        &self,
        room_id: &str,
        token: &str,
        ice_servers: Vec<IceServer>,
        options: Options,
    ) -> Result<Participant, EnterError> {
        let (token, rejoin) = (token.to_owned(), RejoinWith::Nothing);
        self.enter_with(room_id, token, rejoin, ice_servers, Preparation::new(options).await?).await
    }

    /// The address of a room's WebSocket. It contains the token: keep it out of logs.
    #[must_use]
    pub fn signaling_url(&self, room_id: &str, token: &str) -> String {
        self.api.attach_url(room_id, token).into()
    }

    async fn join_with(
        &self,
        room_id: &str,
        credential: JoinCredential,
        display_name: &str,
        options: Options,
    ) -> Result<Participant, EnterError> {
        let preparation = Preparation::new(options).await?;
        let joined = self.api.join_room(room_id, &credential, display_name).await?;
        let rejoin = RejoinWith::Credential { credential, display_name: display_name.to_owned() };
        self.enter_with(room_id, joined.ws_token, rejoin, joined.ice_servers, preparation).await
    }

    async fn enter_with(
        &self,
        room_id: &str,
        token: String,
        rejoin: RejoinWith,
        ice_servers: Vec<IceServer>,
        preparation: Preparation,
    ) -> Result<Participant, EnterError> {
        let connector = SignalingConnector {
            api: self.api.clone(),
            room_id: room_id.to_owned(),
            token,
            rejoin,
            timeout: preparation.enter_timeout(),
        };
        Participant::enter(connector, ice_servers, preparation).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signaling_address_follows_the_servers() {
        let cases = [
            ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws/webrtc/rooms/ABC234?v=2&token=a%2Fb"),
            ("https://example.com/", "wss://example.com/ws/webrtc/rooms/ABC234?v=2&token=a%2Fb"),
            (
                "https://example.com/rooms",
                "wss://example.com/rooms/ws/webrtc/rooms/ABC234?v=2&token=a%2Fb",
            ),
        ];
        for (base, url) in cases {
            assert_eq!(Client::new(base).unwrap().signaling_url("ABC234", "a/b"), url);
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let builder = Client::builder("https://alice:hunter2@rooms.example.com")
            .proxy("http://bob:hunter2@proxy.example.com");
        assert!(!format!("{builder:?}").contains("hunter2"));
        let client = Client::new("https://alice:hunter2@rooms.example.com").unwrap();
        let shown = format!("{client:?}");
        assert!(shown.contains("rooms.example.com") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_is_not_a_servers_address_is_refused() {
        for url in ["", "example.com", "ftp://example.com", "mailto:a@b"] {
            assert!(matches!(Client::new(url), Err(RequestError::Address { .. })), "{url}");
        }
    }
}
