//! Leaving the room, which the server learns even if the signaling connection is away.

use std::time::Instant;

use signal_core::message::{ClientMessage, ServerMessage};

use super::error::CommandError;
use super::event::{CloseReason, SessionEvent};
use super::reconnect::{Reconnect, SignalingLoss};
use super::{Action, Session};

/// How the server learns that this participant has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Farewell {
    /// By the close frame of the signaling connection, which gives up the seat.
    Close,
    /// By `leave`, which also closes the room of a creator.
    Leave,
}

impl Session {
    /// Leaves the room for good.
    ///
    /// If the signaling connection is away, or is lost before the server has closed it, the actions
    /// open it again and send the message. The host decides how long to try.
    pub fn leave(&mut self) {
        if self.reconnect.is_over() {
            return;
        }
        self.actions.push_back(Action::Send(ClientMessage::Leave));
        self.end(CloseReason::Left);
        if self.farewell.is_some() {
            self.farewell = Some(Farewell::Leave);
        }
    }

    /// Ends the session for an external reason, and closes every connection.
    ///
    /// With [`CloseReason::Left`] the host then closes the signaling connection, which gives up the
    /// seat. If it is away, the actions open it again for that, as after [`leave`](Self::leave).
    pub fn end(&mut self, reason: CloseReason) {
        if self.reconnect.is_over() {
            return;
        }
        for peer in self.peers.values_mut() {
            peer.close(&mut self.actions);
        }
        self.peers.clear();
        if reason == CloseReason::Left && self.adrift.is_none() {
            self.farewell = Some(Farewell::Close);
        }
        self.reconnect.close();
        self.requests.fail_all(&CommandError::Closed);
        self.emit(SessionEvent::Closed(reason));
    }

    /// Handles a message of the server after the end. Once the room is entered again, the farewell
    /// follows.
    pub(super) fn entered_to_leave(&mut self, message: ServerMessage, now: Instant) {
        let Some(farewell) = self.farewell else { return };
        let resume_token = match message {
            ServerMessage::Joined { welcome, .. } => welcome.map(|welcome| welcome.resume_token),
            ServerMessage::Resumed(resumed) => Some(resumed.resume_token),
            _ => return,
        };
        self.reconnect.entered(resume_token, now);
        // Nothing that was kept matters any more.
        self.send_buffer.start_anew();
        if farewell == Farewell::Leave {
            self.actions.push_back(Action::Send(ClientMessage::Leave));
        }
    }

    /// Handles the loss of the signaling connection after the end.
    pub(super) fn lost_while_leaving(&mut self, loss: SignalingLoss, jitter: f64, now: Instant) {
        let Some(farewell) = self.farewell else { return };
        if matches!(loss, SignalingLoss::Lost { code: Some(AFTER_LEAVE), .. }) {
            self.farewell = None;
            return;
        }
        self.send_buffer.pause();
        let next = self.reconnect.after(loss, self.received, false, jitter, now);
        // Without the seat there is nothing to give up, but a room that may have to be closed.
        let closes_room = farewell == Farewell::Leave && self.permissions().moderate;
        match next {
            Ok((how @ Reconnect::Resume { .. }, after)) => {
                self.actions.push_back(Action::Reconnect { how, after });
            }
            Ok((how @ Reconnect::Attach, after)) if closes_room => {
                self.actions.push_back(Action::Reconnect { how, after });
            }
            Ok(_) | Err(_) => self.farewell = None,
        }
    }
}

/// The close code of the server after `leave`.
const AFTER_LEAVE: u16 = 1000;
