//! The connections between participants: which ones have both descriptions of each other.

/// Every peer connection that was ever made, by number; the number stands for its DTLS fingerprint.
#[derive(Debug, Default)]
pub struct Air {
    /// The connection that each has been told of last, by a description of the other side.
    remotes: Vec<Option<u64>>,
}

/// One participant's end of a connection with a peer.
#[derive(Debug)]
pub struct PeerConnection {
    pub number: u64,
    /// The offer that awaits its answer.
    pub offer: Option<u64>,
}

impl Air {
    pub fn create(&mut self) -> PeerConnection {
        self.remotes.push(None);
        PeerConnection { number: self.remotes.len() as u64 - 1, offer: None }
    }

    pub fn remote(&self, number: u64) -> Option<u64> {
        // A hostile participant describes connections that do not exist.
        self.remotes.get(usize::try_from(number).ok()?).copied().flatten()
    }

    pub fn set_remote(&mut self, number: u64, remote: u64) {
        self.remotes[usize::try_from(number).unwrap()] = Some(remote);
    }

    pub fn close(&mut self, number: u64) {
        self.remotes[usize::try_from(number).unwrap()] = None;
    }

    /// Whether both ends know each other.
    pub fn is_connected(&self, number: u64) -> bool {
        self.remote(number).is_some_and(|remote| self.remote(remote) == Some(number))
    }
}
