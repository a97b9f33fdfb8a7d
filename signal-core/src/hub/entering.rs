//! The way of a connection into its room: asked about, verified, seated, welcomed.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::connection::{Connection, Entering, Phase};
use super::io::{CloseCode, Disconnect, Entry, Output};
use super::leaving::Keep;
use super::member::Member;
use super::{AskedBy, Hub};
use crate::error::ErrorCode;
use crate::ids::{Attachment, ConnId, ParticipantId, RoomId};
use crate::message::{
    IceServers, Missed, ParticipantInfo, Payload, Resumed, ServerMessage, Welcome,
};
use crate::protocol::ProtocolVersion;
use crate::room::{LeaveReason, Op, Receipt, Reject, Room, Seat, Status};
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
        let room = connection.room;
        self.connections.insert(conn, connection);
        let local = self.rooms.entry(room).or_default();
        let is_new = local.is_idle();
        local.connections += 1;
        if is_new {
            self.outputs.push_back(Output::Watch(room));
        }
        self.enter(conn, entry, now);
    }

    pub(super) fn authorized(
        &mut self,
        conn: ConnId,
        entry: Result<Entry, ErrorCode>,
        now: Timestamp,
    ) {
        let is_asking = self
            .connections
            .get(&conn)
            .is_some_and(|connection| matches!(connection.phase, Phase::Asking(_)));
        if !is_asking {
            return;
        }
        match entry {
            Ok(entry) => self.enter(conn, entry, now),
            Err(code) => self.refuse(conn, code, CloseCode::after_refusal(code)),
        }
    }

    fn enter(&mut self, conn: ConnId, entry: Entry, now: Timestamp) {
        let attachment = self.attachment(conn);
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let room = connection.room;
        let resume_token = connection.randomness.resume_token.hash();
        let (op, ice, last_seq) = match entry {
            Entry::Ask { credential } => {
                self.outputs.push_back(Output::Authorize { conn, room, credential });
                return;
            }
            Entry::Attach { grant, name, ice } => {
                let (protocol, suffix) = (connection.protocol, connection.randomness.suffix);
                (
                    Op::Attach { grant, name, protocol, attachment, resume: resume_token, suffix },
                    ice,
                    0,
                )
            }
            Entry::Resume { token, last_seq, ice } => {
                connection.protocol = ProtocolVersion::V2;
                let local = self.rooms.get(&room);
                let continues = local
                    .and_then(|local| local.replayable(token, last_seq, &self.config.replay, now));
                (
                    Op::Resume { token, next_token: resume_token, attachment, continues },
                    ice,
                    last_seq,
                )
            }
        };
        let held = match mem::replace(&mut connection.phase, Phase::Leaving) {
            Phase::Asking(held) => held,
            Phase::Entering(_) | Phase::Leaving | Phase::Seated(_) => return,
        };
        connection.phase = Phase::Entering(Entering { held, ice, last_seq, lost: None });
        self.commit(room, op, AskedBy::Entering(conn));
    }

    /// The store has answered.
    pub(super) fn entered(&mut self, conn: ConnId, applied: &Applied, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let Phase::Entering(entering) = mem::replace(&mut connection.phase, Phase::Leaving) else {
            return;
        };
        let room = connection.room;
        if let Some(how) = entering.lost {
            self.forget(conn);
            return self.give_back(conn, room, applied.reply, how, now);
        }
        let receipt = match applied.reply {
            Ok(receipt) => receipt,
            Err(reject) => {
                let code = refusal(reject);
                return self.refuse(conn, code, CloseCode::after_refusal(code));
            }
        };
        // The newest record and not the receipt: the seat may be gone again.
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
        match receipt {
            Receipt::Resumed { continued: true, .. } => {
                self.resume(conn, &record, seat, entering, now)
            }
            Receipt::Resumed { continued: false, .. } => {
                self.start_anew(conn, &record, seat, entering, now)
            }
            Receipt::Done | Receipt::Entered { .. } => {
                self.welcome(conn, &record, seat, entering, now)
            }
        }
    }

    /// Says who is there to a connection that has got its seat.
    fn welcome(
        &mut self,
        conn: ConnId,
        record: &Arc<Room>,
        seat: &Seat,
        entering: Entering,
        now: Timestamp,
    ) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let welcome = match connection.protocol {
            ProtocolVersion::V1 => None,
            ProtocolVersion::V2 => Some(Welcome {
                room: record.info(),
                ice: ice_or_none(entering.ice.clone(), record),
                resume_token: Arc::clone(connection.randomness.resume_token.text()),
                resume_grace: self.config.resume_grace,
                server_time: now,
            }),
        };
        let participants = others(record, seat.id);
        self.insert_member(conn, record, seat);
        let message = ServerMessage::Joined { participant_id: seat.id, participants, welcome };
        self.send(record.id(), seat.id, &message, now);
        self.turn_to_held(conn, record.id(), entering, now);
    }

    /// Goes on where the socket before this one was lost.
    fn resume(
        &mut self,
        conn: ConnId,
        record: &Arc<Room>,
        seat: &Seat,
        entering: Entering,
        now: Timestamp,
    ) {
        let room = record.id();
        let Some((seq, received, frames)) = self.missed(room, seat.id, entering.last_seq, now)
        else {
            // What was missed went out of the replay while the store was busy: let it come back for a snapshot.
            self.outputs.push_back(Output::Close { conn, code: CloseCode::Unavailable });
            self.forget(conn);
            return self.give_up_seat(
                room,
                self.attachment(conn),
                Disconnect::Abrupt,
                Keep::ForResume,
                now,
            );
        };
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let older = local.connect_member(seat.id, Some(conn));
        if let Some(older) = older.filter(|older| *older != conn) {
            self.dismiss(older, CloseCode::Replaced);
        }
        let missed = Missed::Replayed { replayed: frames.len() as u64, received };
        self.send_resumed(conn, seq, missed, entering.ice.clone(), record, now);
        for frame in frames {
            self.hand_out(conn, frame, now);
        }
        self.show(room, seat.id);
        self.turn_to_held(conn, room, entering, now);
    }

    /// The numbers of messages sent and received, and what a participant missed, if all of that is still here.
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

    /// Tells a connection whose messages were lost how things stand.
    fn start_anew(
        &mut self,
        conn: ConnId,
        record: &Arc<Room>,
        seat: &Seat,
        entering: Entering,
        now: Timestamp,
    ) {
        self.insert_member(conn, record, seat);
        let missed = Missed::Snapshot {
            participant_id: seat.id,
            participants: others(record, seat.id),
            room: record.info(),
            resume_grace: self.config.resume_grace,
            server_time: now,
        };
        self.send_resumed(conn, 0, missed, entering.ice.clone(), record, now);
        self.turn_to_held(conn, record.id(), entering, now);
    }

    /// The one message that is not counted, so that it is not part of a replay.
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
        self.hand_out(conn, wire::encode_server(&message, ProtocolVersion::V2), now);
    }

    fn insert_member(&mut self, conn: ConnId, record: &Room, seat: &Seat) {
        let member = Member::new(seat.protocol, self.attachment(conn), seat.generation);
        if let Some(local) = self.rooms.get_mut(&record.id()) {
            local.insert_member(seat.id, member);
        }
    }

    /// Turns to what the participant and others have sent meanwhile.
    fn turn_to_held(&mut self, conn: ConnId, room: RoomId, entering: Entering, now: Timestamp) {
        self.release_held(room, now);
        for frame in entering.held.into_frames() {
            self.frame(conn, frame, now);
        }
    }

    /// Closes a connection that got no seat.
    pub(super) fn refuse(&mut self, conn: ConnId, code: ErrorCode, close: CloseCode) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let message = ServerMessage::Error {
            code,
            message: code.text(connection.language).to_owned(),
            about: None,
            retry_after: code.retry_after(),
            req: None,
        };
        let frame = wire::encode_server(&message, connection.protocol);
        self.outputs.push_back(Output::Frame { to: conn, frame });
        self.dismiss(conn, close);
    }

    /// Gives back a seat that came too late. Whoever was never told its resume token cannot come back for it.
    fn give_back(
        &mut self,
        conn: ConnId,
        room: RoomId,
        reply: Result<Receipt, Reject>,
        how: Disconnect,
        now: Timestamp,
    ) {
        let keep = match reply {
            Ok(Receipt::Resumed { .. }) => Keep::ForResume,
            Ok(Receipt::Done | Receipt::Entered { .. }) => Keep::No,
            Err(_) => return,
        };
        self.give_up_seat(room, self.attachment(conn), how, keep, now);
    }
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

/// What a connection is told whose entry was refused.
fn refusal(reject: Reject) -> ErrorCode {
    match reject {
        Reject::IdsExhausted => ErrorCode::Unavailable,
        Reject::GrantVoid => ErrorCode::TokenInvalid,
        Reject::ResumeFailed => ErrorCode::ResumeFailed,
        Reject::RoomClosed => ErrorCode::RoomClosed,
        Reject::RoomExpired => ErrorCode::RoomExpired,
        Reject::RoomFull => ErrorCode::RoomFull,
        Reject::RoomNotFound => ErrorCode::RoomNotFound,
        // Of these only a lock is an answer to an entry; a store that says another is answered without giving a
        // reason away.
        Reject::RoomLocked
        | Reject::CreatorStays
        | Reject::InviteVoid
        | Reject::ParticipantNotFound
        | Reject::PasswordLocked
        | Reject::PasswordUnchanged
        | Reject::RotationStale
        | Reject::RotationsExhausted
        | Reject::WrongPassword => ErrorCode::Forbidden,
    }
}

/// What a connection is told whose seat was gone again before it was told that it had one.
fn loss_of_seat(receipt: Receipt, record: &Room, attachment: Attachment) -> (ErrorCode, CloseCode) {
    if let Status::Closed(_) = record.status() {
        return (ErrorCode::RoomClosed, CloseCode::RoomClosed);
    }
    let id = match receipt {
        Receipt::Entered { id } | Receipt::Resumed { id, .. } => Some(id),
        Receipt::Done => None,
    };
    // Somebody has declared the socket lost.
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
