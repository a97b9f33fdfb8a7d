//! What a session decides.

use std::time::Duration;

use signal_core::{ClientMessage, IceServers, ParticipantId, Request};

use super::event::SessionEvent;
use super::ice_candidate::IceCandidate;
use super::reconnect::Reconnect;
use super::track_source::TrackLabel;

/// Something to do.
#[derive(Debug)]
pub enum Action {
    /// Close a connection and forget it.
    Close {
        /// To whom it is.
        peer: ParticipantId,
    },
    /// Have the connection do something; it does such things in the order in which they come.
    Connection {
        /// To whom it is.
        peer: ParticipantId,
        /// What to do.
        command: ConnectionCommand,
    },
    /// Tell the application.
    Event(SessionEvent),
    /// Give up the signaling connection, which is dead, and hand in [`SignalingLoss::Lost`](super::SignalingLoss::Lost).
    HangUp,
    /// Open a connection.
    Open {
        /// To whom.
        peer: ParticipantId,
        /// Tells it from earlier ones to the same participant; reports carry it.
        connection: u32,
        /// Whether it will offer first.
        offers: bool,
    },
    /// Come back to the room by opening a signaling connection anew, and hand in its first message or a
    /// [`SignalingLoss`](super::SignalingLoss). Media goes on meanwhile.
    Reconnect {
        /// How.
        how: Reconnect,
        /// After this time.
        after: Duration,
    },
    /// Send a message to the server that its answer names.
    Request(Request),
    /// Send a message to the server.
    Send(ClientMessage),
    /// Use these ICE servers for new connections, and where ICE starts anew.
    UseIceServers(IceServers),
}

/// Something for a connection to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConnectionCommand {
    /// Apply the other side's answer.
    Accept {
        /// The answer.
        sdp: String,
    },
    /// Apply the other side's offer and make an answer.
    Answer {
        /// To be reported with the answer.
        negotiation: u32,
        /// The offer.
        sdp: String,
        /// What its tracks are of, as far as that is told.
        tracks: Vec<TrackLabel>,
    },
    /// Take in a candidate of the other side.
    Candidate(IceCandidate),
    /// Make an offer.
    Offer {
        /// To be reported with the offer.
        negotiation: u32,
        /// Whether ICE starts anew.
        restart_ice: bool,
    },
    /// Take back the offer that was made last.
    Rollback,
}
