//! Every decision a participant makes: whom to connect to, who offers, when to roll back, answer or rebuild.
//!
//! A [`Session`] does no IO and reads no clock. Messages of the server, reports of connections and wishes of the
//! application go in by the `handle_*` methods; what follows comes out of [`Session::poll_action`], to be carried out in
//! this order. [`Session::poll_timeout`] says when [`Session::handle_timeout`] is to be called. The rules:
//!
//! - Of two participants the one with the smaller id offers (the newcomer, at a server that issues falling ids).
//! - An offer that the server delivers has won. One's own is rolled back, the other one answered, and one's own change
//!   offered again if it is still missing.
//! - Candidates are held back until the description they belong to was sent, and until the other side's was applied.
//! - A peer whose DTLS fingerprint changes has rebuilt its connection: one's own is rebuilt too.
//! - An offer that is not answered is offered again, and a peer that never answers is given up.
//! - A connection that ICE calls disconnected is left alone. Where ICE has failed, the side with the smaller id starts it
//!   anew; where that does not help, or nothing comes of the other side, the connection is built anew.
//! - When the signaling connection is lost, media goes on. The seat is resumed, or else taken anew with the token it
//!   was taken with, or else the room is joined again; no step is tried twice that the server has refused. Where none is
//!   left, the call goes on without the room until its last connection ends.
//! - When a connection to a participant gets into trouble, the server is asked for a sign of life: a signaling connection
//!   that a network has taken with it does not tell.
//! - TURN credentials are asked for anew before they expire.

mod action;
mod candidates;
mod commands;
mod description;
mod lease;
mod outbox;
mod peer;
mod probe;
mod recovery;
mod report;
mod return_path;
mod roster;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use signal_core::wire::{DecodeError, Problem, payload};
use signal_core::{
    ClientMessage, ErrorCode, IceServers, ParticipantId, Request, RequestId, ServerMessage, Signal,
    SignalKind,
};

pub use self::action::{Action, Command};
use self::commands::Commands;
use self::lease::Lease;
use self::outbox::Outbox;
use self::peer::Peer;
use self::probe::Probe;
pub use self::report::Report;
use self::return_path::ReturnPath;
pub use self::return_path::{Setback, Way};
use crate::error::CommandError;
use crate::event::{CloseReason, Event};
use crate::track_source::TrackLabel;

/// The decisions of one participant in one room.
#[derive(Debug, Default)]
pub struct Session {
    me: Option<ParticipantId>,
    peers: BTreeMap<ParticipantId, Peer>,
    /// Messages received, for the server to know what is missing.
    received: u64,
    outbox: Outbox,
    commands: Commands,
    /// Whether the server passes on what applications say to each other.
    speaks_v2: bool,
    way_back: ReturnPath,
    /// Why no way leads back, while media goes on nevertheless.
    adrift: Option<String>,
    lease: Lease,
    probe: Probe,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session before the first message of the server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a message of the server.
    pub fn handle_message(&mut self, message: ServerMessage, now: Instant) {
        if self.way_back.is_over() {
            return;
        }
        self.probe.end();
        // Everything but `resumed` is counted, on both sides.
        self.received += 1;
        match message {
            ServerMessage::Error { code, message, retry_after, req, .. } => {
                self.refused(code, message, retry_after, req.as_ref());
            }
            ServerMessage::IceServers { ice, .. } => self.use_ice_servers(ice, now),
            ServerMessage::Joined { participant_id, participants, welcome } => {
                self.speaks_v2 = welcome.is_some();
                self.start_anew(participant_id);
                self.lease = Lease::default();
                if let Some(welcome) = welcome {
                    self.way_back.entered(Some(welcome.resume_token), now);
                    self.lease.set_clock(welcome.server_time, now);
                    self.use_ice_servers(welcome.ice, now);
                } else {
                    self.way_back.entered(None, now);
                }
                for participant in participants {
                    self.meet(participant);
                }
            }
            ServerMessage::Kicked { reason } => self.end(CloseReason::Kicked { reason }),
            ServerMessage::Message { from, topic, data } => {
                let (topic, data) = (topic.as_str().to_owned(), data.as_bytes().to_vec().into());
                self.emit(Event::Message { from, topic, data });
            }
            ServerMessage::PeerJoined { participant } => self.meet(participant),
            ServerMessage::PeerLeft { participant_id, reason } => self.part(participant_id, reason),
            ServerMessage::PeerUpdated { participant_id, update } => {
                self.peer_updated(participant_id, &update);
            }
            ServerMessage::Pong { req, .. } => {
                let next = self.commands.answered(req.as_ref());
                self.actions.extend(next.map(Action::Request));
            }
            ServerMessage::Resumed(resumed) => {
                self.received -= 1;
                self.resumed(resumed, now);
            }
            ServerMessage::RoomClosed { reason, .. } => {
                self.end(CloseReason::RoomClosed { reason })
            }
            ServerMessage::ServerDraining { reconnect_after } => {
                self.way_back.drained(reconnect_after)
            }
            ServerMessage::Signal { from, signal } => self.signal(from, &signal, now),
            _ => {}
        }
    }

    /// Takes in that a message of the server was not understood. It counts all the same, and a refusal is one whatever its
    /// code.
    pub fn handle_unknown(&mut self, error: &DecodeError) {
        if self.way_back.is_over() {
            return;
        }
        self.received += 1;
        if let Problem::UnknownErrorCode(code) = &error.problem {
            let (code, message) = (code.clone(), error.to_string());
            let refused = CommandError::Refused { code, message, retry_after: None };
            self.commands.refused(error.req.as_ref(), &refused);
        }
    }

    /// Takes in that the signaling connection was lost, or could not be had again.
    ///
    /// `jitter` is a random number from 0 up to 1: it spreads out those who lost the same server.
    pub fn handle_setback(&mut self, setback: Setback, jitter: f64, now: Instant) {
        if self.way_back.is_over() || self.adrift.is_some() {
            return;
        }
        self.probe.end();
        if self.outbox.pause() {
            self.emit(Event::Reconnecting);
        }
        let is_calling = self.peers.values().any(Peer::carries_media);
        match self.way_back.after(setback, self.received, is_calling, jitter, now) {
            Ok((way, after)) => self.actions.push_back(Action::Reconnect { way, after }),
            Err(CloseReason::SignalingLost { reason }) if is_calling => self.drift(reason),
            Err(reason) => self.end(reason),
        }
    }

    /// Takes in what connection number `connection` to `peer` has to tell; one that was closed has nothing to say.
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
            Report::Answer { negotiation, sdp } => peer.answer_made(negotiation, &sdp, actions),
            Report::Broken => peer.broken(actions, now),
            Report::Candidate(candidate) => peer.candidate_found(candidate, actions),
            Report::IceConnected => peer.ice_connected(me < peer.id(), now),
            Report::NegotiationNeeded => peer.negotiation_needed(actions),
            Report::Offer { negotiation, sdp, tracks } => {
                peer.offer_made(negotiation, &sdp, &tracks, actions, now);
            }
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

    /// Takes in that it is `now`, which is of interest at the time that [`poll_timeout`](Self::poll_timeout) tells.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.lease.is_due(now) {
            self.actions.push_back(Action::Send(ClientMessage::GetIceServers));
        }
        if self.probe.has_failed(now) {
            self.actions.push_back(Action::HangUp);
        }
        let is_away = self.outbox.is_paused();
        for peer in self.peers.values_mut() {
            peer.timeout(is_away, &mut self.actions, now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, unless something else comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let peers = self.peers.values().filter_map(Peer::deadline);
        peers
            .chain(self.lease.deadline())
            .chain(self.probe.deadline())
            .min()
            .filter(|_| !self.way_back.is_over())
    }

    /// Starts ICE anew with a participant, which needs an offer from this side.
    pub fn restart_ice(&mut self, peer: ParticipantId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.restart_ice(&mut self.actions);
        }
    }

    /// Asks something of the server, and numbers it: [`poll_outcome`](Self::poll_outcome) will tell what came of it.
    pub fn handle_command(&mut self, message: ClientMessage) -> u64 {
        if self.way_back.is_over() || self.adrift.is_some() {
            return self.commands.refuse(CommandError::Closed);
        }
        if !self.speaks_v2 {
            return self.commands.refuse(CommandError::Unsupported);
        }
        let (number, requests) = self.commands.issue(message);
        self.actions.extend(requests.into_iter().map(Action::Request));
        number
    }

    /// Takes out what came of a command: whether the server has taken it, or why not.
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<(u64, Result<(), CommandError>)> {
        self.commands.poll_outcome()
    }

    /// Leaves the room for good.
    pub fn leave(&mut self) {
        if !self.way_back.is_over() {
            self.actions.push_back(Action::Send(ClientMessage::Leave));
            self.end(CloseReason::Left);
        }
    }

    /// Closes every connection, for a reason that lies outside the session.
    pub fn end(&mut self, reason: CloseReason) {
        if self.way_back.is_over() {
            return;
        }
        for peer in self.peers.values_mut() {
            peer.close(&mut self.actions);
        }
        self.peers.clear();
        self.way_back.close();
        self.commands.fail_all(&CommandError::Closed);
        self.emit(Event::Closed(reason));
    }

    /// Takes out the next thing to do; `None` when there is nothing left.
    ///
    /// Messages to the server wait while there is no signaling connection.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        loop {
            if let Some(request) = self.outbox.poll() {
                return Some(match request {
                    Request { message, req: None } => Action::Send(message),
                    request => Action::Request(request),
                });
            }
            match self.actions.pop_front()? {
                Action::Request(request) => self.outbox.push(request),
                Action::Send(message) => self.outbox.push(Request { message, req: None }),
                action => return Some(action),
            }
        }
    }

    /// This participant's id, once the server has told it.
    pub fn id(&self) -> Option<ParticipantId> {
        self.me
    }

    /// What has taken a connection away may have taken the server as well.
    fn doubt(&mut self, now: Instant) {
        if !self.outbox.is_paused() && self.way_back.knows_v2() && self.probe.begin(now) {
            let t = payload(&()).expect("null has a JSON form");
            self.actions.push_back(Action::Send(ClientMessage::Ping { t }));
        }
    }

    fn use_ice_servers(&mut self, ice: IceServers, now: Instant) {
        self.lease.granted(ice.expires_at, now);
        self.actions.push_back(Action::UseIceServers(ice));
    }

    fn signal(&mut self, from: ParticipantId, signal: &Signal, now: Instant) {
        let Some(me) = self.me else { return };
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let payload = signal.payload.as_bytes();
        let number = signal.negotiation;
        match signal.kind {
            SignalKind::Answer | SignalKind::Offer => {
                let Ok(sdp) = serde_json::from_slice(payload) else {
                    tracing::warn!(%from, "a description that is not a string is ignored");
                    return;
                };
                if signal.kind == SignalKind::Offer {
                    let tracks =
                        signal.tracks.as_ref().map(|tracks| TrackLabel::list(tracks.as_bytes()));
                    peer.offered(sdp, tracks.unwrap_or_default(), number, &mut self.actions);
                } else {
                    peer.answered(sdp, number, &mut self.actions);
                }
                peer.expect_connection(me < from, now);
            }
            // Besides candidates there are `null` and `""`, which mark their end.
            SignalKind::Candidate => {
                if let Ok(candidate) = serde_json::from_slice(payload) {
                    peer.candidate_received(candidate, &mut self.actions);
                }
            }
        }
    }

    fn refused(
        &mut self,
        code: ErrorCode,
        message: String,
        retry_after: Option<Duration>,
        req: Option<&RequestId>,
    ) {
        if code == ErrorCode::OfferConflict {
            // The offer that won is on its way, or here already; answering it is all there is to do.
            tracing::debug!("both sides have offered at once, and the other side's offer has won");
            return;
        }
        let code = code.to_string();
        let error =
            CommandError::Refused { code: code.clone(), message: message.clone(), retry_after };
        // What is over the limit is dropped unread, and the rest of it in silence: nothing is known of any command.
        let is_told = if error.is_rate_limit() {
            self.commands.fail_all(&error)
        } else {
            self.commands.refused(req, &error)
        };
        if !is_told {
            self.emit(Event::SignalingError { code, message });
        }
    }

    fn emit(&mut self, event: Event) {
        self.actions.push_back(Action::Event(event));
    }
}
