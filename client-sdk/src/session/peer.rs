//! One other participant: the negotiation with it, and the connection that comes of it.

mod upkeep;

use std::collections::VecDeque;
use std::time::Instant;

use signal_core::wire::payload;
use signal_core::{ClientMessage, ParticipantId, Payload, Signal, SignalKind};

use super::candidates::Candidates;
use super::description::Remote;
use super::recovery::Recovery;
use super::{Action, Command};
use crate::event::ConnectionState;
use crate::ice::IceCandidate;
use crate::track_source::TrackLabel;

#[derive(Debug)]
pub(super) struct Peer {
    id: ParticipantId,
    /// The number of the connection that is open.
    connection: Option<u32>,
    connections_opened: u32,
    negotiation: Negotiation,
    /// The number of the description that was asked for last.
    last_negotiation: u32,
    /// Offers of the other side that were not answered yet.
    unanswered: u32,
    /// The largest number that a negotiation of this pair had, on either side.
    number: u32,
    /// The number of the negotiation that is under way or was settled last; `None` if the other side gave none.
    current: Option<u32>,
    state: ConnectionState,
    /// It has left the room, or the room has lost it; only its media is still there.
    is_gone: bool,
    /// Something changed on this side that the other does not know yet.
    offer_wanted: bool,
    restart_wanted: bool,
    remote: Option<Remote>,
    candidates: Candidates,
    /// Offers in a row that the other side has not answered.
    unheard: u8,
    /// Whether the last answer may have been to an offer before the last.
    is_doubtful: bool,
    recovery: Recovery,
    /// Whether there is no connection because nothing has helped.
    is_given_up: bool,
}

/// Where the exchange of descriptions stands, seen from this side.
#[derive(Debug, Eq, PartialEq)]
enum Negotiation {
    /// The other side's offer is being answered.
    Answering {
        /// The offer: answered once more if the connection fails over it.
        sdp: String,
        tracks: Vec<TrackLabel>,
    },
    /// This side's offer was sent.
    Offered {
        restarts_ice: bool,
        /// When the answer should be there.
        due: Instant,
    },
    /// This side's offer is being made.
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
            remote: None,
            candidates: Candidates::default(),
            unheard: 0,
            is_doubtful: false,
            recovery: Recovery::default(),
            is_given_up: false,
        }
    }

    /// Offers, now or as soon as what is under way is settled.
    pub(super) fn offer(&mut self, actions: &mut VecDeque<Action>) {
        if self.is_gone {
            return;
        }
        if self.negotiation != Negotiation::Stable {
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
        let command =
            Command::Offer { negotiation: self.last_negotiation, restart_ice: restarts_ice };
        self.command(command, actions);
    }

    pub(super) fn restart_ice(&mut self, actions: &mut VecDeque<Action>) {
        self.restart_wanted = true;
        self.offer(actions);
    }

    pub(super) fn negotiation_needed(&mut self, actions: &mut VecDeque<Action>) {
        // While something is under way it carries the change, or the connection will tell again. Before the first
        // description of the other side, whoever has to offer does so anyway.
        if self.negotiation == Negotiation::Stable && self.remote.is_some() {
            self.offer(actions);
        }
    }

    /// The other side's offer was delivered, so it has won.
    pub(super) fn offered(
        &mut self,
        sdp: String,
        tracks: Vec<TrackLabel>,
        number: Option<u32>,
        actions: &mut VecDeque<Action>,
    ) {
        self.current = number;
        self.number = self.number.max(number.unwrap_or(0));
        // An answer with a number names its offer; without, the server counts one for each.
        self.unanswered = if number.is_some() { 1 } else { self.unanswered + 1 };
        self.answer(sdp, tracks, actions);
    }

    /// The other side's answer to this side's offer was delivered.
    pub(super) fn answered(
        &mut self,
        sdp: String,
        number: Option<u32>,
        actions: &mut VecDeque<Action>,
    ) {
        if number.is_some() && number != self.current {
            return;
        }
        let remote = Remote::of(&sdp);
        let known = self.remote.as_ref();
        match self.negotiation {
            // New ICE credentials that nobody asked for come from another connection as well.
            Negotiation::Offered { restarts_ice, .. }
                if known.is_some_and(|known| {
                    known.is_rebuilt_as(&remote)
                        || (!restarts_ice && known.restarts_ice_as(&remote))
                }) =>
            {
                self.rebuild(actions);
            }
            Negotiation::Offered { .. } => {
                self.command(Command::Accept { sdp }, actions);
                self.remote = Some(remote);
                self.is_doubtful = std::mem::take(&mut self.unheard) > 0;
                self.settled(actions);
            }
            // Without numbers, the answer to an offer that was replaced while it was on its way is taken for the answer
            // to the last one, until that comes.
            Negotiation::Stable if number.is_none() => match known {
                Some(known) if *known != remote => self.rebuild(actions),
                Some(_) if std::mem::take(&mut self.is_doubtful) => self.offer(actions),
                Some(_) | None => {}
            },
            Negotiation::Answering { .. } | Negotiation::Offering { .. } | Negotiation::Stable => {}
        }
    }

    pub(super) fn candidate_received(
        &mut self,
        candidate: IceCandidate,
        actions: &mut VecDeque<Action>,
    ) {
        if candidate.candidate.is_empty() {
            return;
        }
        let belongs = self.remote.as_ref().is_some_and(|remote| remote.takes(&candidate));
        // A connection that answers may yet fail over the offer; its successor needs the candidates as well.
        if belongs && !matches!(self.negotiation, Negotiation::Answering { .. }) {
            return self.command(Command::Candidate(candidate), actions);
        }
        self.candidates.keep_early(candidate);
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

    pub(super) fn answer_made(
        &mut self,
        negotiation: u32,
        sdp: &str,
        actions: &mut VecDeque<Action>,
    ) {
        if !matches!(self.negotiation, Negotiation::Answering { .. })
            || negotiation != self.last_negotiation
        {
            return;
        }
        // The server counts an answer for each offer and passes on the one to the last, which this is.
        for _ in 0..std::mem::take(&mut self.unanswered) {
            self.send(SignalKind::Answer, sdp, &[], actions);
        }
        self.settled(actions);
    }

    pub(super) fn candidate_found(
        &mut self,
        candidate: IceCandidate,
        actions: &mut VecDeque<Action>,
    ) {
        self.candidates.found(candidate);
        self.send_candidates(actions);
    }

    pub(super) fn close(&mut self, actions: &mut VecDeque<Action>) {
        if self.connection.take().is_some() {
            actions.push_back(Action::Close { peer: self.id });
        }
        self.negotiation = Negotiation::Stable;
        self.offer_wanted = false;
        self.restart_wanted = false;
        self.remote = None;
        self.state = ConnectionState::Connecting;
        self.recovery.start_anew();
        self.candidates.forget_found();
    }

    /// Messages of this pair were lost, and with them what was being negotiated. Whoever is not connected, or was
    /// changing something, offers again.
    pub(super) fn void_negotiation(&mut self, offers: bool, actions: &mut VecDeque<Action>) {
        if matches!(self.negotiation, Negotiation::Answering { .. }) {
            // The answer is being made: it goes to an offer that nobody remembers, and the next offer settles it.
            return;
        }
        let was_offering = self.take_back(actions);
        if was_offering || (offers && !self.is_connected()) {
            self.offer(actions);
        }
    }

    /// The room has lost it; what still flows is kept until it stops.
    pub(super) fn keep_media_only(&mut self) {
        self.is_gone = true;
    }

    pub(super) fn is_gone_for_good(&self) -> bool {
        self.is_gone && !self.carries_media()
    }

    /// Whether media flows, or did until a moment ago.
    pub(super) fn carries_media(&self) -> bool {
        match self.state {
            ConnectionState::Connected | ConnectionState::Disconnected => self.connection.is_some(),
            ConnectionState::Connecting | ConnectionState::Failed => false,
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
        self.connections_opened += 1;
        self.connection = Some(self.connections_opened);
        actions.push_back(Action::Open {
            peer: self.id,
            connection: self.connections_opened,
            offers,
        });
    }

    fn answer(&mut self, sdp: String, tracks: Vec<TrackLabel>, actions: &mut VecDeque<Action>) {
        let remote = Remote::of(&sdp);
        if self.connection.is_some()
            && self.remote.as_ref().is_some_and(|known| known.is_rebuilt_as(&remote))
        {
            self.close(actions);
        }
        let restarts_ice = self.remote.as_ref().is_none_or(|known| known.restarts_ice_as(&remote));
        match self.negotiation {
            Negotiation::Offered { restarts_ice: own, .. }
            | Negotiation::Offering { restarts_ice: own } => {
                self.command(Command::Rollback, actions);
                // The server drops the candidates of a refused offer; they go with the answer again.
                self.candidates.send_again();
                self.restart_wanted |= own && !restarts_ice;
                self.offer_wanted |= self.restart_wanted;
            }
            Negotiation::Answering { .. } | Negotiation::Stable => {}
        }
        if self.connection.is_none() {
            self.open(false, actions);
        } else if self.remote.is_some() && restarts_ice {
            self.candidates.forget_found();
        }
        self.negotiation = Negotiation::Answering { sdp: sdp.clone(), tracks: tracks.clone() };
        self.last_negotiation += 1;
        self.command(Command::Answer { negotiation: self.last_negotiation, sdp, tracks }, actions);
        self.remote = Some(remote);
    }

    /// Takes back the offer of this side that is under way; `false` if there is none.
    fn take_back(&mut self, actions: &mut VecDeque<Action>) -> bool {
        let was_offering = match self.negotiation {
            Negotiation::Offered { restarts_ice, .. } | Negotiation::Offering { restarts_ice } => {
                self.command(Command::Rollback, actions);
                self.restart_wanted |= restarts_ice;
                true
            }
            Negotiation::Answering { .. } | Negotiation::Stable => false,
        };
        self.negotiation = Negotiation::Stable;
        self.candidates.send_again();
        was_offering
    }

    fn settled(&mut self, actions: &mut VecDeque<Action>) {
        self.negotiation = Negotiation::Stable;
        for candidate in self.candidates.take_early(self.remote.as_ref()) {
            self.command(Command::Candidate(candidate), actions);
        }
        self.send_candidates(actions);
        if self.offer_wanted || self.restart_wanted {
            self.offer(actions);
        }
    }

    /// Sends the candidates that are due, unless the description they belong to is still to be sent.
    fn send_candidates(&mut self, actions: &mut VecDeque<Action>) {
        if matches!(self.negotiation, Negotiation::Answering { .. } | Negotiation::Offering { .. })
        {
            return;
        }
        for candidate in self.candidates.take_unsent() {
            self.send(SignalKind::Candidate, &candidate, &[], actions);
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

    fn command(&self, command: Command, actions: &mut VecDeque<Action>) {
        actions.push_back(Action::Connection { peer: self.id, command });
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Payload {
    payload(value).expect("strings, candidates and labels have a JSON form")
}
