//! Trickle ICE (RFC 8838): candidates are sent one by one, each after the description that it
//! belongs to.

use std::collections::VecDeque;

use signal_core::message::SignalKind;

use super::{Negotiation, Peer};
use crate::session::ice_candidate::IceCandidate;
use crate::session::{Action, ConnectionCommand};

impl Peer {
    pub(in crate::session) fn candidate_received(
        &mut self,
        candidate: IceCandidate,
        actions: &mut VecDeque<Action>,
    ) {
        if candidate.candidate.is_empty() {
            return;
        }
        let belongs = self.remote.as_ref().is_some_and(|remote| remote.takes(&candidate));
        // A connection may fail while it answers the offer. Its successor then needs the candidates
        // too.
        if belongs && !matches!(self.negotiation, Negotiation::Answering { .. }) {
            return self.command(ConnectionCommand::Candidate(candidate), actions);
        }
        self.candidates.keep_early(candidate);
    }

    pub(in crate::session) fn candidate_found(
        &mut self,
        candidate: IceCandidate,
        actions: &mut VecDeque<Action>,
    ) {
        self.candidates.found(candidate);
        self.send_candidates(actions);
    }

    /// Sends the waiting candidates, unless their description has not been sent yet.
    pub(super) fn send_candidates(&mut self, actions: &mut VecDeque<Action>) {
        if matches!(self.negotiation, Negotiation::Answering { .. } | Negotiation::Offering { .. })
        {
            return;
        }
        for candidate in self.candidates.take_unsent() {
            self.send(SignalKind::Candidate, &candidate, &[], actions);
        }
    }

    /// Applies the candidates of the other side that came before its description.
    pub(super) fn apply_early_candidates(&mut self, actions: &mut VecDeque<Action>) {
        for candidate in self.candidates.take_early(self.remote.as_ref()) {
            self.command(ConnectionCommand::Candidate(candidate), actions);
        }
    }
}
