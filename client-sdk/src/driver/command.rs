//! The commands of the application to the participant's task.

use std::time::Instant;

use signal_core::ParticipantId;
use signal_core::message::ClientMessage;

use super::{Driver, Reply};
use crate::connection::ConnectionRequest;
use crate::event::Event;
use crate::media::{MediaError, OpenSource};
use crate::outgoing::SharePlace;
use crate::session::{SignalingLoss, TrackSource};
use crate::slot::Slot;
use crate::wanted::Wanted;

/// One command of the application.
pub(crate) enum Command {
    /// Passed on to a connection; without one, the reply is dropped.
    Connection {
        peer: ParticipantId,
        request: ConnectionRequest,
    },
    Leave,
    Mute {
        slot: Slot,
        is_muted: bool,
    },
    Publish {
        slot: Slot,
        source: OpenSource,
        label: TrackSource,
    },
    Receive {
        from: ParticipantId,
        wanted: Wanted,
    },
    /// The signaling connection is dropped and opened again.
    Reconnect,
    /// Sent to the server; the reply comes once the server has taken or refused it.
    Request {
        message: ClientMessage,
        reply: Reply,
    },
    RestartIce {
        peer: ParticipantId,
    },
    Share {
        source: OpenSource,
        place: SharePlace,
    },
    StopSharing,
    Unpublish {
        slot: Slot,
    },
}

impl Driver {
    pub(super) fn execute(&mut self, command: Command) {
        match command {
            Command::Connection { peer, request } => {
                if let Some(connection) = self.connections.get(&peer) {
                    connection.request(request);
                }
            }
            Command::Leave => self.session.leave(),
            Command::Mute { slot, is_muted } => {
                self.outgoing.mute(slot, is_muted);
                self.session.handle_muted(self.outgoing.muted());
            }
            Command::Publish { slot, source, label } => {
                if self.outgoing.has_room(&slot) {
                    self.outgoing.publish(slot, source, label);
                } else {
                    self.degraded(slot, MediaError::TooManyTracks);
                }
            }
            Command::Receive { from, wanted } => {
                let is_here = self.roster.participant(from).is_some();
                if is_here && self.wants.change(from, wanted) {
                    self.take_wanted(from);
                }
            }
            // Without a signaling connection, one is being opened already.
            Command::Reconnect if self.signaling.is_some() => {
                let reason = "the application asked for another connection".into();
                self.handle_loss(SignalingLoss::Lost { code: None, reason });
            }
            Command::Reconnect => {}
            Command::Request { message, reply } => {
                let number = self.session.handle_request(message, Instant::now());
                self.replies.expect(number, reply);
            }
            Command::RestartIce { peer } => self.session.restart_ice(peer),
            Command::Share { source, place } => {
                if self.outgoing.has_room(&Slot::Screen) {
                    self.outgoing.share(source, place);
                } else {
                    self.events.push(Event::ShareEnded { reason: MediaError::TooManyTracks });
                }
            }
            Command::StopSharing => self.outgoing.stop_sharing(),
            Command::Unpublish { slot } => self.outgoing.unpublish(&slot),
        }
    }
}
