//! The host of the hubs: what a server does around them.

use std::time::Duration;

use bytes::Bytes;
use signal_core::hub::{Hub, Input, NodeId, Output};
use signal_core::ice::IceServers;
use signal_core::message::{Payload, ServerMessage};
use signal_core::room::{Op, Room};
use signal_core::{ConnId, ErrorCode, wire};

use super::{World, config, room_id};

impl World {
    /// What a request does: changes the room and tells whoever watches.
    pub(super) fn apply(&mut self, op: &Op) {
        let _ = self.store.apply(room_id(), op, self.now);
        self.tell();
        self.drain();
    }

    pub(super) fn publish(&mut self) {
        self.records_are_lost = false;
        self.tell();
        self.drain();
    }

    pub(super) fn tell(&mut self) {
        let Some(record) = self.record() else { return };
        for (hub, watching) in self.hubs.iter_mut().zip(self.watching) {
            if watching && !self.records_are_lost {
                hub.handle_input(Input::Record(record.clone()), self.now);
            }
        }
    }

    pub(super) fn answer(&mut self) {
        for (hub, op, applied) in self.answers.take().unwrap_or_default() {
            self.hubs[hub].handle_input(Input::Committed { op, applied }, self.now);
        }
        self.drain();
    }

    pub(super) fn give_up(&mut self) {
        for (hub, op, _) in self.answers.take().unwrap_or_default() {
            self.hubs[hub].handle_input(Input::Uncommitted { op }, self.now);
        }
        self.drain();
    }

    /// Lets time pass, and every deadline on the way.
    pub(super) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            let deadlines =
                self.hubs.iter().filter_map(Hub::poll_timeout).chain(self.store.poll_timeout());
            let Some(next) = deadlines.min().filter(|next| *next <= until) else { break };
            let before = self.now;
            self.now = next.max(self.now);
            for hub in &mut self.hubs {
                hub.handle_timeout(self.now);
                let next = hub.poll_timeout();
                assert!(
                    next.is_none_or(|next| next > self.now),
                    "{next:?} is due again at {:?}, after {before:?}",
                    self.now
                );
            }
            let _ = self.store.handle_timeout(self.now);
            self.tell();
            self.drain();
        }
        self.now = until;
    }

    pub(super) fn input(&mut self, slot: usize, input: Input) {
        self.hubs[slot % 2].handle_input(input, self.now);
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        while let Some((hub, output)) =
            (0..2).find_map(|hub| self.hubs[hub].poll_output().map(|output| (hub, output)))
        {
            self.carry_out(hub, output);
        }
    }

    fn carry_out(&mut self, hub: usize, output: Output) {
        match output {
            Output::Authorize { conn, .. } => {
                assert!(self.conns[&conn].asks, "{conn:?} was admitted already");
            }
            Output::Broadcast { to, except, frame } => {
                for conn in to.iter().filter(|conn| Some(**conn) != except) {
                    self.deliver(hub, *conn, &frame);
                }
            }
            Output::Close { conn, .. } => {
                let state = self.conns.get_mut(&conn).expect("only what was opened is closed");
                assert!(state.is_open, "{conn:?} is closed a second time");
                state.is_open = false;
            }
            Output::Commit { op, room, change } => {
                let applied = self.store.apply(room, &change, self.now);
                match &mut self.answers {
                    Some(answers) => answers.push_back((hub, op, applied)),
                    None => self.hubs[hub].handle_input(Input::Committed { op, applied }, self.now),
                }
                self.tell();
            }
            Output::Frame { to, frame } => self.deliver(hub, to, &frame),
            Output::IceServersWanted { conn, req, .. } => {
                let servers = Payload::new(&["ice"]).expect("it is JSON");
                let ice = IceServers { servers, expires_at: self.now + Duration::from_secs(60) };
                self.hubs[hub].handle_input(Input::IceServers { conn, ice, req }, self.now);
            }
            Output::HostMessageRefused(_) => {}
            Output::ToHost(message) => {
                let conn = message.conn;
                assert!(self.conns[&conn].is_open, "{conn:?} sends after its end");
                let code = ErrorCode::PeerNotFound;
                self.hubs[hub].handle_input(Input::ToHostRefused { message, code }, self.now);
            }
            Output::OverRate { conn } => {
                assert!(self.conns[&conn].is_open, "{conn:?} sends after its end");
            }
            Output::ToNode { frame, .. } if self.hubs_are_apart => {
                self.hubs[hub].handle_input(Input::Undelivered { frame }, self.now);
            }
            Output::ToNode { node, frame } => {
                let to = usize::from(node == NodeId(2));
                let from = NodeId(hub as u64 + 1);
                self.hubs[to].handle_input(Input::FromNode { from, frame }, self.now);
            }
            Output::Unwatch(_) => self.watching[hub] = false,
            Output::Watch(_) => self.watching[hub] = true,
        }
    }

    fn deliver(&mut self, hub: usize, conn: ConnId, frame: &Bytes) {
        let message = wire::decode_server(frame).expect("a hub writes what can be read");
        let state = self.conns.get_mut(&conn).expect("only what was opened is sent to");
        assert!(state.is_open, "{frame:?} after the end of {conn:?}");
        let slot = &mut self.slots[state.slot];
        match message {
            ServerMessage::Joined { participant_id, .. } => {
                // A resume from the very beginning repeats it.
                assert!(!state.is_welcome || state.is_resumed, "{conn:?} is welcomed twice");
                state.is_welcome = true;
                slot.id = Some(participant_id);
            }
            ServerMessage::Resumed(_) => {
                assert!(!state.is_welcome, "{conn:?} is welcomed twice");
                (state.is_welcome, state.is_resumed) = (true, true);
            }
            // Whoever may not enter is told why.
            ServerMessage::Error { .. } | ServerMessage::RoomClosed { .. } => {}
            other => assert!(state.is_welcome, "{other:?} before the welcome of {conn:?}"),
        }
        if state.reads {
            self.hubs[hub].handle_input(Input::Sent { conn, bytes: frame.len() }, self.now);
        } else {
            state.unsent += frame.len();
            assert!(
                state.unsent <= config().max_unsent_bytes,
                "{conn:?} is sent more than it reads"
            );
        }
    }

    pub(super) fn record(&self) -> Option<std::sync::Arc<Room>> {
        self.store.room(room_id()).cloned()
    }
}
