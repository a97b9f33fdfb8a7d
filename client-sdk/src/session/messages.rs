//! The messages of the server.

use std::time::{Duration, Instant};

use signal_core::ErrorCode;
use signal_core::message::{RequestId, ServerMessage};
use signal_core::wire::{DecodeError, Problem};

use super::credential_refresh::IceCredentialRefresh;
use super::error::CommandError;
use super::event::{CloseReason, SessionEvent};
use super::{Action, Session};

impl Session {
    /// Handles a message of the server.
    pub fn handle_message(&mut self, message: ServerMessage, now: Instant) {
        if self.reconnect.is_over() {
            return self.entered_to_leave(message, now);
        }
        self.probe.end();
        // Both sides count every message but `resumed`.
        self.received += 1;
        match message {
            // Without an addressee, the refusal is about the rate of all messages.
            ServerMessage::Error {
                code: code @ ErrorCode::RateLimited,
                message,
                about: None,
                retry_after,
                ..
            } => {
                let error = refusal(code, message.clone(), retry_after);
                if !self.requests.over_rate(&error, now) {
                    self.signaling_error(code, message);
                }
            }
            ServerMessage::Error { code, message, retry_after, req, .. } => {
                self.refused(code, message, retry_after, req.as_ref());
            }
            ServerMessage::HostMessage { topic, data } => {
                let (topic, data) = (topic.as_str().to_owned(), data.into());
                self.emit(SessionEvent::HostMessage { topic, data });
            }
            ServerMessage::IceServers { ice, .. } => self.use_ice_servers(ice, now),
            ServerMessage::Joined { participant_id, participants, welcome } => {
                self.speaks_v2 = welcome.is_some();
                self.start_anew(participant_id);
                if let Some(welcome) = &welcome {
                    self.clock.set(welcome.server_time, now);
                    self.room_updated(welcome.room.clone(), now);
                    self.permissions_updated(welcome.permissions);
                }
                self.ice_refresh = IceCredentialRefresh::default();
                if let Some(welcome) = welcome {
                    self.reconnect.entered(Some(welcome.resume_token), now);
                    self.use_ice_servers(welcome.ice, now);
                } else {
                    self.reconnect.entered(None, now);
                }
                for participant in participants {
                    self.meet(participant);
                }
            }
            ServerMessage::Kicked { reason } => self.end(CloseReason::Kicked { reason }),
            ServerMessage::Message { from, topic, data } => {
                let (topic, data) = (topic.as_str().to_owned(), data.into());
                self.emit(SessionEvent::Message { from, topic, data });
            }
            ServerMessage::PeerJoined { participant } => self.meet(participant),
            ServerMessage::PeerLeft { participant_id, reason } => self.part(participant_id, reason),
            ServerMessage::PeerUpdated { participant_id, update } => {
                self.peer_updated(participant_id, update, now);
            }
            ServerMessage::PermissionsUpdated { permissions } => {
                self.permissions_updated(permissions);
            }
            ServerMessage::Pong { req, .. } => {
                let next = self.requests.answered(req.as_ref());
                self.actions.extend(next.map(Action::Request));
            }
            ServerMessage::Resumed(resumed) => {
                self.received -= 1;
                self.resumed(resumed, now);
            }
            ServerMessage::PasswordAttempts { left, retry_after } => {
                self.emit(SessionEvent::PasswordAttempts { left, retry_after });
            }
            ServerMessage::RoomClosed { reason, code } => self.end(match code {
                Some(signal_core::room::CloseReason::Expired) => {
                    CloseReason::RoomExpired { reason }
                }
                Some(_) | None => CloseReason::RoomClosed { reason },
            }),
            ServerMessage::RoomUpdated { room } => self.room_updated(room, now),
            ServerMessage::ServerDraining { reconnect_after } => {
                self.reconnect.asked_to_wait(reconnect_after);
            }
            ServerMessage::Signal { from, signal } => self.signal(from, &signal, now),
            _ => {}
        }
    }

    /// Handles a message of the server that could not be decoded. It counts as received, and a
    /// refusal with an unknown code still refuses its request.
    pub fn handle_unknown(&mut self, error: &DecodeError) {
        if self.reconnect.is_over() {
            return;
        }
        self.received += 1;
        if let Problem::UnknownErrorCode(code) = &error.problem {
            let (code, message) = (code.clone(), error.to_string());
            let refused = CommandError::Refused { code, message, retry_after: None };
            self.requests.refused(error.req.as_ref(), &refused);
        }
    }

    fn refused(
        &mut self,
        code: ErrorCode,
        message: String,
        retry_after: Option<Duration>,
        req: Option<&RequestId>,
    ) {
        if code == ErrorCode::OfferConflict {
            // The offer that won is here or on its way, and will be answered.
            tracing::debug!("both sides have offered at once, and the other side's offer has won");
            return;
        }
        if !self.requests.refused(req, &refusal(code, message.clone(), retry_after)) {
            self.signaling_error(code, message);
        }
    }

    fn signaling_error(&mut self, code: ErrorCode, message: String) {
        self.emit(SessionEvent::SignalingError { code: code.to_string(), message });
    }
}

fn refusal(code: ErrorCode, message: String, retry_after: Option<Duration>) -> CommandError {
    CommandError::Refused { code: code.to_string(), message, retry_after }
}
