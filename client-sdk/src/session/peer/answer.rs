//! Offers of the other side, and the answers to them.

use std::collections::VecDeque;
use std::time::Instant;

use signal_core::message::SignalKind;

use super::{Negotiation, Peer};
use crate::session::description::{self, Remote};
use crate::session::track_source::TrackLabel;
use crate::session::{Action, ConnectionCommand};

impl Peer {
    /// Handles an offer of the other side. The server has delivered it, so it has won.
    pub(in crate::session) fn offered(
        &mut self,
        sdp: String,
        tracks: Vec<TrackLabel>,
        number: Option<u32>,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        self.current = number;
        self.number = self.number.max(number.unwrap_or(0));
        // An answer with a number names its offer. Without numbers, the server expects an answer to
        // each offer.
        self.unanswered = if number.is_some() { 1 } else { self.unanswered + 1 };
        if description::has_sections(&sdp) {
            self.answer(sdp, tracks, actions, now);
        } else {
            self.answer_empty_offer(actions, now);
        }
    }

    pub(in crate::session) fn answer_made(
        &mut self,
        negotiation: u32,
        sdp: &str,
        tracks: &[TrackLabel],
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        if !matches!(self.negotiation, Negotiation::Answering { .. })
            || negotiation != self.last_negotiation
        {
            return;
        }
        self.send_answers(sdp, tracks, actions);
        self.settled(actions, now);
    }

    pub(super) fn answer(
        &mut self,
        sdp: String,
        tracks: Vec<TrackLabel>,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        let remote = Remote::of(&sdp);
        if self.connection.is_some()
            && self.remote.as_ref().is_some_and(|known| known.is_rebuilt_as(&remote))
        {
            self.close(actions);
        }
        if self.connection.is_none() && !self.may_open(now) {
            return self.postpone_answer(sdp, tracks);
        }
        let restarts_ice = self.remote.as_ref().is_none_or(|known| known.restarts_ice_as(&remote));
        match self.negotiation {
            Negotiation::Offered { restarts_ice: own, .. }
            | Negotiation::Offering { restarts_ice: own } => {
                self.command(ConnectionCommand::Rollback, actions);
                // The server dropped the candidates together with the offer that it refused.
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
            self.rerouting.answered(now);
        }
        self.negotiation = Negotiation::Answering { sdp: sdp.clone(), tracks: tracks.clone() };
        self.last_negotiation += 1;
        self.command(
            ConnectionCommand::Answer { negotiation: self.last_negotiation, sdp, tracks },
            actions,
        );
        self.remote = Some(remote);
    }

    /// Answers each unanswered offer. The server counts the answers and passes on the last one.
    pub(super) fn send_answers(
        &mut self,
        sdp: &str,
        tracks: &[TrackLabel],
        actions: &mut VecDeque<Action>,
    ) {
        for _ in 0..std::mem::take(&mut self.unanswered) {
            self.send(SignalKind::Answer, sdp, tracks, actions);
        }
    }
}
