//! Every decision a participant makes: whom to connect to, who offers, when to roll back, answer or rebuild.
//!
//! A [`Session`] does no IO. Messages of the server, reports of connections and wishes of the application go in by the
//! `handle_*` methods; what follows comes out of [`Session::poll_action`], to be carried out in this order. The rules:
//!
//! - Of two participants the one with the smaller id offers (the newcomer, at a server that issues falling ids).
//! - An offer that the server delivers has won. One's own is rolled back, the other one answered, and one's own change
//!   offered again if it is still missing.
//! - Candidates are held back until the description they belong to was sent, and until the other side's was applied.
//! - A peer whose DTLS fingerprint changes has rebuilt its connection: one's own is rebuilt too.

mod description;
mod peer;

use std::collections::{BTreeMap, VecDeque};

use signal_core::{ClientMessage, ErrorCode, Participant, ParticipantId, ServerMessage, Signal, SignalKind};

use self::peer::Peer;
use crate::event::{CloseReason, ConnectionState, Event};
use crate::ice::IceCandidate;

/// The decisions of one participant in one room.
#[derive(Debug, Default)]
pub struct Session {
    me: Option<ParticipantId>,
    peers: BTreeMap<ParticipantId, Peer>,
    actions: VecDeque<Action>,
}

/// Something to do.
#[derive(Debug)]
pub enum Action {
    /// Close a connection and forget it.
    Close {
        /// To whom it is.
        peer: ParticipantId,
    },
    /// Have the connection do something; it does such things in the order in which they come.
    Connection {
        /// To whom it is.
        peer: ParticipantId,
        /// What to do.
        command: Command,
    },
    /// Tell the application.
    Event(Event),
    /// Open a connection.
    Open {
        /// To whom.
        peer: ParticipantId,
        /// Tells it from earlier ones to the same participant; reports carry it.
        connection: u32,
        /// Whether it will offer first.
        offers: bool,
    },
    /// Send a message to the server.
    Send(ClientMessage),
}

/// Something for a connection to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Apply the other side's answer.
    Accept {
        /// The answer.
        sdp: String,
    },
    /// Apply the other side's offer and make an answer.
    Answer {
        /// To be reported with the answer.
        negotiation: u32,
        /// The offer.
        sdp: String,
    },
    /// Take in a candidate of the other side.
    Candidate(IceCandidate),
    /// Make an offer.
    Offer {
        /// To be reported with the offer.
        negotiation: u32,
        /// Whether ICE starts anew.
        restart_ice: bool,
    },
    /// Take back the offer that was made last.
    Rollback,
}

/// Something that a connection has to tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// The answer that was asked for.
    Answer {
        /// As in the command.
        negotiation: u32,
        /// The answer.
        sdp: String,
    },
    /// A candidate of this side.
    Candidate(IceCandidate),
    /// Something changed that needs a negotiation.
    NegotiationNeeded,
    /// The offer that was asked for.
    Offer {
        /// As in the command.
        negotiation: u32,
        /// The offer.
        sdp: String,
    },
    /// The connection's state changed; `Failed` as well if it could not do what it was told.
    State(ConnectionState),
}

impl Session {
    /// A session before the first message of the server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a message of the server.
    pub fn handle_message(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Error { code, message, .. } => self.refused(code, message),
            ServerMessage::Joined { participant_id, participants, .. } => {
                self.me = Some(participant_id);
                for participant in participants {
                    self.meet(participant);
                }
            }
            ServerMessage::PeerJoined { participant } => self.meet(participant),
            ServerMessage::PeerLeft { participant_id, .. } => {
                if let Some(mut peer) = self.peers.remove(&participant_id) {
                    peer.close(&mut self.actions);
                    self.emit(Event::ParticipantLeft(participant_id));
                }
            }
            ServerMessage::RoomClosed { reason, .. } => self.end(CloseReason::RoomClosed { reason }),
            ServerMessage::Signal { from, signal } => self.signal(from, &signal),
            _ => {}
        }
    }

    /// Takes in what connection number `connection` to `peer` has to tell; one that was closed has nothing to say.
    pub fn handle_report(&mut self, peer: ParticipantId, connection: u32, report: Report) {
        let Some(peer) = self.peers.get_mut(&peer).filter(|peer| peer.is_open(connection)) else { return };
        let actions = &mut self.actions;
        match report {
            Report::Answer { negotiation, sdp } => peer.answer_made(negotiation, &sdp, actions),
            Report::Candidate(candidate) => peer.candidate_found(candidate, actions),
            Report::NegotiationNeeded => peer.negotiation_needed(actions),
            Report::Offer { negotiation, sdp } => peer.offer_made(negotiation, &sdp, actions),
            Report::State(state) => peer.state_changed(state, actions),
        }
    }

    /// Starts ICE anew with a participant, which needs an offer from this side.
    pub fn restart_ice(&mut self, peer: ParticipantId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.restart_ice(&mut self.actions);
        }
    }

    /// Leaves the room for good.
    pub fn leave(&mut self) {
        self.actions.push_back(Action::Send(ClientMessage::Leave));
        self.end(CloseReason::Left);
    }

    /// Closes every connection, for a reason that lies outside the session.
    pub fn end(&mut self, reason: CloseReason) {
        for peer in self.peers.values_mut() {
            peer.close(&mut self.actions);
        }
        self.peers.clear();
        self.emit(Event::Closed(reason));
    }

    /// Takes out the next thing to do; `None` when there is nothing left.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// This participant's id, once the server has told it.
    pub fn id(&self) -> Option<ParticipantId> {
        self.me
    }

    fn meet(&mut self, participant: Participant) {
        let Some(me) = self.me else { return };
        let mut peer = Peer::new(participant.id);
        self.emit(Event::ParticipantJoined(participant));
        if me < peer.id() {
            peer.offer(&mut self.actions);
        }
        self.peers.insert(peer.id(), peer);
    }

    fn signal(&mut self, from: ParticipantId, signal: &Signal) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let payload = signal.payload.as_bytes();
        match signal.kind {
            SignalKind::Answer | SignalKind::Offer => {
                let Ok(sdp) = serde_json::from_slice(payload) else {
                    tracing::warn!(%from, "a description that is not a string is ignored");
                    return;
                };
                if signal.kind == SignalKind::Offer {
                    peer.offered(sdp, &mut self.actions);
                } else {
                    peer.answered(sdp, &mut self.actions);
                }
            }
            // Besides candidates there are `null` and `""`, which mark their end.
            SignalKind::Candidate => {
                if let Ok(candidate) = serde_json::from_slice(payload) {
                    peer.candidate_received(candidate, &mut self.actions);
                }
            }
        }
    }

    fn refused(&mut self, code: ErrorCode, message: String) {
        // The offer that won is on its way, or here already; answering it is all there is to do.
        if code != ErrorCode::OfferConflict {
            self.emit(Event::SignalingError { code: code.to_string(), message });
        }
    }

    fn emit(&mut self, event: Event) {
        self.actions.push_back(Action::Event(event));
    }
}
