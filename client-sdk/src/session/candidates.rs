//! The waiting candidates of one connection, of both sides.

use std::collections::VecDeque;

use super::description::Remote;
use super::ice_candidate::IceCandidate;

#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// The candidates of this side, sent again if the server dropped them together with a refused
    /// offer.
    found: Vec<IceCandidate>,
    sent: usize,
    /// The candidates of the other side that came before their description.
    early: VecDeque<IceCandidate>,
}

impl Candidates {
    pub(super) fn found(&mut self, candidate: IceCandidate) {
        self.found.push(candidate);
    }

    /// Takes the candidates of this side that are to be sent now.
    pub(super) fn take_unsent(&mut self) -> Vec<IceCandidate> {
        let unsent = self.found[self.sent..].to_vec();
        self.sent = self.found.len();
        unsent
    }

    pub(super) fn send_again(&mut self) {
        self.sent = 0;
    }

    /// Forgets the candidates of this side from before an ICE restart.
    pub(super) fn forget_found(&mut self) {
        self.found.clear();
        self.sent = 0;
    }

    /// Keeps a candidate of the other side. If there are too many, the oldest is dropped.
    pub(super) fn keep_early(&mut self, candidate: IceCandidate) {
        if self.early.len() >= MAX_EARLY {
            self.early.pop_front();
        }
        self.early.push_back(candidate);
    }

    /// Takes the candidates of the other side that belong to its description; the others are
    /// outdated.
    pub(super) fn take_early(&mut self, remote: Option<&Remote>) -> Vec<IceCandidate> {
        let early = std::mem::take(&mut self.early).into_iter();
        early.filter(|candidate| remote.is_some_and(|remote| remote.takes(candidate))).collect()
    }
}

const MAX_EARLY: usize = 64;
