//! The actions that a session asks its host to carry out.

use std::time::Duration;

use signal_core::ParticipantId;
use signal_core::ice::IceServers;
use signal_core::message::{ClientMessage, Request};

use super::event::SessionEvent;
use super::ice_candidate::IceCandidate;
use super::reconnect::Reconnect;
use super::track_source::TrackLabel;

/// An action for the host to carry out.
#[derive(Debug)]
pub enum Action {
    /// Close the connection to a participant and forget it.
    Close {
        /// The participant.
        peer: ParticipantId,
    },
    /// Close the signaling connection, which no longer works, and hand in
    /// [`SignalingLoss::Lost`](super::SignalingLoss::Lost).
    CloseSignaling,
    /// Pass a command to a connection, which executes its commands in order.
    Connection {
        /// The participant at the other end.
        peer: ParticipantId,
        /// The command.
        command: ConnectionCommand,
    },
    /// Pass an event to the application.
    Event(SessionEvent),
    /// Open a connection to a participant.
    Open {
        /// The participant.
        peer: ParticipantId,
        /// Distinguishes it from earlier connections to the same participant; its reports carry it.
        connection: u32,
        /// Whether this side offers first.
        offers: bool,
    },
    /// Open the signaling connection again, and hand in its first message or another
    /// [`SignalingLoss`](super::SignalingLoss). Media continues meanwhile.
    Reconnect {
        /// How to enter the room.
        how: Reconnect,
        /// The pause before the attempt.
        after: Duration,
    },
    /// Send a message to the server with a request id, which the answer repeats.
    Request(Request),
    /// Send a message to the server.
    Send(ClientMessage),
    /// Use these ICE servers for new connections and from the next ICE restart on.
    UseIceServers(IceServers),
}

/// A command to a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConnectionCommand {
    /// Apply an answer of the other side.
    Accept {
        /// The answer.
        sdp: String,
        /// The sources of its tracks, as far as the other side names them.
        tracks: Vec<TrackLabel>,
    },
    /// Apply an offer of the other side and make an answer.
    Answer {
        /// Returned in [`Report::Answer`](super::Report::Answer).
        negotiation: u32,
        /// The offer.
        sdp: String,
        /// The sources of its tracks, as far as the other side names them.
        tracks: Vec<TrackLabel>,
    },
    /// Add a candidate of the other side.
    Candidate(IceCandidate),
    /// Make an offer with all current tracks of this participant.
    Offer {
        /// Returned in [`Report::Offer`](super::Report::Offer).
        negotiation: u32,
        /// Whether the offer restarts ICE.
        restart_ice: bool,
    },
    /// Roll back the last offer.
    Rollback,
}
