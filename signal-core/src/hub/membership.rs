//! What members learn about their room and each other, from the difference between records.

use std::sync::Arc;
use std::time::Duration;

use super::difference::Difference;
use super::io::Output;
use super::local_room::LocalRoom;
use super::{AskedBy, Hub};
use crate::close_code::CloseCode;
use crate::ids::{ConnId, ParticipantId, RoomId};
use crate::message::ServerMessage;
use crate::permissions::Permissions;
use crate::protocol::ProtocolVersion;
use crate::reason::{CloseReason, LeaveReason};
use crate::room::{Op, Presence, Room, Seat, Status};
use crate::time::Timestamp;
use crate::wording;

impl Hub {
    /// Adopts a newer record and tells the members what has changed.
    ///
    /// This is the only source of `peer_joined`, `peer_left`, `peer_updated`, `room_updated` and
    /// `room_closed`, so one node and many nodes report the same.
    pub(super) fn see(&mut self, record: &Arc<Room>, now: Timestamp) {
        let room = record.id();
        let known = self.rooms.get(&room).and_then(|local| local.record());
        if let Some(known) = known
            && known.epoch() != record.epoch()
            && record.is_newer_than(known)
        {
            // The known room is over, and another one has its id.
            self.room_removed(room, now);
        }
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let Some(difference) = local.see(record) else { return };
        self.deadlines.set(room, local.deadline(record.deadline()));
        match record.status() {
            Status::Closed(reason) => self.room_closed(room, reason, now),
            Status::Open => self.broadcast_difference(room, record, difference, now),
        }
        self.release_held(room, now);
        self.unwatch_if_idle(room);
    }

    fn broadcast_difference(
        &mut self,
        room: RoomId,
        record: &Room,
        difference: Difference,
        now: Timestamp,
    ) {
        let Difference {
            left,
            joined,
            updated,
            permitted,
            room: info,
            extended,
            password_attempts,
        } = difference;
        for &(id, reason) in &left {
            self.unseat_member(room, id, reason, now);
        }
        self.follow_seats(room, record);
        for (participant_id, reason) in left {
            let message = ServerMessage::PeerLeft { participant_id, reason: Some(reason) };
            self.broadcast(room, &message, None, now);
        }
        for seat in joined.into_iter().filter_map(|id| record.seat(id)) {
            self.broadcast(
                room,
                &ServerMessage::PeerJoined { participant: seat.participant() },
                None,
                now,
            );
        }
        for (participant_id, update) in updated {
            self.broadcast_update(room, record, participant_id, update, now);
        }
        for (id, permissions) in permitted {
            self.tell_permissions(room, id, permissions, now);
        }
        if let Some(info) = info {
            self.broadcast_v2(room, &ServerMessage::RoomUpdated { room: info }, None, now);
        }
        if extended {
            self.renew_ice_servers(room);
        }
        if password_attempts && let Some(creator) = record.seats().iter().find(|s| s.is_creator()) {
            self.tell_password_attempts(record, creator, now);
        }
    }

    /// Tells a member that speaks v2 what it may do now.
    fn tell_permissions(
        &mut self,
        room: RoomId,
        id: ParticipantId,
        permissions: Permissions,
        now: Timestamp,
    ) {
        let member = self.rooms.get(&room).and_then(|local| local.member(id));
        if member.is_some_and(|member| member.protocol == ProtocolVersion::V2) {
            self.send(room, id, &ServerMessage::PermissionsUpdated { permissions }, now);
        }
    }

    /// Tells a creator that enters a room that it accepts no passwords for now.
    pub(super) fn tell_if_attempts_ran_out(&mut self, record: &Room, seat: &Seat, now: Timestamp) {
        if seat.is_creator() && record.password_attempts_ran_out() {
            self.tell_password_attempts(record, seat, now);
        }
    }

    /// Tells the creator, if it speaks v2, how many password attempts its room has left.
    fn tell_password_attempts(&mut self, record: &Room, creator: &Seat, now: Timestamp) {
        let message = ServerMessage::PasswordAttempts {
            left: record.password_attempts_left(now),
            retry_after: record.next_password_attempt_in(now),
        };
        match creator.protocol {
            ProtocolVersion::V1 => {}
            ProtocolVersion::V2 => self.send(record.id(), creator.id, &message, now),
        }
    }

    /// Removes a member whose seat is gone.
    fn unseat_member(
        &mut self,
        room: RoomId,
        id: ParticipantId,
        reason: LeaveReason,
        now: Timestamp,
    ) {
        let Some(conn) = self.rooms.get(&room).and_then(|local| local.member(id)?.conn) else {
            self.remove_member(room, id);
            return;
        };
        let code = match reason {
            LeaveReason::Kicked => {
                self.send_kicked(room, id, conn, now);
                CloseCode::Kicked
            }
            LeaveReason::Replaced => CloseCode::Replaced,
            // Another node, or the host, has ended the seat.
            LeaveReason::Left | LeaveReason::Lost => CloseCode::ResumeFailed,
        };
        self.remove_member(room, id);
        self.close_without_seat(conn, code);
    }

    fn send_kicked(&mut self, room: RoomId, id: ParticipantId, conn: ConnId, now: Timestamp) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let reason = wording::kicked(connection.language).to_owned();
        let message = match connection.protocol {
            ProtocolVersion::V1 => ServerMessage::RoomClosed { reason, code: None },
            ProtocolVersion::V2 => ServerMessage::Kicked { reason },
        };
        self.send(room, id, &message, now);
    }

    /// Removes members that have resumed elsewhere, and closes sockets that were declared lost.
    fn follow_seats(&mut self, room: RoomId, record: &Room) {
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let mut moved = Vec::new();
        let mut cut = Vec::new();
        for (id, member) in local.members_mut() {
            let Some(seat) = record.seat(id) else { continue };
            if seat.attachment.node != self.node || seat.generation != member.generation {
                moved.push((id, member.conn));
            } else if member.attachment != seat.attachment {
                // Resumed by another connection of this node, which gets its answer next.
                member.attachment = seat.attachment;
            } else if let (Some(conn), Presence::Detached { .. }) = (member.conn, seat.presence) {
                cut.push((id, conn));
            }
        }
        for (id, conn) in moved {
            self.remove_member(room, id);
            if let Some(conn) = conn {
                self.close_without_seat(conn, CloseCode::Replaced);
            }
        }
        for (id, conn) in cut {
            self.detach_member(room, id);
            self.close_without_seat(conn, CloseCode::Unavailable);
        }
    }

    fn room_closed(&mut self, room: RoomId, reason: CloseReason, now: Timestamp) {
        let Some(local) = self.rooms.get(&room) else { return };
        let members: Vec<_> = local.members().map(|(id, member)| (id, member.conn)).collect();
        for (id, conn) in members {
            if let Some(conn) = conn {
                self.send_closed(room, id, conn, reason, now);
            }
            self.remove_member(room, id);
            if let Some(conn) = conn {
                self.close_without_seat(conn, CloseCode::RoomClosed);
            }
        }
    }

    /// Handles that the store no longer has the room: it expired long ago, or was removed.
    pub(super) fn room_removed(&mut self, room: RoomId, now: Timestamp) {
        let Some(record) = self.rooms.get_mut(&room).and_then(LocalRoom::remove_record) else {
            return;
        };
        let reason =
            if record.expires_at() <= now { CloseReason::Expired } else { CloseReason::ByAdmin };
        self.deadlines.set(room, None);
        self.room_closed(room, reason, now);
        self.unwatch_if_idle(room);
    }

    fn send_closed(
        &mut self,
        room: RoomId,
        id: ParticipantId,
        conn: ConnId,
        reason: CloseReason,
        now: Timestamp,
    ) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let text = reason.text(connection.language).to_owned();
        self.send(room, id, &ServerMessage::RoomClosed { reason: text, code: Some(reason) }, now);
    }

    /// Asks for new ICE servers, since the credentials expire when the room would have ended.
    fn renew_ice_servers(&mut self, room: RoomId) {
        let Some(local) = self.rooms.get(&room) else { return };
        let v2 = local.members().filter(|(_, member)| member.protocol == ProtocolVersion::V2);
        let wanted = v2.filter_map(|(participant, member)| {
            Some(Output::IceServersWanted { conn: member.conn?, room, participant, req: None })
        });
        self.outputs.extend(wanted);
    }

    /// Handles the deadline of a room.
    pub(super) fn due(&mut self, room: RoomId, now: Timestamp) {
        let Some(local) = self.rooms.get_mut(&room) else {
            return self.forget_accounts(room, now);
        };
        local.trim(&self.config.replay, now);
        self.close_stalled(room, now);
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let prune_at = local.prune_at();
        let is_due = prune_at.is_some_and(|at| at <= now);
        self.deadlines.set(room, local.deadline(prune_at.filter(|_| !is_due)));
        if is_due {
            self.commit(room, Op::Prune, AskedBy::Timer);
        }
    }

    /// Handles the answer to a prune. If the deadline has still passed, the clock of the store is
    /// behind, so the hub asks again soon.
    pub(super) fn pruned(&mut self, room: RoomId, now: Timestamp) {
        let Some(local) = self.rooms.get(&room) else { return };
        let prune_at = local.prune_at().map(|at| at.max(now + PRUNE_PAUSE));
        self.deadlines.set(room, local.deadline(prune_at));
    }
}

const PRUNE_PAUSE: Duration = Duration::from_secs(1);
