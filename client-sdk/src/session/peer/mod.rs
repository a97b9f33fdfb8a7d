//! One other participant: the negotiation with it, and the connection to it.

mod answer;
mod empty_offer;
mod further_offer;
mod reopening;
mod rerouting;
mod trickle;
mod upkeep;

use std::collections::VecDeque;
use std::time::Instant;

use signal_core::ParticipantId;
use signal_core::message::{ClientMessage, Payload, Signal, SignalKind};

use self::further_offer::FurtherOffers;
use self::reopening::Reopening;
use self::rerouting::Rerouting;
use super::candidates::Candidates;
use super::description::Remote;
use super::diagnosis::Diagnosis;
use super::event::ConnectionState;
use super::recovery::Recovery;
use super::track_source::TrackLabel;
use super::{Action, ConnectionCommand};

#[derive(Debug)]
pub(super) struct Peer {
    id: ParticipantId,
    /// The number of the open connection.
    connection: Option<u32>,
    connections_opened: u32,
    negotiation: Negotiation,
    /// The number of the last description that a connection was commanded to make.
    last_negotiation: u32,
    /// Offers of the other side without an answer so far.
    unanswered: u32,
    /// The largest negotiation number of this pair, on either side.
    number: u32,
    /// The number of the negotiation under way or settled last; `None` if the other side gave none.
    current: Option<u32>,
    state: ConnectionState,
    /// Whether it has left the room or lost the server, and only its media is left.
    is_gone: bool,
    /// Whether to offer once the negotiation under way is settled.
    offer_wanted: bool,
    restart_wanted: bool,
    further_offers: FurtherOffers,
    remote: Option<Remote>,
    candidates: Candidates,
    /// The number of consecutive offers that the other side has not answered.
    unheard: u8,
    /// Whether the last answer may belong to an earlier offer than the last one.
    is_doubtful: bool,
    recovery: Recovery,
    reopening: Reopening,
    rerouting: Rerouting,
    diagnosis: Diagnosis,
    /// Whether the connection was given up.
    is_given_up: bool,
}

/// The state of the negotiation on this side.
#[derive(Debug, Eq, PartialEq)]
enum Negotiation {
    /// An offer of the other side is being answered.
    Answering {
        /// The offer, which another connection answers if this one fails because of it.
        sdp: String,
        tracks: Vec<TrackLabel>,
    },
    /// An offer of this side was sent.
    Offered {
        restarts_ice: bool,
        /// When the offer counts as unanswered.
        due: Instant,
    },
    /// An offer of this side is being made.
    Offering {
        restarts_ice: bool,
    },
    Stable,
}

impl Peer {
    pub(super) fn new(id: ParticipantId) -> Self {
        Self {
            id,
            connection: None,
            connections_opened: 0,
            negotiation: Negotiation::Stable,
            last_negotiation: 0,
            unanswered: 0,
            number: 0,
            current: None,
            state: ConnectionState::Connecting,
            is_gone: false,
            offer_wanted: false,
            restart_wanted: false,
            further_offers: FurtherOffers::default(),
            remote: None,
            candidates: Candidates::default(),
            unheard: 0,
            is_doubtful: false,
            recovery: Recovery::default(),
            reopening: Reopening::default(),
            rerouting: Rerouting::default(),
            diagnosis: Diagnosis::default(),
            is_given_up: false,
        }
    }

    /// Offers at once, or after the negotiation under way and the establishment of its connection.
    pub(super) fn offer(&mut self, actions: &mut VecDeque<Action>) {
        if self.is_gone {
            return;
        }
        let has_to_wait = self.reopening.is_postponed() || self.holds_offer();
        if self.negotiation != Negotiation::Stable || has_to_wait {
            self.offer_wanted = true;
            return;
        }
        if self.connection.is_none() {
            self.open(true, actions);
        }
        let restarts_ice = std::mem::take(&mut self.restart_wanted);
        if restarts_ice {
            self.candidates.forget_found();
        }
        self.offer_wanted = false;
        self.negotiation = Negotiation::Offering { restarts_ice };
        self.last_negotiation += 1;
        let command = ConnectionCommand::Offer {
            negotiation: self.last_negotiation,
            restart_ice: restarts_ice,
        };
        self.command(command, actions);
    }

    pub(super) fn restart_ice(&mut self, actions: &mut VecDeque<Action>) {
        self.restart_wanted = true;
        self.offer(actions);
    }

    /// Offers a change of this side's media. A connection that is opened later has the change from
    /// the start.
    pub(super) fn media_changed(&mut self, actions: &mut VecDeque<Action>) {
        if self.connection.is_some() {
            self.offer(actions);
        }
    }

    /// Handles an answer of the other side to an offer of this side.
    pub(super) fn answered(
        &mut self,
        sdp: String,
        tracks: Vec<TrackLabel>,
        number: Option<u32>,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        if number.is_some() && number != self.current {
            return;
        }
        let remote = Remote::of(&sdp);
        let known = self.remote.as_ref();
        match self.negotiation {
            // Unrequested new ICE credentials are also a sign of another connection.
            Negotiation::Offered { restarts_ice, .. }
                if known.is_some_and(|known| {
                    known.is_rebuilt_as(&remote)
                        || (!restarts_ice && known.restarts_ice_as(&remote))
                }) =>
            {
                self.rebuild(actions, now);
            }
            Negotiation::Offered { restarts_ice, .. } => {
                if restarts_ice {
                    self.rerouting.answered(now);
                }
                self.command(ConnectionCommand::Accept { sdp, tracks }, actions);
                self.remote = Some(remote);
                self.is_doubtful = std::mem::take(&mut self.unheard) > 0;
                self.settled(actions, now);
            }
            // Without numbers, the answer to a replaced offer is taken for the answer to the last
            // offer, until the right one arrives.
            Negotiation::Stable if number.is_none() => match known {
                Some(known) if *known != remote => self.rebuild(actions, now),
                Some(_) if std::mem::take(&mut self.is_doubtful) => self.offer(actions),
                Some(_) | None => {}
            },
            Negotiation::Answering { .. } | Negotiation::Offering { .. } | Negotiation::Stable => {}
        }
    }

    pub(super) fn offer_made(
        &mut self,
        negotiation: u32,
        sdp: &str,
        tracks: &[TrackLabel],
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        let Negotiation::Offering { restarts_ice } = self.negotiation else { return };
        if negotiation == self.last_negotiation {
            self.negotiation =
                Negotiation::Offered { restarts_ice, due: now + upkeep::ANSWER_PATIENCE };
            self.number = self.number.saturating_add(1);
            self.current = Some(self.number);
            self.send(SignalKind::Offer, sdp, tracks, actions);
            self.send_candidates(actions);
        }
    }

    pub(super) fn close(&mut self, actions: &mut VecDeque<Action>) {
        if self.connection.take().is_some() {
            actions.push_back(Action::Close { peer: self.id });
        }
        self.negotiation = Negotiation::Stable;
        self.offer_wanted = false;
        self.restart_wanted = false;
        self.further_offers = FurtherOffers::default();
        self.remote = None;
        self.state = ConnectionState::Connecting;
        self.recovery.start_anew();
        self.rerouting.settled();
        self.candidates.forget_found();
    }

    /// Handles that messages of this pair were lost, which voids the negotiation. This side offers
    /// again if it was offering, or if it is the offerer and there is no connection.
    pub(super) fn void_negotiation(
        &mut self,
        offers: bool,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        if matches!(self.negotiation, Negotiation::Answering { .. }) {
            // The answer that is being made belongs to a void offer. The next offer settles it.
            return;
        }
        let was_offering = self.take_back(actions);
        if was_offering || (offers && !self.is_connected()) {
            self.offer_anew(actions, now);
        }
    }

    /// Handles that the participant has lost the server. Its media is kept until it stops.
    pub(super) fn keep_media_only(&mut self) {
        self.is_gone = true;
    }

    pub(super) fn is_gone_for_good(&self) -> bool {
        self.is_gone && !self.carries_media()
    }

    /// Whether media flows, or has only just stopped.
    pub(super) fn carries_media(&self) -> bool {
        match self.state {
            ConnectionState::Connected | ConnectionState::Disconnected => self.connection.is_some(),
            ConnectionState::Connecting | ConnectionState::Failed => false,
        }
    }

    /// Whether an offer of this side is under way that restarts ICE.
    fn is_restarting_ice(&self) -> bool {
        match self.negotiation {
            Negotiation::Offered { restarts_ice, .. } | Negotiation::Offering { restarts_ice } => {
                restarts_ice
            }
            Negotiation::Answering { .. } | Negotiation::Stable => false,
        }
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some() && self.state == ConnectionState::Connected
    }

    pub(super) fn id(&self) -> ParticipantId {
        self.id
    }

    pub(super) fn is_open(&self, connection: u32) -> bool {
        self.connection == Some(connection)
    }

    fn open(&mut self, offers: bool, actions: &mut VecDeque<Action>) {
        self.is_given_up = false;
        self.diagnosis.opened();
        self.connections_opened += 1;
        self.connection = Some(self.connections_opened);
        actions.push_back(Action::Open {
            peer: self.id,
            connection: self.connections_opened,
            offers,
        });
    }

    /// Rolls back the offer of this side that is under way; `false` if there is none.
    fn take_back(&mut self, actions: &mut VecDeque<Action>) -> bool {
        let was_offering = match self.negotiation {
            Negotiation::Offered { restarts_ice, .. } | Negotiation::Offering { restarts_ice } => {
                self.command(ConnectionCommand::Rollback, actions);
                self.restart_wanted |= restarts_ice;
                true
            }
            Negotiation::Answering { .. } | Negotiation::Stable => false,
        };
        self.negotiation = Negotiation::Stable;
        self.candidates.send_again();
        was_offering
    }

    fn settled(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        self.negotiation = Negotiation::Stable;
        self.hold_further_offers(now);
        self.apply_early_candidates(actions);
        self.send_candidates(actions);
        if self.offer_wanted || self.restart_wanted {
            self.offer(actions);
        }
    }

    fn send<T: serde::Serialize + ?Sized>(
        &self,
        kind: SignalKind,
        value: &T,
        tracks: &[TrackLabel],
        actions: &mut VecDeque<Action>,
    ) {
        let payload = json(value);
        let tracks = (!tracks.is_empty()).then(|| json(tracks));
        let signal = Signal { kind, payload, negotiation: self.current, tracks };
        actions.push_back(Action::Send(ClientMessage::Signal { to: self.id, signal }));
    }

    fn command(&self, command: ConnectionCommand, actions: &mut VecDeque<Action>) {
        actions.push_back(Action::Connection { peer: self.id, command });
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Payload {
    Payload::new(value).expect("strings, candidates and labels have a JSON form")
}
