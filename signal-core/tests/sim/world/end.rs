//! The end of a run: everything comes to rest, then every room ends.

use std::collections::BTreeMap;
use std::time::Duration;

use signal_core::room::{CloseReason, Op, Status};
use signal_core::{ParticipantId, RoomId};

use super::{START, World};
use crate::client::Participant;

impl World {
    /// Runs it all; panics if a rule is broken.
    pub fn run(&mut self) {
        let busy_until = START + Duration::from_millis(self.plan.busy);
        while self.step(busy_until) {}
        self.note(|| "calm".to_owned());
        self.calm();
        for _ in 0..SETTLING {
            let until = self.now() + Duration::from_secs(10);
            while self.step(until) {}
            self.tell_records();
        }
        let until = self.now() + Duration::from_secs(1);
        while self.step(until) {}
        if !self.store.has_forgotten() {
            self.rest();
            self.end_rooms();
        }
    }

    /// Nothing is on its way any more.
    fn rest(&mut self) {
        let now = self.now();
        let records: Vec<_> = self.store.rooms().cloned().collect();
        for record in records.iter().filter(|record| record.status() == Status::Open) {
            self.witness.rest(record, &mut self.ledger, now);
            let online = self.online(record.id());
            for (id, program) in &online {
                let Some(seat) = record.seat(*id) else {
                    panic!("{id:?} believes that it has a seat")
                };
                assert!(seat.is_attached(), "{id:?} believes that it has a socket");
                if let Some(state) = program.state() {
                    let shown = seat
                        .state
                        .as_ref()
                        .map(|state| std::str::from_utf8(state.as_bytes()).unwrap());
                    assert_eq!(shown, Some(state), "what {id:?} shows");
                }
            }
            for (id, program) in &online {
                for (other, its_program) in online.range(..id) {
                    self.check_pair(*id, *program, *other, *its_program);
                }
            }
        }
    }

    /// Those who keep to the protocol and have a socket, as they themselves see it.
    fn online(&self, room: RoomId) -> BTreeMap<ParticipantId, &dyn Participant> {
        let people = self.people.iter().filter(|person| self.rooms[person.room].id == room);
        let online = people.filter(|person| person.socket.is_some() && person.program.is_honest());
        online.filter_map(|person| Some((person.program.id()?, &*person.program))).collect()
    }

    /// Any two who keep to the protocol have agreed, and are connected.
    fn check_pair(
        &self,
        a: ParticipantId,
        its: &dyn Participant,
        b: ParticipantId,
        others: &dyn Participant,
    ) {
        if self.witness.was_cut_short(a) || self.witness.was_cut_short(b) {
            return;
        }
        let ends = (its.peers().get(&b), others.peers().get(&a));
        let (Some(near), Some(far)) = ends else {
            panic!("{a:?} and {b:?} have not met: {ends:?}")
        };
        let remotes = (self.air.remote(near.number), self.air.remote(far.number));
        assert_eq!(
            remotes,
            (Some(far.number), Some(near.number)),
            "{a:?} ({near:?}) and {b:?} ({far:?})"
        );
    }

    /// Every room is closed, or its time is over; then nobody is left, and nothing.
    fn end_rooms(&mut self) {
        for number in 0..self.rooms.len() {
            let id = self.rooms[number].id;
            if self.random.chance(50) {
                let _ = self.apply(id, &Op::Close(CloseReason::ByCreator), None);
            }
        }
        let until = self.store.rooms().map(|room| room.expires_at()).max().unwrap_or_default();
        let until = until.max(self.now()) + Duration::from_secs(60);
        while self.step(until) {}
        self.tell_records();
        while self.step(until + Duration::from_secs(120)) {}
        assert!(
            self.store.rooms().all(|room| room.status() != Status::Open),
            "a room is still open"
        );
        assert!(!self.witness.has_sessions(), "somebody is still in a room that is over");
        for process in &self.processes {
            assert!(process.hub.is_idle(), "a hub keeps something: {:?}", process.hub);
            assert_eq!(process.hub.poll_timeout(), None);
        }
    }
}

/// How often, in calm, the nodes are told of the newest records: ten seconds apart.
const SETTLING: u32 = 12;
