//! How an engine carries out the outputs of its hub.

use std::sync::Arc;

use bytes::Bytes;

use super::outbox::Health;
use super::questions::Unanswered;
use super::saves::{Announcement, Answer};
use super::{Engine, Event};
use crate::close_code::CloseCode;
use crate::error::ErrorCode;
use crate::hub::{Disconnect, Input, Output};
use crate::ids::{ConnId, RoomId};
use crate::room::Room;
use crate::room::event::RoomEvent;
use crate::store::Applied;
use crate::time::Timestamp;

impl Engine {
    pub(super) fn input(&mut self, input: Input, now: Timestamp) {
        self.hub.handle_input(input, now);
        self.drain(now);
    }

    /// Carries out every output of the hub.
    pub(super) fn drain(&mut self, now: Timestamp) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Authorize { conn, room, credential } => {
                    let until = now + self.config.question_patience;
                    self.questions.ask(conn, room, credential, until);
                }
                Output::Broadcast { to, except, frame } => {
                    for &conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.queue(conn, frame.clone());
                    }
                }
                Output::Close { conn, code } => self.end(conn, code, now),
                Output::Commit { op, room, change } => {
                    let applied = self.store.apply(room, &change, now);
                    let answer = Answer::Hub { op, reply: applied.reply };
                    self.settle(applied, answer, now);
                }
                Output::Frame { to, frame } => self.queue(to, frame),
                Output::HostMessageRefused(refusal) => match &mut self.refusals {
                    Some(refusals) => refusals.push(refusal),
                    None => self.events.push(Event::Refused(refusal), self.config.max_events),
                },
                Output::IceServersWanted { conn, room, participant, req } => {
                    let until = now + self.config.question_patience;
                    self.questions.ask_for_ice_servers(conn, room, participant, req, until);
                }
                Output::OverRate { conn } => {
                    self.events.push_over_rate(conn, self.config.max_events);
                }
                Output::ToHost(message) => {
                    let most = self.config.max_message_bytes;
                    if let Some((message, code)) = self.inbox.push(message, most) {
                        self.hub.handle_input(Input::ToHostRefused { message, code }, now);
                    }
                }
                // The receiver's socket belonged to an earlier process, and its seat has not been
                // resumed yet.
                Output::ToNode { frame, .. } => {
                    self.hub.handle_input(Input::Undelivered { frame }, now);
                }
                // Every change to the store is handed to the hub.
                Output::Unwatch(_) | Output::Watch(_) => {}
            }
        }
    }

    /// Tells the hub and the host of a change: now, or when it is written.
    pub(super) fn settle(&mut self, applied: Applied, answer: Answer, now: Timestamp) {
        let answer =
            if self.config.saves { self.saves.add(&applied, answer) } else { Some(answer) };
        let Applied { record, events, .. } = applied;
        if let Some(record) = &record {
            if self.config.saves {
                self.saves.add_seats(record.id(), &events);
            }
            self.add_events(record.id(), events);
        }
        if let Some(answer) = answer {
            self.answer(answer, record, now);
        }
    }

    pub(super) fn add_events(&mut self, room: RoomId, events: Vec<RoomEvent>) {
        let most = self.config.max_events;
        if most == 0 || events.is_empty() {
            return;
        }
        if !self.config.saves {
            events.into_iter().for_each(|event| self.events.push(Event::Room(event), most));
        } else {
            self.events.count_dropped(self.saves.add_events(room, events, most));
        }
    }

    pub(super) fn tell(&mut self, announcement: Announcement, now: Timestamp) {
        for event in announcement.events {
            self.events.push(Event::Room(event), self.config.max_events);
        }
        for answer in announcement.answers {
            self.answer(answer, announcement.record.clone(), now);
        }
        self.drain(now);
    }

    pub(super) fn answer(&mut self, answer: Answer, record: Option<Arc<Room>>, now: Timestamp) {
        match answer {
            Answer::Hub { op, reply } => {
                let applied = Applied::settled(record, reply);
                self.hub.handle_input(Input::Committed { op, applied }, now);
            }
            Answer::Record => {
                if let Some(record) = record {
                    self.hub.handle_input(Input::Record(record), now);
                }
            }
        }
    }

    fn queue(&mut self, conn: ConnId, frame: Bytes) {
        if self.outboxes.get_mut(&conn).is_some_and(|outbox| outbox.push(frame)) {
            self.ready.push_back(conn);
        }
    }

    /// Closes a connection that the hub has removed.
    pub(super) fn end(&mut self, conn: ConnId, code: CloseCode, now: Timestamp) {
        self.questions.forget(conn);
        let Some(outbox) = self.outboxes.get_mut(&conn) else { return };
        if outbox.close(code) {
            self.ready.push_back(conn);
        }
        self.health_checks.set(conn, Some(now + self.config.idle_timeout));
    }

    pub(super) fn lost(&mut self, conn: ConnId, how: Disconnect, now: Timestamp) {
        self.forget(conn);
        self.input(Input::Lost { conn, how }, now);
    }

    pub(super) fn forget(&mut self, conn: ConnId) {
        self.outboxes.remove(&conn);
        self.health_checks.set(conn, None);
        self.questions.forget(conn);
    }

    pub(super) fn check_health(&mut self, conn: ConnId, now: Timestamp) {
        let Some(outbox) = self.outboxes.get_mut(&conn) else { return };
        match outbox.health(&self.config, now) {
            Health::Alive => {}
            Health::Quiet => {
                if outbox.ping(&self.config, now) {
                    self.ready.push_back(conn);
                }
            }
            Health::Idle => {
                self.end(conn, CloseCode::Idle, now);
                return self.input(Input::Lost { conn, how: Disconnect::Abrupt }, now);
            }
            Health::Closed => return outbox.drop_frames(),
        }
        let next = outbox.deadline(&self.config);
        self.health_checks.set(conn, Some(next));
    }

    /// Tells a participant that the host has not answered.
    pub(super) fn unanswered(&mut self, question: Unanswered, now: Timestamp) {
        let code = ErrorCode::Unavailable;
        match question {
            Unanswered::Entry { conn } => {
                self.input(Input::Authorized { conn, entry: Err(code) }, now);
            }
            Unanswered::IceServers { conn, reqs } => {
                for req in reqs {
                    self.input(Input::IceServersRefused { conn, code, req }, now);
                }
            }
        }
    }
}
