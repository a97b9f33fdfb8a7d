//! The processes, the links between them, and their store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use signal_core::hub::{Disconnect, Input, NodeFrame, NodeId, OpId, Output};
use signal_core::room::{Attachment, Op, Presence};
use signal_core::store::Applied;
use signal_core::{ConnId, RoomId};

use super::{Event, World};
use crate::plan::StorePlan;
use crate::process::Process;
use crate::socket::{Down, Up};

impl World {
    pub(super) fn start_process(&mut self) {
        self.started += 1;
        self.processes.push(Process::start(self.started, &self.plan.config));
    }

    /// Hands in an input and handles all resulting outputs. A dead process ignores it.
    pub(super) fn input(&mut self, node: NodeId, input: Input, number: Option<u64>) {
        let Some(index) = self.process(node) else { return };
        let now = self.now();
        self.witness.before(node, &input, number, &mut self.ledger, now);
        self.processes[index].hub.handle_input(input, now);
        self.drain(index);
    }

    pub(super) fn alarm(&mut self, node: NodeId) {
        let Some(index) = self.process(node) else { return };
        let now = self.now();
        // It may have been set to an earlier time since.
        if self.processes[index].alarm.take_if(|alarm| *alarm <= now).is_none() {
            return;
        }
        self.processes[index].hub.handle_timeout(now);
        self.drain(index);
    }

    fn drain(&mut self, index: usize) {
        let (node, now) = (self.processes[index].node, self.now());
        while let Some(output) = self.processes[index].hub.poll_output() {
            self.note(|| format!("  {node:?} {output:?}"));
            match output {
                Output::Authorize { conn, credential, .. } => {
                    self.authorize(node, conn, &credential);
                }
                Output::Broadcast { to, except, frame } => {
                    for &conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.hand_out(conn, frame.clone());
                    }
                }
                Output::Close { conn, code } => {
                    self.witness.closed(conn, code, now);
                    self.send_down(conn, Down::Close(code.as_u16()));
                }
                Output::Commit { op, room, change } => {
                    self.witness.committed(node, &change);
                    let change = Op::from_bytes(&change.to_bytes()).expect("its bytes are whole");
                    self.submit(index, op, room, change);
                }
                Output::Frame { to, frame } => self.hand_out(to, frame),
                Output::IceServersWanted { conn, req, .. } => {
                    let pause = self.random.below(50);
                    self.schedule.after(pause, Event::IceServers { node, conn, req });
                }
                Output::HostMessageRefused(refusal) => {
                    self.witness.host_was_refused(refusal.req.as_ref(), refusal.participant);
                }
                Output::ToHost(message) => panic!("nobody speaks to the host: {message:?}"),
                Output::OverRate { .. } => {}
                Output::ToNode { node: to, frame } => {
                    self.witness.sent_to_node(node, &frame, &mut self.ledger, now);
                    self.send_to_node(node, to, frame);
                }
                Output::Unwatch(room) => self.witness.unwatched(node, room),
                Output::Watch(room) => self.witness.watched(node, room),
            }
        }
        self.witness.after(node, &mut self.ledger, now);
        let process = &mut self.processes[index];
        let next = process.hub.poll_timeout();
        if let Some(at) = next.filter(|at| process.alarm.is_none_or(|alarm| *at < alarm)) {
            process.alarm = Some(at);
            self.schedule.at(at, Event::Alarm(node));
        }
    }

    fn hand_out(&mut self, conn: ConnId, frame: Bytes) {
        let now = self.now();
        self.note(|| format!("    to {conn:?}: {}", String::from_utf8_lossy(&frame)));
        self.witness.told(conn, &frame, &mut self.ledger, now);
        self.send_down(conn, Down::Frame(frame));
    }

    fn submit(&mut self, index: usize, op: OpId, room: RoomId, change: Op) {
        let (node, now) = (self.processes[index].node, self.now());
        match self.plan.store {
            StorePlan::Instant => {
                let applied = self.apply(room, &change, Some(node));
                if let Some(record) = &applied.record {
                    self.witness.saw(node, record, &mut self.ledger, now);
                }
                self.processes[index].hub.handle_input(Input::Committed { op, applied }, now);
            }
            StorePlan::Slow(delay) => {
                let at = now + Duration::from_millis(self.random.below(delay + 1));
                let at = self.processes[index].in_order_to_store(at);
                self.schedule.at(at, Event::Request { node, op, room, change });
            }
        }
    }

    /// An operation reaches the store, or does not, and its answer comes back, or does not.
    pub(super) fn request(&mut self, node: NodeId, op: OpId, room: RoomId, change: &Op) {
        if self.random.chance(self.faults.lost_request) {
            let pause = self.random.between(200, 3000);
            return self.schedule.after(pause, Event::Unanswered { node, op });
        }
        let applied = self.apply(room, change, None);
        if self.random.chance(self.faults.lost_answer) {
            let pause = self.random.between(200, 3000);
            return self.schedule.after(pause, Event::Unanswered { node, op });
        }
        let StorePlan::Slow(delay) = self.plan.store else { return };
        for _ in 0..=u32::from(self.random.chance(self.faults.double_answer)) {
            let pause = self.random.below(delay + 1);
            self.schedule.after(pause, Event::Answer { node, op, applied: applied.clone() });
        }
    }

    /// Applies an operation and tells the nodes about it, except one that has the answer already.
    pub(super) fn apply(&mut self, room: RoomId, change: &Op, asker: Option<NodeId>) -> Applied {
        let now = self.now();
        let before = self.store.room(room).map(|record| record.version());
        let applied = self.store.apply(room, change, now);
        self.note(|| {
            let version = applied.record.as_ref().map(|record| record.version());
            format!("  store {before:?} -> {version:?}: {change:?} {:?}", applied.reply)
        });
        let Some(record) =
            applied.record.as_ref().filter(|record| Some(record.version()) != before)
        else {
            return applied;
        };
        if let Some(at) = record.deadline() {
            self.schedule.at(at + Duration::from_millis(500), Event::Sweep(room));
        }
        for index in 0..self.processes.len() {
            let node = self.processes[index].node;
            if Some(node) == asker || self.random.chance(self.faults.lost_record) {
                continue;
            }
            let pause = self.random.below(300);
            self.schedule.after(pause, Event::Record { node, record: Arc::clone(record) });
        }
        applied
    }

    /// Ends what is due in a room, whether anybody has a socket there or not.
    pub(super) fn sweep(&mut self, room: RoomId) {
        let deadline = self.store.room(room).and_then(|record| record.deadline());
        if deadline.is_some_and(|at| at <= self.now()) {
            let _ = self.apply(room, &Op::Prune, None);
        }
    }

    /// Tells every node how things stand.
    pub(super) fn tell_records(&mut self) {
        let records: Vec<_> = self.store.rooms().cloned().collect();
        for record in records {
            for index in 0..self.processes.len() {
                let node = self.processes[index].node;
                if self.witness.watches(node, record.id()) {
                    self.input(node, Input::Record(Arc::clone(&record)), None);
                }
            }
        }
    }

    fn send_to_node(&mut self, from: NodeId, to: NodeId, frame: NodeFrame) {
        let pause = self.random.below(self.plan.delay);
        if self.random.chance(self.faults.unreachable) {
            return self.schedule.after(pause, Event::Undelivered { node: from, frame });
        }
        let at = self.now() + Duration::from_millis(pause);
        let Some(index) = self.process(from) else { return };
        let at = self.processes[index].in_order_to_node(to, at);
        let frame = NodeFrame::from_bytes(&frame.to_bytes()).expect("its bytes are whole");
        self.schedule.at(at, Event::Peer { from, to, frame });
    }

    pub(super) fn arrived_at_node(&mut self, from: NodeId, to: NodeId, frame: NodeFrame) {
        if self.process(to).is_none() {
            return self.schedule.after(10, Event::Undelivered { node: from, frame });
        }
        self.input(to, Input::FromNode { from, frame }, None);
    }

    pub(super) fn arrived_up(&mut self, conn: ConnId, up: Up) {
        let now = self.now();
        let socket = self.socket(conn);
        let (node, protocol, is_intact) = (socket.node, socket.protocol, socket.carries_up(now));
        match up {
            Up::Frame(frame, number) if is_intact => {
                self.note(|| {
                    format!(
                        "  {conn:?} says {}",
                        String::from_utf8_lossy(&frame[..frame.len().min(200)])
                    )
                });
                let Some(index) = self.process(node) else { return };
                let frame = self.processes[index].hub.decoder(protocol).decode(&frame);
                self.input(node, Input::Frame { conn, frame }, number);
            }
            Up::Close if is_intact => {
                self.input(node, Input::Lost { conn, how: Disconnect::Clean }, None);
            }
            Up::Cut => self.input(node, Input::Lost { conn, how: Disconnect::Abrupt }, None),
            Up::Close | Up::Frame(..) => {}
        }
    }

    /// A process dies, and another one takes its place. Its sockets end, and its seats are detached
    /// later.
    pub(super) fn crash(&mut self, index: usize) {
        let node = self.processes[index].node;
        self.note(|| format!("  {node:?} dies"));
        self.witness.crashed(node);
        self.ledger.crashed(node);
        self.started += 1;
        self.processes[index] = Process::start(self.started, &self.plan.config);
        for number in 0..self.sockets.len() {
            if self.sockets[number].node == node {
                self.cut(ConnId(number as u64), 0);
            }
        }
        let lease = self.random.between(1000, 5000);
        self.schedule.after(lease, Event::Reap(node));
    }

    /// Detaches what a dead process has left.
    pub(super) fn reap(&mut self, node: NodeId) {
        let until = self.now() + self.plan.config.resume_grace;
        let records: Vec<_> = self.store.rooms().cloned().collect();
        for record in records {
            let left = record.seats().iter().filter(|seat| seat.attachment.node == node);
            let left = left.filter(|seat| seat.presence == Presence::Attached);
            for attachment in left.map(|seat| seat.attachment).collect::<Vec<Attachment>>() {
                let _ = self.apply(record.id(), &Op::Detach { attachment, until }, None);
            }
        }
    }

    pub(super) fn process(&self, node: NodeId) -> Option<usize> {
        self.processes.iter().position(|process| process.node == node)
    }
}
