//! What only the host can answer.

use std::collections::BTreeMap;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::deadlines::Deadlines;
use crate::ids::{ConnId, ParticipantId, RoomId};
use crate::message::RequestId;
use crate::time::Timestamp;

/// Something that only the host can answer, from
/// [`Engine::poll_question`](crate::Engine::poll_question).
///
/// It may take its time. If no answer comes within
/// [`question_patience`](crate::EngineConfig::question_patience), or the host never asks for its
/// questions, the participant is told `unavailable`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Question {
    /// May this connection enter, and how? It was opened with
    /// [`Entry::Ask`](crate::Entry::Ask). Answer with
    /// [`handle_entry`](crate::Engine::handle_entry).
    Entry {
        /// The connection.
        conn: ConnId,
        /// The room that it wants to enter.
        room: RoomId,
        /// The credential that it was opened with.
        credential: Bytes,
    },
    /// Which ICE servers does this participant get? Answer with
    /// [`handle_ice_servers`](crate::Engine::handle_ice_servers).
    IceServers {
        /// Its connection.
        conn: ConnId,
        /// Its room.
        room: RoomId,
        /// The participant.
        participant: ParticipantId,
    },
}

/// The questions without an answer. A connection has one at a time.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: FxHashMap<ConnId, Open>,
    /// Those that the host has not taken, in order.
    queue: BTreeMap<u64, ConnId>,
    deadlines: Deadlines<ConnId>,
    last: u64,
}

#[derive(Debug)]
struct Open {
    number: u64,
    question: Question,
    /// The requests that the answer is for.
    reqs: Vec<Option<RequestId>>,
    /// Requests that came since. The room may have been extended meanwhile, which the answer to
    /// come may not know. How much a participant may send bounds both lists.
    later: Vec<Option<RequestId>>,
}

/// A question that was not answered in time.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) question: Question,
    pub(super) reqs: Vec<Option<RequestId>>,
}

impl Questions {
    /// Asks whether a connection may enter.
    pub(super) fn ask(&mut self, conn: ConnId, question: Question, until: Timestamp) {
        self.open(conn, question, Vec::new(), until);
    }

    /// Asks for ICE servers, now or after the answer to come.
    pub(super) fn ask_for_ice_servers(
        &mut self,
        conn: ConnId,
        question: Question,
        req: Option<RequestId>,
        until: Timestamp,
    ) {
        match self.open.get_mut(&conn) {
            Some(open) => open.later.push(req),
            None => self.open(conn, question, vec![req], until),
        }
    }

    /// The next question for the host.
    pub(super) fn take(&mut self) -> Option<Question> {
        let (_, conn) = self.queue.pop_first()?;
        self.open.get(&conn).map(|open| open.question.clone())
    }

    /// The open question of a connection.
    pub(super) fn of(&self, conn: ConnId) -> Option<&Question> {
        self.open.get(&conn).map(|open| &open.question)
    }

    /// The host has answered these requests. Those that came meanwhile make the next question.
    pub(super) fn answered(&mut self, conn: ConnId, until: Timestamp) -> Vec<Option<RequestId>> {
        let Some(Open { question, reqs, later, .. }) = self.remove(conn) else { return Vec::new() };
        if !later.is_empty() {
            self.open(conn, question, later, until);
        }
        reqs
    }

    /// A question whose time is over.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Unanswered> {
        let conn = self.deadlines.pop_due(now)?;
        let Open { question, mut reqs, later, .. } = self.remove(conn)?;
        reqs.extend(later);
        Some(Unanswered { question, reqs })
    }

    /// The question is answered, or its connection is gone.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.remove(conn);
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    fn open(
        &mut self,
        conn: ConnId,
        question: Question,
        reqs: Vec<Option<RequestId>>,
        until: Timestamp,
    ) {
        self.last += 1;
        self.queue.insert(self.last, conn);
        self.deadlines.set(conn, Some(until));
        let open = Open { number: self.last, question, reqs, later: Vec::new() };
        self.open.insert(conn, open);
    }

    fn remove(&mut self, conn: ConnId) -> Option<Open> {
        let open = self.open.remove(&conn)?;
        self.queue.remove(&open.number);
        self.deadlines.set(conn, None);
        Some(open)
    }
}
