//! The decisions of a participant: whom to connect to, who offers, when to roll back, answer,
//! restart or rebuild.
//!
//! A [`Session`] does no IO and reads no clock. Its `handle_*` methods take messages of the server,
//! reports of connections and requests of the application. [`Session::poll_action`] returns the
//! decisions, to be carried out in that order. [`Session::poll_timeout`] returns when to call
//! [`Session::handle_timeout`]. Nothing here depends on webrtc-rs, a socket or a task.
//!
//! The rules:
//!
//! - Of two participants the one with the smaller id offers first. Servers issue falling ids, so
//!   that is the newcomer.
//! - An offer that the server delivers has won. This side rolls its own back, answers the other,
//!   and offers its own change again if the answer could not include it.
//! - An offer without media sections is answered in kind, and this side offers.
//! - A further offer waits until the connection is up, at most five seconds.
//! - A candidate waits until the description that it belongs to was sent, or applied.
//! - A peer whose DTLS fingerprint changes has rebuilt its connection; this side rebuilds its own.
//! - An unanswered offer is made again. A peer that never answers is given up.
//! - A peer cannot make this side open a new connection to it more than once in two seconds. Then
//!   its last offer is answered.
//! - A connection in the state `Disconnected` is left alone. Once ICE has failed, the side with the
//!   smaller id restarts it. If that does not help, or the other side does nothing, the connection
//!   is rebuilt.
//! - If this machine can no longer send over the current path, ICE is restarted, at most once in
//!   two seconds. With a new local address, ICE is also restarted on connections that do not work.
//! - Media continues without the signaling connection. The seat is resumed; failing that, the token
//!   takes a new seat; failing that, the room is joined again. A step that the server has refused
//!   is not tried again. If no step is left, the call continues until its last connection ends.
//! - A connection in trouble is a reason to ping the server, since a network failure may have
//!   silently broken the signaling connection too.
//! - TURN credentials are renewed before they expire.

mod action;
mod candidates;
mod credential_refresh;
mod description;
mod diagnosis;
mod error;
mod event;
mod ice_candidate;
mod leaving;
mod messages;
pub(crate) mod mute_state;
mod peer;
mod probe;
mod reconnect;
mod recovery;
mod report;
mod requests;
mod room_end;
mod roster;
mod send_buffer;
mod server_clock;
mod signals;
mod track_source;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use signal_core::ice::IceServers;
use signal_core::message::{ClientMessage, Payload, Request, RoomInfo};
use signal_core::{ParticipantId, Permissions};

pub use self::action::{Action, ConnectionCommand};
use self::credential_refresh::IceCredentialRefresh;
pub use self::error::CommandError;
pub use self::event::{CloseReason, ConnectionFailure, ConnectionState, NoRelay, SessionEvent};
pub use self::ice_candidate::IceCandidate;
use self::leaving::Farewell;
use self::peer::Peer;
use self::probe::Probe;
use self::reconnect::ReconnectPolicy;
pub use self::reconnect::{Reconnect, SignalingLoss};
pub use self::report::Report;
use self::requests::PendingRequests;
use self::room_end::RoomEnd;
use self::send_buffer::SendBuffer;
use self::server_clock::ServerClock;
pub use self::track_source::{TrackLabel, TrackSource};

/// The state of one participant in one room.
#[derive(Debug, Default)]
pub struct Session {
    me: Option<ParticipantId>,
    /// `None` if the server speaks v1.
    room: Option<RoomInfo>,
    /// `None` if the server speaks v1.
    permissions: Option<Permissions>,
    peers: BTreeMap<ParticipantId, Peer>,
    /// The number of messages received from the server, which a resume sends.
    received: u64,
    send_buffer: SendBuffer,
    requests: PendingRequests,
    /// Whether the server speaks v2, which has requests.
    speaks_v2: bool,
    reconnect: ReconnectPolicy,
    /// Why this participant cannot return to the room, while media continues.
    adrift: Option<String>,
    /// What the server may not know yet of a participant that has left.
    farewell: Option<Farewell>,
    /// Whether this participant is the creator of a room that closes when it leaves.
    leave_closes_room: bool,
    clock: ServerClock,
    room_end: RoomEnd,
    ice_refresh: IceCredentialRefresh,
    probe: Probe,
    actions: VecDeque<Action>,
}

impl Session {
    /// Creates a session before the first message of the server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long before the end of the room [`SessionEvent::RoomExpiring`] is emitted; zero for
    /// never. Call it before the first message. The default is one minute.
    pub fn set_expiry_notice(&mut self, notice: Duration) {
        self.room_end.notice = notice;
    }

    /// Handles the loss of the signaling connection, or a failed attempt to open it again.
    ///
    /// `jitter` is a random number from 0 up to 1. It spreads the attempts of everybody who lost
    /// the same server.
    pub fn handle_signaling_loss(&mut self, loss: SignalingLoss, jitter: f64, now: Instant) {
        if self.reconnect.is_over() {
            return self.lost_while_leaving(loss, jitter, now);
        }
        if self.adrift.is_some() {
            return;
        }
        self.probe.end();
        if self.send_buffer.pause() {
            self.emit(SessionEvent::Reconnecting);
        }
        if loss.is_for_a_message() {
            self.send_buffer.suspect();
        }
        let is_calling = self.peers.values().any(Peer::carries_media);
        match self.reconnect.after(loss, self.received, is_calling, jitter, now) {
            Ok((how, after)) => self.actions.push_back(Action::Reconnect { how, after }),
            Err(CloseReason::SignalingLost { reason }) if is_calling => self.drift(reason),
            Err(reason) => self.end(reason),
        }
    }

    /// Handles a report of connection number `connection` to `peer`. Reports of closed connections
    /// are ignored.
    pub fn handle_report(
        &mut self,
        peer: ParticipantId,
        connection: u32,
        report: Report,
        now: Instant,
    ) {
        let Some(me) = self.me else { return };
        let Some(peer) = self.peers.get_mut(&peer).filter(|peer| peer.is_open(connection)) else {
            return;
        };
        let is_in_trouble = report.tells_of_trouble();
        let actions = &mut self.actions;
        match report {
            Report::Answer { negotiation, sdp, tracks } => {
                peer.answer_made(negotiation, &sdp, &tracks, actions, now);
            }
            Report::Broken(failure) => peer.broken(failure, actions, now),
            Report::Candidate(candidate) => peer.candidate_found(candidate, actions),
            Report::IceConnected => peer.ice_connected(me < peer.id(), now),
            Report::SectionMissing => peer.offer(actions),
            Report::NoRelay(reason) => peer.relay_missing(reason),
            Report::Offer { negotiation, sdp, tracks } => {
                peer.offer_made(negotiation, &sdp, &tracks, actions, now);
            }
            Report::PathLost => peer.path_lost(actions, now),
            Report::State(state) => peer.state_changed(state, me < peer.id(), actions, now),
        }
        peer.expect_connection(me < peer.id(), now);
        let id = peer.id();
        if peer.is_gone_for_good() {
            self.forget(id);
        }
        if is_in_trouble {
            self.doubt(now);
        }
    }

    /// Handles deadlines that have passed. Call it at the time of
    /// [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.ice_refresh.is_due(now) {
            self.actions.push_back(Action::Send(ClientMessage::GetIceServers));
        }
        if let Some(left) = self.room_end.take_warning(self.clock, now) {
            self.emit(SessionEvent::RoomExpiring { left });
        }
        if self.probe.has_failed(now) {
            self.actions.push_back(Action::CloseSignaling);
        }
        let is_away = self.send_buffer.is_paused();
        for peer in self.peers.values_mut() {
            peer.timeout(is_away, &mut self.actions, now);
        }
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let peers = self.peers.values().filter_map(Peer::deadline);
        peers
            .chain(self.ice_refresh.deadline())
            .chain(self.room_end.deadline())
            .chain(self.probe.deadline())
            .min()
            .filter(|_| !self.reconnect.is_over())
    }

    /// Handles that this participant has added or removed tracks, which each open connection
    /// negotiates.
    ///
    /// The host has to pass the new media to its connections first, so that their next offers
    /// contain it.
    pub fn handle_media_changed(&mut self) {
        for peer in self.peers.values_mut() {
            peer.media_changed(&mut self.actions);
        }
    }

    /// Handles that this participant wants to receive something else from a participant, which is
    /// negotiated with it. As with [`handle_media_changed`](Self::handle_media_changed), inform the
    /// connection first.
    pub fn handle_wanted_changed(&mut self, peer: ParticipantId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.media_changed(&mut self.actions);
        }
    }

    /// Handles that this machine has a new address. Connections that do not work are tried from
    /// there.
    pub fn handle_new_address(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            peer.address_gained(&mut self.actions, now);
        }
        self.doubt(now);
    }

    /// Restarts ICE with a participant, by an offer of this side.
    pub fn restart_ice(&mut self, peer: ParticipantId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.restart_ice(&mut self.actions);
        }
    }

    /// Sends a request to the server and returns its number, with which
    /// [`poll_outcome`](Self::poll_outcome) reports the outcome.
    pub fn handle_request(&mut self, message: ClientMessage, now: Instant) -> u64 {
        if self.reconnect.is_over() || self.adrift.is_some() {
            return self.requests.refuse(CommandError::Closed);
        }
        if !self.speaks_v2 {
            return self.requests.refuse(CommandError::Unsupported);
        }
        let (number, requests) = self.requests.issue(message, now);
        self.actions.extend(requests.into_iter().map(Action::Request));
        number
    }

    /// Tells the others which tracks of this participant are muted, by name, as a part of its
    /// state.
    pub fn handle_muted(&mut self, muted: Vec<String>) {
        let update = self.requests.mute(muted);
        // A new seat announces it too.
        if self.speaks_v2 && !self.reconnect.is_over() {
            self.actions.extend(update.map(Action::Send));
        }
    }

    /// Takes the next outcome of a request: its number, and whether the server has accepted it.
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<(u64, Result<(), CommandError>)> {
        self.requests.poll_outcome()
    }

    /// Takes the next action; `None` when there is nothing to do.
    ///
    /// Messages to the server are kept while there is no signaling connection.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        loop {
            if let Some(request) = self.send_buffer.poll() {
                return Some(match request {
                    Request { message, req: None } => Action::Send(message),
                    request => Action::Request(request),
                });
            }
            match self.actions.pop_front()? {
                Action::Request(request) => self.send_buffer.push(request),
                Action::Send(message) => self.send_buffer.push(Request { message, req: None }),
                action => return Some(action),
            }
        }
    }

    /// The room; `None` before the server has sent it, and if the server speaks v1.
    pub fn room(&self) -> Option<&RoomInfo> {
        self.room.as_ref()
    }

    /// What this participant may do; everything but moderate before the server has sent it, and if
    /// the server speaks v1.
    pub fn permissions(&self) -> Permissions {
        self.permissions.unwrap_or_default()
    }

    /// The id of this participant; `None` before the server has sent it.
    pub fn id(&self) -> Option<ParticipantId> {
        self.me
    }

    /// Pings the server, since a failure of the network may have broken the signaling connection
    /// too.
    fn doubt(&mut self, now: Instant) {
        if !self.send_buffer.is_paused() && self.reconnect.knows_v2() && self.probe.begin(now) {
            let t = Payload::new(&()).expect("null has a JSON form");
            self.actions.push_back(Action::Send(ClientMessage::Ping { t }));
        }
    }

    fn use_ice_servers(&mut self, ice: IceServers, now: Instant) {
        self.ice_refresh.granted(ice.expires_at, self.clock, now);
        self.actions.push_back(Action::UseIceServers(ice));
    }

    fn emit(&mut self, event: SessionEvent) {
        self.actions.push_back(Action::Event(event));
    }
}
