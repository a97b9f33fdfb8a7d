//! Questions that only the host can answer.

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
/// The answer may come later. If there is none within
/// [`question_patience`](crate::EngineConfig::question_patience), the participant gets the error
/// `unavailable`.
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
        /// The id to answer with.
        id: QuestionId,
        /// Its connection.
        conn: ConnId,
        /// Its room.
        room: RoomId,
        /// The participant.
        participant: ParticipantId,
    },
}

/// Identifies a question, so that a late answer is not taken for the answer to a newer question
/// about the same connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuestionId {
    conn: ConnId,
    number: u64,
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
    subject: Subject,
    /// The requests that the answer is for.
    reqs: Vec<Option<RequestId>>,
    /// Requests that came since. They need an answer of their own, since the room may have been
    /// extended after the question was asked. The participant's budget bounds both lists.
    later: Vec<Option<RequestId>>,
}

/// What a question is about, beside its connection.
#[derive(Clone, Debug)]
enum Subject {
    Entry { room: RoomId, credential: Bytes },
    IceServers { room: RoomId, participant: ParticipantId },
}

/// A question that was not answered in time.
#[derive(Debug)]
pub(super) enum Unanswered {
    Entry { conn: ConnId },
    IceServers { conn: ConnId, reqs: Vec<Option<RequestId>> },
}

impl Questions {
    /// Asks whether a connection may enter.
    pub(super) fn ask(&mut self, conn: ConnId, room: RoomId, credential: Bytes, until: Timestamp) {
        self.open(conn, Subject::Entry { room, credential }, Vec::new(), until);
    }

    /// Asks for ICE servers, now or after the answer to come.
    pub(super) fn ask_for_ice_servers(
        &mut self,
        conn: ConnId,
        room: RoomId,
        participant: ParticipantId,
        req: Option<RequestId>,
        until: Timestamp,
    ) {
        match self.open.get_mut(&conn) {
            Some(open) => open.later.push(req),
            None => self.open(conn, Subject::IceServers { room, participant }, vec![req], until),
        }
    }

    /// The next question for the host.
    pub(super) fn take(&mut self) -> Option<Question> {
        let (number, conn) = self.queue.pop_first()?;
        let open = self.open.get(&conn)?;
        Some(match open.subject.clone() {
            Subject::Entry { room, credential } => Question::Entry { conn, room, credential },
            Subject::IceServers { room, participant } => {
                Question::IceServers { id: QuestionId { conn, number }, conn, room, participant }
            }
        })
    }

    /// Whether the host has been asked if that connection may enter.
    pub(super) fn asks_for_entry(&self, conn: ConnId) -> bool {
        let open = self.open.get(&conn);
        open.is_some_and(|open| matches!(open.subject, Subject::Entry { .. }))
    }

    /// Handles an answer. Returns the connection and the requests that it is for; requests that
    /// came meanwhile make the next question.
    pub(super) fn answered(
        &mut self,
        id: QuestionId,
        until: Timestamp,
    ) -> (ConnId, Vec<Option<RequestId>>) {
        let QuestionId { conn, number } = id;
        if self.open.get(&conn).is_none_or(|open| open.number != number) {
            return (conn, Vec::new());
        }
        let Some(Open { subject, reqs, later, .. }) = self.remove(conn) else {
            return (conn, Vec::new());
        };
        if !later.is_empty() {
            self.open(conn, subject, later, until);
        }
        (conn, reqs)
    }

    /// Takes a question that has timed out.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Unanswered> {
        let conn = self.deadlines.pop_due(now)?;
        let Open { subject, mut reqs, later, .. } = self.remove(conn)?;
        reqs.extend(later);
        Some(match subject {
            Subject::Entry { .. } => Unanswered::Entry { conn },
            Subject::IceServers { .. } => Unanswered::IceServers { conn, reqs },
        })
    }

    /// Forgets a question that is answered, or whose connection is gone.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.remove(conn);
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    fn open(
        &mut self,
        conn: ConnId,
        subject: Subject,
        reqs: Vec<Option<RequestId>>,
        until: Timestamp,
    ) {
        self.last += 1;
        self.queue.insert(self.last, conn);
        self.deadlines.set(conn, Some(until));
        let open = Open { number: self.last, subject, reqs, later: Vec::new() };
        self.open.insert(conn, open);
    }

    fn remove(&mut self, conn: ConnId) -> Option<Open> {
        let open = self.open.remove(&conn)?;
        self.queue.remove(&open.number);
        self.deadlines.set(conn, None);
        Some(open)
    }
}
