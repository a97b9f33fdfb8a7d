//! The candidates of one connection, of both sides, as far as they have to wait.

use std::collections::VecDeque;

use super::description::Remote;
use super::ice_candidate::IceCandidate;

#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// This side's; sent again where the server dropped them with a refused offer.
    found: Vec<IceCandidate>,
    sent: usize,
    /// The other side's that came before the description they belong to was applied.
    early: VecDeque<IceCandidate>,
}

impl Candidates {
    pub(super) fn found(&mut self, candidate: IceCandidate) {
        self.found.push(candidate);
    }

    /// Those of this side that were not sent yet, which they are now.
    pub(super) fn take_unsent(&mut self) -> Vec<IceCandidate> {
        let unsent = self.found[self.sent..].to_vec();
        self.sent = self.found.len();
        unsent
    }

    pub(super) fn send_again(&mut self) {
        self.sent = 0;
    }

    /// Those that ICE found on this side before it started anew are of no use.
    pub(super) fn forget_found(&mut self) {
        self.found.clear();
        self.sent = 0;
    }

    /// Keeps one of the other side. The oldest give way, which may belong to nothing that is still to come.
    pub(super) fn keep_early(&mut self, candidate: IceCandidate) {
        if self.early.len() >= MAX_EARLY {
            self.early.pop_front();
        }
        self.early.push_back(candidate);
    }

    /// Those of the other side that belong to its description; what does not is too late.
    pub(super) fn take_early(&mut self, remote: Option<&Remote>) -> Vec<IceCandidate> {
        let early = std::mem::take(&mut self.early).into_iter();
        early.filter(|candidate| remote.is_some_and(|remote| remote.takes(candidate))).collect()
    }
}

const MAX_EARLY: usize = 64;
