//! How a connection gets its seat: authorized, attached or resumed by the store, welcomed.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::connection::{Attaching, Connection, Phase};
use super::io::{Disconnect, Output};
use super::leaving::KeepSeat;
use super::{AskedBy, Hub};
use crate::close_code::CloseCode;
use crate::entry::Entry;
use crate::error::ErrorCode;
use crate::ice::IceServers;
use crate::ids::{Attachment, ConnId, ParticipantId, RoomId};
use crate::language::Language;
use crate::message::{Missed, ParticipantInfo, Resumed, ServerMessage, Welcome};
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::reason::LeaveReason;
use crate::room::{Op, Receipt, Reject, Room, Seat, Status};
use crate::store::Applied;
use crate::time::Timestamp;
use crate::wire;

impl Hub {
    pub(super) fn open(
        &mut self,
        conn: ConnId,
        connection: Connection,
        entry: Entry,
        now: Timestamp,
    ) {
        // A connection with an id that is in use must not get the seat of the other one.
        if self.connections.contains_key(&conn) {
            return;
        }
        self.connections.insert(conn, connection);
        self.enter(conn, entry, now);
    }

    pub(super) fn authorized(
        &mut self,
        conn: ConnId,
        entry: Result<Entry, ErrorCode>,
        now: Timestamp,
    ) {
        let is_authorizing = self
            .connections
            .get(&conn)
            .is_some_and(|connection| matches!(connection.phase, Phase::Authorizing(_)));
        if !is_authorizing {
            return;
        }
        match entry {
            Ok(entry) => self.enter(conn, entry, now),
            Err(code) => self.refuse(conn, code, CloseCode::after_refusal(code)),
        }
    }

    fn enter(&mut self, conn: ConnId, entry: Entry, now: Timestamp) {
        let attachment = self.attachment(conn);
        let Some(room) = self.connections.get(&conn).map(|connection| connection.room) else {
            return;
        };
        let is_counted = match self.count_opening(room, &entry, now) {
            Ok(is_counted) => is_counted,
            Err(retry_after) => return self.refuse_opening(conn, retry_after),
        };
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let next_token = connection.randomness.resume_token.hash();
        let client = connection.client;
        let (op, ice, last_seq) = match entry {
            Entry::Ask { credential } => {
                self.outputs.push_back(Output::Authorize { conn, room, credential });
                return;
            }
            Entry::Attach { grant, name, ice } => {
                let (protocol, suffix) = (connection.protocol, connection.randomness.suffix);
                let op = Op::Attach {
                    grant,
                    name,
                    protocol,
                    attachment,
                    resume: next_token,
                    client,
                    most_of_address: self.config.max_seats_per_address,
                    suffix,
                };
                (op, ice, 0)
            }
            Entry::Resume { token, last_seq, ice } => {
                connection.protocol = ProtocolVersion::V2;
                let (local, limit) = (self.rooms.get(&room), &self.config.replay);
                let continues =
                    local.and_then(|local| local.replayable(token, last_seq, limit, now));
                let op = Op::Resume { token, next_token, attachment, continues, client };
                (op, ice, last_seq)
            }
        };
        let Phase::Authorizing(backlog) = &mut connection.phase else { return };
        let backlog = mem::take(backlog);
        let attaching = Attaching { backlog, ice, is_counted, last_seq, lost: None };
        connection.phase = Phase::Attaching(attaching);
        let (local, is_new) = self.local_room(room);
        local.connections += 1;
        if is_new {
            self.outputs.push_back(Output::Watch(room));
        }
        self.commit(room, op, AskedBy::Attaching(conn));
    }

    /// The store has answered the attach or resume.
    pub(super) fn entered(&mut self, conn: ConnId, applied: &Applied, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if !connection.is_attaching() {
            return;
        }
        let Phase::Attaching(attaching) = mem::replace(&mut connection.phase, Phase::Leaving)
        else {
            return;
        };
        let room = connection.room;
        if let Some(how) = attaching.lost {
            self.remove_connection(conn);
            return self.detach_late(conn, room, applied.reply, how, now);
        }
        let receipt = match applied.reply {
            Ok(receipt) => receipt,
            Err(reject) => return self.reject(conn, reject),
        };
        // The newest record decides, not the receipt: the seat may be gone again.
        let Some(record) = self.rooms.get(&room).and_then(|local| local.record()).cloned() else {
            return;
        };
        let attachment = self.attachment(conn);
        let Some(seat) =
            record.seats().iter().find(|seat| seat.attachment == attachment && seat.is_attached())
        else {
            let (code, close) = loss_of_seat(receipt, &record, attachment);
            return self.refuse(conn, code, close);
        };
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.phase = Phase::Seated(seat.id);
        }
        if !attaching.is_counted {
            self.count_opened(room, seat.ticket, now);
        }
        match receipt {
            Receipt::Resumed { continued: true, .. } => {
                self.resume(conn, &record, seat, attaching, now);
            }
            Receipt::Resumed { continued: false, .. } => {
                self.send_snapshot(conn, &record, seat, attaching, now);
            }
            Receipt::Done | Receipt::Entered { .. } => {
                self.welcome(conn, &record, seat, attaching, now);
            }
        }
    }

    /// Sends `joined` to a connection that has got its seat.
    fn welcome(
        &mut self,
        conn: ConnId,
        record: &Arc<Room>,
        seat: &Seat,
        attaching: Attaching,
        now: Timestamp,
    ) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let welcome = match connection.protocol {
            ProtocolVersion::V1 => None,
            ProtocolVersion::V2 => Some(Welcome {
                room: record.info(),
                permissions: seat.permissions,
                ice: ice_or_none(attaching.ice.clone(), record),
                resume_token: Arc::clone(connection.randomness.resume_token.text()),
                resume_grace: self.config.resume_grace,
                server_time: now,
            }),
        };
        let participants = others(record, seat.id);
        self.insert_member(conn, record, seat, now);
        let message = ServerMessage::Joined { participant_id: seat.id, participants, welcome };
        self.send(record.id(), seat.id, &message, now);
        self.tell_if_attempts_ran_out(record, seat, now);
        self.handle_backlog(conn, record.id(), attaching, now);
    }

    /// Sends `resumed` and the missed messages to a connection that continues where the previous
    /// socket was lost.
    fn resume(
        &mut self,
        conn: ConnId,
        record: &Arc<Room>,
        seat: &Seat,
        attaching: Attaching,
        now: Timestamp,
    ) {
        let room = record.id();
        let Some((seq, received, frames)) = self.missed(room, seat.id, attaching.last_seq, now)
        else {
            // The replay has dropped something that was missed while the store was busy. The
            // participant comes back, and gets a snapshot.
            self.outputs.push_back(Output::Close { conn, code: CloseCode::Unavailable });
            self.remove_connection(conn);
            return self.detach(
                room,
                self.attachment(conn),
                Disconnect::Abrupt,
                KeepSeat::ForResume,
                now,
            );
        };
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let older = local.connect_member(seat.id, Some(conn));
        if let Some(older) = older.filter(|older| *older != conn) {
            self.close_without_seat(older, CloseCode::Replaced);
        }
        let missed = Missed::Replayed { replayed: frames.len() as u64, received };
        self.send_resumed(conn, seq, missed, attaching.ice.clone(), record, now);
        for frame in frames {
            self.hand_out(conn, frame, None, now);
        }
        self.send_owed(conn, now);
        self.update_profile(room, seat.id);
        self.handle_backlog(conn, room, attaching, now);
    }

    /// The numbers of messages sent and received, and the messages that a participant missed, if
    /// all of them are still kept.
    fn missed(
        &self,
        room: RoomId,
        id: ParticipantId,
        last_seq: u64,
        now: Timestamp,
    ) -> Option<(u64, u64, Vec<Bytes>)> {
        let member = self.rooms.get(&room)?.member(id)?;
        let replay = member.replay();
        let reaches = replay.reaches(last_seq, &self.config.replay, now);
        reaches.then(|| (replay.sent(), member.received, replay.after(last_seq).cloned().collect()))
    }

    /// Sends `resumed` with the current state to a connection whose messages were lost.
    fn send_snapshot(
        &mut self,
        conn: ConnId,
        record: &Arc<Room>,
        seat: &Seat,
        attaching: Attaching,
        now: Timestamp,
    ) {
        self.insert_member(conn, record, seat, now);
        let missed = Missed::Snapshot {
            participant_id: seat.id,
            participants: others(record, seat.id),
            room: record.info(),
            permissions: seat.permissions,
            resume_grace: self.config.resume_grace,
            server_time: now,
        };
        self.send_resumed(conn, 0, missed, attaching.ice.clone(), record, now);
        self.tell_if_attempts_ran_out(record, seat, now);
        self.handle_backlog(conn, record.id(), attaching, now);
    }

    /// Sends `resumed`, the one message without a number: it is handed out directly, so that no
    /// replay contains it.
    fn send_resumed(
        &mut self,
        conn: ConnId,
        seq: u64,
        missed: Missed,
        ice: Option<IceServers>,
        record: &Room,
        now: Timestamp,
    ) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let resume_token = Arc::clone(connection.randomness.resume_token.text());
        let ice = ice_or_none(ice, record);
        let message = ServerMessage::Resumed(Resumed { seq, missed, resume_token, ice });
        self.hand_out(conn, wire::encode_server(&message, ProtocolVersion::V2), None, now);
    }

    fn insert_member(&mut self, conn: ConnId, record: &Room, seat: &Seat, now: Timestamp) {
        let attachment = self.attachment(conn);
        if let Some(local) = self.rooms.get_mut(&record.id()) {
            local.insert_member(seat, attachment, now);
        }
    }

    /// Handles what the others and the participant have sent while it was attaching.
    ///
    /// This comes after `joined` or `resumed`, which has to be the first message of a connection.
    fn handle_backlog(&mut self, conn: ConnId, room: RoomId, attaching: Attaching, now: Timestamp) {
        self.release_held(room, now);
        for frame in attaching.backlog.into_frames() {
            self.frame(conn, frame, now);
        }
    }

    /// Tells a connection why it gets no seat, and closes it.
    pub(super) fn refuse(&mut self, conn: ConnId, code: ErrorCode, close: CloseCode) {
        let text = |language| code.refusal_text(language);
        self.refuse_with(conn, code, text, retry_after(code, close), close);
    }

    /// The same for a connection that the room refuses.
    fn reject(&mut self, conn: ConnId, reject: Reject) {
        let (code, close) = (reject.code(), CloseCode::after_reject(reject));
        let text = |language| reject.text(language);
        self.refuse_with(conn, code, text, retry_after(code, close), close);
    }

    /// Like [`refuse`](Self::refuse), with the text and the time after which to try again.
    pub(super) fn refuse_with(
        &mut self,
        conn: ConnId,
        code: ErrorCode,
        text: impl FnOnce(Language) -> &'static str,
        retry_after: Option<Duration>,
        close: CloseCode,
    ) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let message = ServerMessage::Error {
            code,
            message: text(connection.language).to_owned(),
            about: None,
            retry_after,
            req: None,
        };
        let frame = wire::encode_server(&message, connection.protocol);
        self.outputs.push_back(Output::Frame { to: conn, frame });
        self.close_without_seat(conn, close);
    }

    /// Gives back a seat whose connection was lost before the store answered. A participant that
    /// was never told its resume token cannot come back, so its seat is not kept.
    fn detach_late(
        &mut self,
        conn: ConnId,
        room: RoomId,
        reply: Result<Receipt, Reject>,
        how: Disconnect,
        now: Timestamp,
    ) {
        let keep = match reply {
            Ok(Receipt::Resumed { .. }) => KeepSeat::ForResume,
            Ok(Receipt::Done | Receipt::Entered { .. }) => KeepSeat::No,
            Err(_) => return,
        };
        self.detach(room, self.attachment(conn), how, keep, now);
    }
}

/// A participant that is to stop is not told to try again.
fn retry_after(code: ErrorCode, close: CloseCode) -> Option<Duration> {
    code.retry_after().filter(|_| close == CloseCode::Unavailable)
}

fn others(record: &Room, me: ParticipantId) -> Vec<ParticipantInfo> {
    record.seats().iter().filter(|seat| seat.id != me).map(Seat::participant).collect()
}

fn ice_or_none(ice: Option<IceServers>, record: &Room) -> IceServers {
    ice.unwrap_or_else(|| IceServers {
        servers: Payload::empty_list(),
        expires_at: record.expires_at(),
    })
}

/// The error and close code for a connection whose seat was gone again before its `joined`.
fn loss_of_seat(receipt: Receipt, record: &Room, attachment: Attachment) -> (ErrorCode, CloseCode) {
    if let Status::Closed(_) = record.status() {
        return (ErrorCode::RoomClosed, CloseCode::RoomClosed);
    }
    let id = match receipt {
        Receipt::Entered { id } | Receipt::Resumed { id, .. } => Some(id),
        Receipt::Done => None,
    };
    // Somebody else has declared the socket lost.
    let is_detached = record.seats().iter().any(|seat| seat.attachment == attachment);
    match id.and_then(|id| record.departure(id)) {
        None if is_detached => (ErrorCode::ResumeFailed, CloseCode::ResumeFailed),
        Some(LeaveReason::Kicked) => (ErrorCode::Forbidden, CloseCode::Kicked),
        Some(LeaveReason::Left | LeaveReason::Lost) => {
            (ErrorCode::ResumeFailed, CloseCode::ResumeFailed)
        }
        Some(LeaveReason::Replaced) | None => (ErrorCode::Forbidden, CloseCode::Replaced),
    }
}
