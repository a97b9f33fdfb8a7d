//! Slow readers: which senders are refused, what follows later, and which readers are closed.

use super::Hub;
use super::local_room::LocalRoom;
use super::member::Owed;
use crate::close_code::CloseCode;
use crate::ids::{ConnId, ParticipantId, RoomId, Ticket};
use crate::message::{PeerUpdate, ServerMessage};
use crate::protocol::ProtocolVersion;
use crate::room::Room;
use crate::time::Timestamp;

impl Hub {
    /// Handles that the host has written frames to a connection.
    pub(super) fn sent(&mut self, conn: ConnId, bytes: usize, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.unsent.taken(bytes, now);
        if connection.is_owed && connection.unsent.bytes() <= self.config.flood.fair_bytes {
            self.send_owed(conn, now);
        }
    }

    /// The v2 members, except one, for which messages of that sender are refused now.
    pub(super) fn flooded(
        &self,
        room: RoomId,
        sender: Ticket,
        except: ParticipantId,
    ) -> Vec<ParticipantId> {
        let Some(local) = self.rooms.get(&room) else { return Vec::new() };
        let others = local.others();
        let v2 = local.members().filter(|(id, member)| {
            *id != except
                && member.protocol == ProtocolVersion::V2
                && self.is_flooded(member.conn, sender, others)
        });
        v2.map(|(id, _)| id).collect()
    }

    pub(super) fn is_flooded(&self, conn: Option<ConnId>, sender: Ticket, others: usize) -> bool {
        let connection = conn.and_then(|conn| self.connections.get(&conn));
        connection
            .is_some_and(|connection| connection.unsent.refuses(sender, others, &self.config.flood))
    }

    /// Tells everybody what has changed about a participant. A member for which its messages are
    /// refused now gets its newest name and state later.
    pub(super) fn broadcast_update(
        &mut self,
        room: RoomId,
        record: &Room,
        about: ParticipantId,
        update: PeerUpdate,
        now: Timestamp,
    ) {
        let mut except = vec![about];
        let is_profile = update.name.is_some() || update.state.is_some();
        let sender = record.seat(about).map(|seat| seat.ticket).filter(|_| is_profile);
        if let Some(sender) = sender {
            let flooded = self.flooded(room, sender, about);
            if let Some(local) = self.rooms.get_mut(&room) {
                for (id, member) in local.members_mut() {
                    if flooded.contains(&id) || member.owed.contains_key(&about) {
                        member.owed.entry(about).or_default().add(&update);
                        except.push(id);
                    }
                }
            }
            for &id in &except[1..] {
                self.mark_owed(room, id);
                let update = PeerUpdate { name: None, state: None, ..update.clone() };
                if update != PeerUpdate::default() {
                    let message = ServerMessage::PeerUpdated { participant_id: about, update };
                    self.send(room, id, &message, now);
                }
            }
        }
        let message = ServerMessage::PeerUpdated { participant_id: about, update };
        self.broadcast_except(room, &message, sender, &except, now);
    }

    fn mark_owed(&mut self, room: RoomId, id: ParticipantId) {
        let conn = self.rooms.get(&room).and_then(|local| local.member(id)?.conn);
        if let Some(connection) = conn.and_then(|conn| self.connections.get_mut(&conn)) {
            connection.is_owed = true;
        }
    }

    /// Sends the names and states that had to wait, as far as there is space.
    pub(super) fn send_owed(&mut self, conn: ConnId, now: Timestamp) {
        let Some((room, id)) = self.connections.get(&conn).and_then(|connection| connection.seat())
        else {
            return;
        };
        while let Some(local) = self.rooms.get_mut(&room) {
            let others = local.others();
            let next = local.member_mut(id).and_then(|member| member.owed.pop_first());
            let Some((about, owed)) = next else { break };
            let Some(record) = local.record().cloned() else { break };
            // A participant that is gone by now has no name to send.
            let Some(seat) = record.seat(about) else { continue };
            if self.is_flooded(Some(conn), seat.ticket, others) {
                self.owe_again(room, id, about, owed);
                return;
            }
            let update = PeerUpdate {
                name: owed.name.then(|| seat.name.shared()),
                state: seat.state.clone().filter(|_| owed.state),
                ..PeerUpdate::default()
            };
            let message = ServerMessage::PeerUpdated { participant_id: about, update };
            self.send_from(room, id, &message, Some(seat.ticket), now);
        }
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.is_owed = false;
        }
    }

    fn owe_again(&mut self, room: RoomId, id: ParticipantId, about: ParticipantId, owed: Owed) {
        let local = self.rooms.get_mut(&room);
        if let Some(member) = local.and_then(|local| local.member_mut(id)) {
            member.owed.insert(about, owed);
        }
        self.mark_owed(room, id);
    }

    /// Has the room check later whether a connection reads.
    pub(super) fn watch_reader(&mut self, room: RoomId, now: Timestamp) {
        let at = now + self.config.unsent_patience;
        if self.rooms.get_mut(&room).is_some_and(|local| local.watch_readers(at)) {
            self.move_deadline(room);
        }
    }

    /// Closes the connections that have read nothing for too long.
    pub(super) fn close_stalled(&mut self, room: RoomId, now: Timestamp) {
        if !self.rooms.get_mut(&room).is_some_and(|local| local.takes_stall_check(now)) {
            return;
        }
        let (mut stalled, mut next) = (Vec::new(), None);
        let conns: Vec<ConnId> = self.rooms.get(&room).map(LocalRoom::sockets).unwrap_or_default();
        for conn in conns {
            let Some(connection) = self.connections.get_mut(&conn) else { continue };
            match connection.unsent.stalled_since() {
                None => connection.unsent.is_watched = false,
                Some(since) => {
                    let at = since + self.config.unsent_patience;
                    if at <= now {
                        stalled.push(conn);
                    } else {
                        next = Some(next.map_or(at, |next: Timestamp| next.min(at)));
                    }
                }
            }
        }
        if let (Some(local), Some(at)) = (self.rooms.get_mut(&room), next) {
            local.watch_readers(at);
        }
        for conn in stalled {
            self.close(conn, CloseCode::SlowConsumer, now);
        }
    }
}
