//! What a connection tells a session.

use super::event::ConnectionState;
use super::ice_candidate::IceCandidate;
use super::track_source::TrackLabel;

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
    /// It cannot do what it was told, so that only another connection helps.
    Broken,
    /// A candidate of this side.
    Candidate(IceCandidate),
    /// ICE has found a path. It remains for the two ends to agree on keys (DTLS), after which the state is `Connected`.
    IceConnected,
    /// The descriptions that were exchanged have no place for something of this side, so that it has
    /// to offer: for a track that did not fit into an answer, or for the first data channel.
    NegotiationNeeded,
    /// The offer that was asked for.
    Offer {
        /// As in the command.
        negotiation: u32,
        /// The offer.
        sdp: String,
        /// What its tracks are of.
        tracks: Vec<TrackLabel>,
    },
    /// The connection's state changed; `Failed` if ICE or DTLS does not get through any more.
    State(ConnectionState),
}

impl Report {
    /// Whether the connection does not get through any more, for now or for good.
    pub(super) fn tells_of_trouble(&self) -> bool {
        matches!(self, Self::State(ConnectionState::Disconnected | ConnectionState::Failed))
    }
}
