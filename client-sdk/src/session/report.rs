//! What a connection reports to the session.

use super::event::{ConnectionFailure, ConnectionState, NoRelay};
use super::ice_candidate::IceCandidate;
use super::track_source::TrackLabel;

/// Something that happened on a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// The answer that was commanded.
    Answer {
        /// As in [`ConnectionCommand::Answer`](super::ConnectionCommand::Answer).
        negotiation: u32,
        /// The answer.
        sdp: String,
        /// The sources of its tracks.
        tracks: Vec<TrackLabel>,
    },
    /// The connection cannot go on, for that reason. Only another connection helps.
    Broken(ConnectionFailure),
    /// ICE found a candidate of this side.
    Candidate(IceCandidate),
    /// ICE has found a path. DTLS follows, and then the state `Connected`.
    IceConnected,
    /// ICE looked for candidates, and no TURN server gave a relay although there are some, for
    /// that reason.
    NoRelay(NoRelay),
    /// The offer that was commanded.
    Offer {
        /// As in [`ConnectionCommand::Offer`](super::ConnectionCommand::Offer).
        negotiation: u32,
        /// The offer.
        sdp: String,
        /// The sources of its tracks.
        tracks: Vec<TrackLabel>,
    },
    /// What was sent to the other side does not leave this machine any more: an address of it is
    /// gone, or a relay.
    PathLost,
    /// Something of this side has no place in the descriptions, and an offer of this side is
    /// needed: a track that did not fit into an answer, or a first data channel.
    SectionMissing,
    /// The state of the connection changed; `Failed` if ICE or DTLS has failed.
    State(ConnectionState),
}

impl Report {
    /// Whether nothing gets through, for now or for good.
    pub(super) fn tells_of_trouble(&self) -> bool {
        matches!(
            self,
            Self::PathLost | Self::State(ConnectionState::Disconnected | ConnectionState::Failed)
        )
    }
}
