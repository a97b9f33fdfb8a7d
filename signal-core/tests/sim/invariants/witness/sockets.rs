//! Checks what a socket is sent, from `joined` to its close.

use bytes::Bytes;
use signal_core::hub::NodeId;
use signal_core::room::Status;
use signal_core::{CloseCode, ConnId, ParticipantId, ProtocolVersion, RoomId, Timestamp};

use super::{Cause, Witness};
use crate::frame::Told;
use crate::invariants::session::{Novelty, Session};
use crate::ledger::{Kind, Ledger};

/// A socket, as the hubs know it.
pub(super) struct Conn {
    pub(super) node: NodeId,
    pub(super) room: RoomId,
    pub(super) protocol: ProtocolVersion,
    pub(super) is_honest: bool,
    /// The resume token that it came with, and how far its participant had got.
    pub(super) resumes: Option<(String, u64)>,
    pub(super) phase: Phase,
    /// What it has sent before it had a seat.
    pub(super) held: Vec<Option<u64>>,
    pub(super) unsent: usize,
    /// When something of that was taken last, or the first of it was handed out.
    pub(super) taken_at: Timestamp,
    /// Until when its seat has to be kept now that it is gone; `Some(None)` if not at all.
    pub(super) keeps_seat: Option<Option<Timestamp>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// It has been told nothing yet.
    Entering,
    /// It has been told something after which it has to be closed.
    Ending,
    Over,
    Seated(ParticipantId),
}

impl Conn {
    fn wait_for(&mut self, bytes: usize, now: Timestamp) {
        if self.unsent == 0 {
            self.taken_at = now;
        }
        self.unsent += bytes;
    }
}

impl Witness {
    /// A socket has gone, or is about to be closed.
    pub(super) fn lost(&mut self, conn: ConnId, is_cut: bool, now: Timestamp) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let phase = std::mem::replace(&mut state.phase, Phase::Over);
        let Phase::Seated(id) = phase else { return };
        let keeps_seat = is_cut && state.protocol == ProtocolVersion::V2;
        state.keeps_seat = Some(keeps_seat.then(|| now + self.config.resume_grace));
        let key = (state.node, state.room, id);
        match self.sessions.get_mut(&key) {
            Some(session) if session.conn == Some(conn) && keeps_seat => session.conn = None,
            Some(session) if session.conn == Some(conn) => {
                self.sessions.remove(&key);
            }
            Some(_) | None => {}
        }
    }

    /// A frame is handed out to a socket.
    pub fn told(&mut self, conn: ConnId, frame: &Bytes, ledger: &mut Ledger, now: Timestamp) {
        let told = Told::parse(frame);
        if self.is_blind {
            return;
        }
        let state =
            self.conns.get_mut(&conn).expect("only sockets that were opened are written to");
        if let Phase::Seated(_) = state.phase {
            state.wait_for(frame.len(), now);
            assert!(
                state.unsent <= self.config.max_unsent_bytes,
                "{} bytes wait for {conn:?}",
                state.unsent
            );
        }
        match (state.phase, told.kind.as_str()) {
            (Phase::Entering, "joined" | "resumed") => {
                self.entered(conn, frame, &told, ledger, now);
            }
            (Phase::Entering, "error") => self.end(conn),
            // `joined` is the first message of a replay that begins at 0.
            (Phase::Seated(id), kind) if kind != "resumed" => {
                self.told_seated(conn, id, frame, &told, ledger, now);
            }
            (phase, kind) => panic!("{conn:?} was told `{kind}` when {phase:?}"),
        }
    }

    pub(super) fn entered(
        &mut self,
        conn: ConnId,
        frame: &Bytes,
        told: &Told,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let (node, room, protocol) = (state.node, state.room, state.protocol);
        let (resumed, is_honest) = (state.resumes.clone(), state.is_honest);
        state.wait_for(frame.len(), now);
        let record = self.record(node, room).cloned().expect("it goes by a record");
        let id = match (&resumed, told.participant_id) {
            (None, Some(id)) => id.0,
            (Some((token, _)), id) => {
                let owner =
                    self.tokens.get(token).copied().expect("only a token that was issued is taken");
                assert!(id.is_none_or(|id| id.0 == owner), "the token of {owner:?} resumed {id:?}");
                owner
            }
            (None, None) => panic!("`joined` does not say who: {told:?}"),
        };
        assert_eq!(told.kind == "resumed", resumed.is_some(), "{conn:?} was told {told:?}");
        assert_eq!(
            told.v,
            (told.replayed.is_none() && protocol == ProtocolVersion::V2).then_some(2)
        );
        let key = (node, room, id);
        match (resumed, told.replayed) {
            (Some((_, last_seq)), Some(_)) => {
                let session =
                    self.sessions.get_mut(&key).expect("only what is known can be replayed");
                assert_eq!(session.conn, None, "{id:?} has two sockets");
                session.resume(conn, is_honest, last_seq, told);
                if session.is_astray {
                    self.referee.give_up(id);
                }
            }
            _ => {
                let session = Session::new(id, protocol, conn, frame, told, &record);
                let before = self.sessions.insert(key, session);
                assert!(
                    before.is_none_or(|before| before.conn.is_none()),
                    "{id:?} has two sockets"
                );
                self.referee.released(node, room, id, ledger, now);
            }
        }
        if let Some(seat) = record.seat(id).filter(|_| !is_honest) {
            self.abused.insert((room, seat.ticket));
        }
        if let Some(token) = &told.resume_token {
            self.tokens.insert(token.clone(), id);
        }
        self.step.has_changed = true;
        let Some(state) = self.conns.get_mut(&conn) else { return };
        state.phase = Phase::Seated(id);
        if !state.held.is_empty() {
            self.step.welcomed.push(conn);
        }
        let is_message =
            |number: &Option<u64>| number.is_some_and(|n| ledger.entry(n).kind == Kind::Message);
        if state.held.iter().any(is_message) {
            // Which of several early frames an error is about cannot be seen.
            self.referee.give_up(id);
        }
        for number in std::mem::take(&mut state.held) {
            self.take(node, room, id, number, ledger);
        }
    }

    pub(super) fn told_seated(
        &mut self,
        conn: ConnId,
        id: ParticipantId,
        frame: &Bytes,
        told: &Told,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let Some(state) = self.conns.get(&conn) else { return };
        let (node, room) = (state.node, state.room);
        let record = self.record(node, room).cloned().expect("it goes by a record");
        let session =
            self.sessions.get_mut(&(node, room, id)).expect("whoever is seated has a session");
        let novelty = session.told(frame, told, &record, ledger);
        if novelty == Novelty::Known {
            return;
        }
        self.step.has_changed |= !told.is_relayed();
        match told.kind.as_str() {
            "offer" | "answer" | "candidate" => {
                let number = told.payload().and_then(|payload| ledger.number_in(payload));
                let Some(number) = number else { return };
                let from = ledger.entry(number).from;
                let is_sender_here = self.sessions.contains_key(&(node, room, from));
                let is_judged_here = from > id || is_sender_here || self.referee.expects(number);
                match novelty {
                    Novelty::Live if is_judged_here => {
                        self.referee.forwarded(node, number, ledger, now);
                    }
                    Novelty::Kept => self.referee.turned_up(node, number, ledger, now),
                    Novelty::Known | Novelty::Live => {}
                }
            }
            "error" => self.refused(conn, id, told, novelty, ledger, now),
            "room_closed" => {
                let is_over = record.status() != Status::Open;
                assert!(
                    is_over || record.seat(id).is_none(),
                    "{id:?} was told that an open room is closed"
                );
                self.end(conn);
            }
            "kicked" => self.end(conn),
            _ => {}
        }
    }

    /// A sender was told that something of its own was refused.
    pub(super) fn refused(
        &mut self,
        conn: ConnId,
        id: ParticipantId,
        told: &Told,
        novelty: Novelty,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let code = told.code.as_deref().expect("an error has a code");
        // A refused request of a moderator is no message that got lost.
        if told.req.as_deref() == Some("moderate") && code != "rate_limited" {
            return;
        }
        let Some(state) = self.conns.get(&conn) else { return };
        let (node, room) = (state.node, state.room);
        match code {
            "rate_limited" => {
                // Whoever has stolen its token has used up its budget too.
                let record = self.record(node, room);
                let seat = record.and_then(|record| record.seat(id));
                let is_abused = seat.is_some_and(|seat| self.abused.contains(&(room, seat.ticket)));
                assert!(!state.is_honest || is_abused, "{id:?} sends no more than it may");
                return self.referee.give_up(id);
            }
            "peer_unreachable" => {
                self.unreachable.insert(id);
            }
            "offer_conflict" | "peer_not_found" | "self_target" => {}
            _ => return,
        }
        let is_conflict = code == "offer_conflict";
        let about = told.about.map(|about| about.0);
        match (self.step.cause, novelty) {
            (Cause::Frame(from, Some(number)), Novelty::Live) if from == conn => {
                let to = ledger.entry(number).to;
                match to.filter(|_| is_conflict) {
                    Some(to) => self.referee.conflicted(node, room, id, to, ledger, now),
                    None => self.referee.failed(node, number, ledger),
                }
                // What is for everybody is refused in the name of whom it does not reach.
                assert!(
                    about.is_none() || to.is_none() || about == to,
                    "an error about {about:?} for a message to {to:?}"
                );
            }
            (Cause::Undelivered(Some(number)), Novelty::Live) => {
                self.referee.failed(node, number, ledger);
            }
            // What was for everybody is refused in the name of its sender.
            (Cause::Refusal(from), Novelty::Live) => {
                self.count_refusal(id, Some(from).filter(|from| *from != id));
            }
            (_, Novelty::Live)
                if about.is_some_and(|to| self.referee.awaits(node, room, id, to)) =>
            {
                let to = about.expect("just looked at");
                if is_conflict {
                    self.referee.conflicted(node, room, id, to, ledger, now);
                } else {
                    self.referee.failed_oldest(node, room, id, to, ledger);
                }
            }
            _ => self.count_refusal(id, about),
        }
    }

    pub(super) fn count_refusal(&mut self, id: ParticipantId, about: Option<ParticipantId>) {
        *self.refusals.entry((id, about)).or_default() += 1;
    }

    pub(super) fn end(&mut self, conn: ConnId) {
        self.step.ending.push(conn);
        let Some(state) = self.conns.get_mut(&conn) else { return };
        if let Phase::Entering = state.phase {
            state.phase = Phase::Ending;
        }
    }

    pub fn closed(&mut self, conn: ConnId, code: CloseCode, now: Timestamp) {
        if self.is_blind {
            return;
        }
        let Some(state) = self.conns.get_mut(&conn) else { panic!("{conn:?} was never open") };
        let (node, room, phase) = (state.node, state.room, state.phase);
        assert!(phase != Phase::Over, "{conn:?} was closed twice");
        if code == CloseCode::SlowConsumer {
            assert!(self.step.cause != Cause::Host, "the host has closed {conn:?}");
            let is_stalled = state.unsent > 0
                && now.saturating_since(state.taken_at) >= self.config.unsent_patience;
            assert!(
                is_stalled || state.unsent + LONGEST_FRAME > self.config.max_unsent_bytes,
                "{conn:?} was cut off for {} bytes",
                state.unsent
            );
        }
        let is_resumable =
            matches!(code, CloseCode::SlowConsumer | CloseCode::Unavailable | CloseCode::Replaced);
        self.lost(conn, is_resumable, now);
        let Phase::Seated(id) = phase else { return };
        // Whether a seat that was taken over goes on here, the record says.
        let record = self.record(node, room).cloned();
        let seat = record.as_ref().and_then(|record| record.seat(id));
        let key = (node, room, id);
        let goes_on = self.sessions.get(&key).is_some_and(|session| {
            session.conn.is_some()
                || seat.is_some_and(|seat| {
                    seat.generation == session.generation && seat.attachment.node == node
                })
        });
        if !goes_on {
            self.sessions.remove(&key);
        }
        // How many of its early frames were taken before it was closed cannot be seen.
        if self.step.welcomed.contains(&conn) {
            self.referee.give_up(id);
            if let Some(session) = self.sessions.get_mut(&key) {
                session.is_astray = true;
            }
        }
    }
}

/// About the longest frame of a run: one more did not fit when a socket was cut off.
const LONGEST_FRAME: usize = 1500;
