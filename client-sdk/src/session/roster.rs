//! The participants in the room, according to the server.

use std::time::Instant;

use bytes::Bytes;
use signal_core::message::{Missed, ParticipantInfo, PeerUpdate, Resumed, RoomInfo};
use signal_core::room::LeaveReason;
use signal_core::{ParticipantId, Permissions};

use super::error::CommandError;
use super::event::{CloseReason, SessionEvent};
use super::peer::Peer;
use super::{Action, Session};

impl Session {
    /// Enters the room under a new id. Everything under an earlier id is over, since the others saw
    /// that id leave.
    pub(super) fn start_anew(&mut self, me: ParticipantId) {
        let is_back = self.me.replace(me).is_some();
        for (id, mut peer) in std::mem::take(&mut self.peers) {
            peer.close(&mut self.actions);
            self.emit(SessionEvent::ParticipantLeft(id));
        }
        self.received = 1;
        self.send_buffer.start_anew();
        self.requests.fail_all(&CommandError::Lost);
        if is_back {
            self.actions.extend(self.requests.shown().map(Action::Send));
            self.emit(SessionEvent::Rejoined { id: me });
        }
    }

    pub(super) fn resumed(&mut self, resumed: Resumed, now: Instant) {
        let Resumed { seq, missed, resume_token, ice } = resumed;
        self.reconnect.entered(Some(resume_token), now);
        self.use_ice_servers(ice, now);
        match missed {
            Missed::Replayed { received, .. } => {
                if let Some(unfit) = self.send_buffer.drop_suspect(received) {
                    self.requests.refused(unfit.req.as_ref(), &CommandError::Lost);
                }
                let lossless = self.send_buffer.resume(received);
                self.emit(SessionEvent::Resumed { lossy: !lossless });
                if !lossless {
                    self.requests.fail_all(&CommandError::Lost);
                    self.void_negotiations(now);
                }
            }
            Missed::Snapshot { participants, room, permissions, .. } => {
                self.room_updated(room, now);
                self.permissions_updated(permissions);
                self.received = seq;
                self.send_buffer.start_anew();
                self.requests.fail_all(&CommandError::Lost);
                self.emit(SessionEvent::Resumed { lossy: true });
                self.compare(participants, now);
                // A restarted server keeps the seat, but not its state.
                self.actions.extend(self.requests.shown().map(Action::Send));
            }
        }
        for peer in self.peers.values_mut() {
            peer.try_again(&mut self.actions, now);
        }
    }

    /// Compares a snapshot with what was known, and negotiates again where there is no connection.
    fn compare(&mut self, participants: Vec<ParticipantInfo>, now: Instant) {
        let gone =
            self.peers.keys().filter(|id| !participants.iter().any(|present| present.id == **id));
        for id in gone.copied().collect::<Vec<_>>() {
            self.part(id, Some(LeaveReason::Lost));
        }
        self.void_negotiations(now);
        for participant in participants {
            if self.peers.contains_key(&participant.id) {
                // The participant may have changed meanwhile.
                self.emit(SessionEvent::ParticipantUpdated {
                    participant: participant.id,
                    name: Some(participant.name.to_string()),
                    state: participant.state.map(Bytes::from),
                    attributes: Some(participant.attributes.unwrap_or_default()),
                    publish: Some(participant.publish),
                    connected: Some(participant.connected),
                });
            } else {
                self.meet(participant);
            }
        }
    }

    /// Stores the room. The first time, it is not a change to report.
    pub(super) fn room_updated(&mut self, room: RoomInfo, now: Instant) {
        self.room_end.learn(room.expires_at, self.clock, now);
        let before = self.room.replace(room.clone());
        if before.is_some_and(|before| before != room) {
            self.emit(SessionEvent::RoomUpdated(room));
        }
    }

    /// Stores what this participant may do. The first time, it is not a change to report.
    pub(super) fn permissions_updated(&mut self, permissions: Permissions) {
        let before = self.permissions.replace(permissions);
        if before.is_some_and(|before| before != permissions) {
            self.emit(SessionEvent::PermissionsChanged(permissions));
        }
    }

    fn void_negotiations(&mut self, now: Instant) {
        let Some(me) = self.me else { return };
        for peer in self.peers.values_mut() {
            peer.void_negotiation(me < peer.id(), &mut self.actions, now);
        }
    }

    pub(super) fn meet(&mut self, participant: ParticipantInfo) {
        let Some(me) = self.me else { return };
        // Forget a participant with the same id.
        self.forget(participant.id);
        let mut peer = Peer::new(participant.id);
        self.emit(SessionEvent::ParticipantJoined(participant));
        if me < peer.id() {
            peer.offer(&mut self.actions);
        }
        self.peers.insert(peer.id(), peer);
    }

    /// Removes a participant. Media is peer to peer: if the participant only lost the server, its
    /// connection is kept for as long as media flows.
    pub(super) fn part(&mut self, id: ParticipantId, reason: Option<LeaveReason>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let keeps_media = reason == Some(LeaveReason::Lost) && peer.carries_media();
        if keeps_media {
            peer.keep_media_only();
        } else {
            self.forget(id);
        }
    }

    pub(super) fn forget(&mut self, id: ParticipantId) {
        if let Some(mut peer) = self.peers.remove(&id) {
            peer.close(&mut self.actions);
            self.emit(SessionEvent::ParticipantLeft(id));
        }
        if self.peers.is_empty()
            && let Some(reason) = self.adrift.take()
        {
            self.end(CloseReason::SignalingLost { reason });
        }
    }

    /// Continues without the room, with the existing connections.
    pub(super) fn drift(&mut self, reason: String) {
        self.emit(SessionEvent::SignalingLost { reason: reason.clone() });
        self.adrift = Some(reason);
        self.requests.fail_all(&CommandError::Lost);
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.part(id, Some(LeaveReason::Lost));
        }
    }

    pub(super) fn peer_updated(
        &mut self,
        participant: ParticipantId,
        update: PeerUpdate,
        now: Instant,
    ) {
        let Some(me) = self.me else { return };
        if let Some(peer) = self.peers.get_mut(&participant) {
            if update.lossy {
                peer.void_negotiation(me < participant, &mut self.actions, now);
            }
            if update.connected == Some(true) {
                peer.try_again(&mut self.actions, now);
            }
        }
        let name = update.name.as_deref().map(str::to_owned);
        let state = update.state.map(Bytes::from);
        self.emit(SessionEvent::ParticipantUpdated {
            participant,
            name,
            state,
            attributes: update.attributes,
            publish: update.publish,
            connected: update.connected,
        });
    }
}
