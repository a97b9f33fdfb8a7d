//! The reports of a connection to the session.

use super::event::{ConnectionFailure, ConnectionState, NoRelay};
use super::ice_candidate::IceCandidate;
use super::track_source::TrackLabel;

/// Something that happened on a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// The requested answer.
    Answer {
        /// As in [`ConnectionCommand::Answer`](super::ConnectionCommand::Answer).
        negotiation: u32,
        /// The answer.
        sdp: String,
        /// The sources of its tracks.
        tracks: Vec<TrackLabel>,
    },
    /// The connection cannot continue, for that reason. Only a new connection helps.
    Broken(ConnectionFailure),
    /// ICE found a candidate of this side.
    Candidate(IceCandidate),
    /// ICE has found a path. DTLS follows, and then the state `Connected`.
    IceConnected,
    /// ICE has gathered candidates, and no TURN server allocated a relay, for that reason.
    NoRelay(NoRelay),
    /// The requested offer.
    Offer {
        /// As in [`ConnectionCommand::Offer`](super::ConnectionCommand::Offer).
        negotiation: u32,
        /// The offer.
        sdp: String,
        /// The sources of its tracks.
        tracks: Vec<TrackLabel>,
    },
    /// Packets to the other side no longer leave this machine, because a local address or a relay
    /// is gone.
    PathLost,
    /// A track that did not fit into an answer, or a first data channel, has no section in the
    /// descriptions, so an offer of this side is needed.
    SectionMissing,
    /// The state of the connection changed; `Failed` if ICE or DTLS has failed.
    State(ConnectionState),
}

impl Report {
    /// Whether packets do not get through, temporarily or for good.
    pub(super) fn tells_of_trouble(&self) -> bool {
        matches!(
            self,
            Self::PathLost | Self::State(ConnectionState::Disconnected | ConnectionState::Failed)
        )
    }
}
