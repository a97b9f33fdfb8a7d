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
    /// Sets whether the leave of this participant closes the room, which is so for the creator,
    /// unless the room was created to stay. The default is no.
    ///
    /// The actions then return to the room after [`leave`](Self::leave) even if the seat is gone,
    /// by [`Reconnect::Join`] too.
    pub fn set_leave_closes_room(&mut self, closes: bool) {
        self.leave_closes_room = closes;
    }

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
        if matches!(loss, SignalingLoss::Lost { code: Some(NORMAL | NO_STATUS), .. }) {
            self.farewell = None;
            return;
        }
        self.send_buffer.pause();
        let next = self.reconnect.after_leave(loss, self.received, jitter, now);
        // Without the seat there is nothing to give up, but the creator's room is still open.
        let closes_room = farewell == Farewell::Leave && self.leave_closes_room;
        match next {
            Some((how, after)) if closes_room || matches!(how, Reconnect::Resume { .. }) => {
                self.actions.push_back(Action::Reconnect { how, after });
            }
            Some(_) | None => self.farewell = None,
        }
    }
}

/// The close code of the server after `leave`, and of its answer to a close frame.
const NORMAL: u16 = 1000;
/// For an answer without a code (RFC 6455 section 7.1.5).
const NO_STATUS: u16 = 1005;
