//! What a session decides.

use std::time::Duration;

use signal_core::{ClientMessage, IceServers, ParticipantId, Request};

use super::reconnect::Way;
use super::track_source::TrackLabel;
use crate::event::Event;
use crate::ice::IceCandidate;

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
        command: Command,
    },
    /// Tell the application.
    Event(Event),
    /// Give up the signaling connection, which is dead, and hand in [`Setback::Lost`](super::Setback::Lost).
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
    /// [`Setback`](super::Setback). Media goes on meanwhile.
    Reconnect {
        /// How.
        way: Way,
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
pub enum Command {
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
