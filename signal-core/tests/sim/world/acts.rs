//! The acts of a run: participants send, creators change rooms, sockets and processes fail.

use std::collections::VecDeque;
use std::time::Duration;

use signal_core::hub::Input;
use signal_core::message::{HostMessage, Payload, RequestId, Topic};
use signal_core::room::{
    Admission, Capacity, Change, CloseReason, Op, PasswordTag, Rotation, TokenHash,
};
use signal_core::{ConnId, ParticipantId, Permissions, ProtocolVersion};

use super::{Event, START, World};
use crate::ledger::{Entry, Fate, Kind, Taken};
use crate::socket::{Down, Up};

impl World {
    pub(super) fn act(&mut self) {
        if self.now() >= START + Duration::from_millis(self.plan.busy) {
            return;
        }
        if self.random.chance(self.faults.cut) {
            let conn = self.random.below(self.sockets.len() as u64);
            let half_open = if self.random.chance(20) {
                self.random.below(10_000)
            } else {
                self.random.below(300)
            };
            if conn < self.sockets.len() as u64 {
                self.cut(ConnId(conn), half_open);
            }
        }
        if self.random.chance(self.faults.slow) {
            self.stop_reading();
        }
        if self.random.chance(self.faults.crash) {
            let index = self.random.index(self.processes.len());
            self.crash(index);
        }
        if self.random.chance(8) {
            self.rule();
        }
        if self.random.chance(15) {
            self.host_speaks();
        }
        if self.random.chance(5) {
            self.store.back_up();
        }
        if self.random.chance(self.faults.lost_data) && self.random.chance(10) {
            self.lose_data();
        }
        let person = self.random.index(self.people.len());
        self.with_hands(person, |program, hands| program.act(hands));
        let pause = self.random.below(2 * self.plan.pause);
        self.schedule.after(pause, Event::Act);
    }

    fn lose_data(&mut self) {
        self.witness.look_away();
        if self.random.chance(70) {
            self.note(|| "  the power fails".to_owned());
            self.store.lose_memory();
            // Sometimes it fails again after no more than a join.
            while self.random.chance(40) {
                self.join_by_invite();
                self.store.lose_memory();
            }
            (0..self.processes.len()).for_each(|index| self.crash(index));
        } else {
            let has_backup = self.random.chance(70);
            self.note(|| format!("  the store forgets, backup: {has_backup}"));
            self.store.restart(has_backup);
        }
    }

    fn join_by_invite(&mut self) {
        let room = self.random.index(self.rooms.len());
        let (id, by) = (self.rooms[room].id, Admission::Invite(self.rooms[room].invite));
        let suffix = self.suffix();
        let _ = self.apply(id, &Op::Admit { by, client: None, suffix }, None);
    }

    /// Breaks a socket. The server may be slow to notice.
    pub(super) fn cut(&mut self, conn: ConnId, half_open: u64) {
        let now = self.now();
        let up = now + Duration::from_millis(half_open);
        let down = now + Duration::from_millis(self.random.below(300));
        let socket = self.socket(conn);
        if socket.is_cut() {
            return;
        }
        socket.cut(up, down);
        let is_done = socket.is_done;
        self.schedule.at(up, Event::Up(conn, Up::Cut));
        if !is_done {
            self.schedule.at(down, Event::Down(conn, Down::Cut));
        }
    }

    fn stop_reading(&mut self) {
        let open: Vec<ConnId> = self.people.iter().filter_map(|person| person.socket).collect();
        let Some(conn) = self.random.pick(&open) else { return };
        self.socket(conn).unread.get_or_insert_default();
        let pause = self.random.between(1000, 20_000);
        self.schedule.after(pause, Event::ReadOn(conn));
    }

    /// Somebody, mostly the creator, sends a REST request.
    fn rule(&mut self) {
        let room = self.random.index(self.rooms.len());
        let id = self.rooms[room].id;
        let Some(record) = self.store.room(id).cloned() else { return };
        let seats: Vec<ParticipantId> = record.seats().iter().map(|seat| seat.id).collect();
        let change = match self.random.below(24) {
            0..=3 => {
                Op::Change(Change { locked: Some(self.random.chance(30)), ..Change::default() })
            }
            4..=6 => {
                let capacity = u16::try_from(self.random.between(1, 8)).unwrap();
                Op::Change(Change { capacity: Capacity::new(capacity).ok(), ..Change::default() })
            }
            7 | 8 => {
                let expires_at = record.expires_at() + Duration::from_secs(self.random.below(100));
                Op::Change(Change { expires_at: Some(expires_at), ..Change::default() })
            }
            9 => Op::Change(Change { name: Some("another name".into()), ..Change::default() }),
            10 => {
                let rotate = Some(self.rotation(room, record.password_epoch()));
                Op::Change(Change { rotate, ..Change::default() })
            }
            11..=14 => {
                let Some(participant) = self.random.pick(&seats) else { return };
                let rotate =
                    self.random.chance(40).then(|| self.rotation(room, record.password_epoch()));
                Op::Kick { participant, rotate }
            }
            15 if self.random.chance(30) => Op::Close(CloseReason::ByCreator),
            16..=21 => {
                let Some(participant) = self.random.pick(&seats) else { return };
                Op::SetPermissions { participant, permissions: self.permissions() }
            }
            _ => return self.guess(room),
        };
        let _ = self.apply(id, &change, None);
        if self.random.chance(20) {
            // Nobody minds if it is asked for twice.
            let _ = self.apply(id, &change, None);
        }
        if let Op::Change(Change { rotate: Some(rotation), .. })
        | Op::Kick { rotate: Some(rotation), .. } = change
        {
            let is_new =
                self.store.room(id).is_some_and(|room| room.password_epoch() != rotation.follows);
            if is_new {
                (self.rooms[room].password, self.rooms[room].invite) =
                    (rotation.password, rotation.invite);
            }
        }
    }

    /// The host sends a message to one participant or to everybody, through one of the processes.
    fn host_speaks(&mut self) {
        let (room, index) = (self.random.index(self.rooms.len()), self.processes.len());
        let node = self.processes[self.random.index(index)].node;
        let Some(record) = self.store.room(self.rooms[room].id).cloned() else { return };
        let seats: Vec<ParticipantId> = record.seats().iter().map(|seat| seat.id).collect();
        let to = if self.random.chance(50) { self.random.pick(&seats) } else { None };
        let receivers = record.seats().iter().filter(|seat| {
            to.is_none_or(|to| to == seat.id) && seat.protocol == ProtocolVersion::V2
        });
        let receivers = receivers.map(|seat| (seat.id, seat.generation)).collect();
        let number = self.ledger.next();
        let payload = format!(r#"{{"x" : "m={number}"}}"#);
        self.ledger.add(Entry {
            room: record.id(),
            from: "host".parse().unwrap(),
            via: Some(node),
            is_honest: true,
            to,
            kind: Kind::Message,
            neg: None,
            payload: payload.clone(),
            fate: Fate::Sent,
            taken: Some(Taken { from: 0, to: receivers }),
            heard: Vec::new(),
        });
        let data = Payload::from_json(&payload.into()).unwrap();
        let topic = Topic::new("t").unwrap();
        let message = match to {
            Some(to) => HostMessage::to_one(to, topic, data),
            None => HostMessage::to_room(topic, data),
        };
        let message = message.req(RequestId::new(&number.to_string()).unwrap());
        self.input(node, Input::HostMessage { record, message }, None);
    }

    /// Somebody tries wrong passwords.
    fn guess(&mut self, room: usize) {
        let id = self.rooms[room].id;
        let by = Admission::Password(PasswordTag::new([255; 32]));
        for _ in 0..self.random.between(1, 12) {
            let suffix = self.suffix();
            let _ = self.apply(id, &Op::Admit { by, client: None, suffix }, None);
        }
    }

    fn permissions(&mut self) -> Permissions {
        let mut permissions = Permissions::NONE;
        permissions.message = self.random.chance(60);
        permissions.update = self.random.chance(60);
        permissions.publish = self.random.chance(60);
        permissions.moderate = self.random.chance(40);
        permissions
    }

    fn rotation(&mut self, room: usize, follows: u32) -> Rotation {
        let number = u8::try_from(self.random.below(200)).unwrap();
        let (password, invite) = (PasswordTag::new([number; 32]), TokenHash::new([number; 32]));
        let is_same = password == self.rooms[room].password;
        let password = if is_same { PasswordTag::new([254; 32]) } else { password };
        Rotation { password, invite, follows }
    }

    /// From here on nothing breaks, and everybody reads.
    pub(super) fn calm(&mut self) {
        self.faults = crate::plan::Faults::default();
        for number in 0..self.sockets.len() {
            let unread: VecDeque<Down> = self.sockets[number].unread.take().unwrap_or_default();
            for down in unread {
                self.read(ConnId(number as u64), down);
            }
        }
    }
}
