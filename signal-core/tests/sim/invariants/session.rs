//! Checks that the messages to one participant in one seat are consistent.

use std::collections::BTreeMap;

use bytes::Bytes;
use signal_core::hub::NodeId;
use signal_core::room::Room;
use signal_core::{ConnId, ParticipantId, ProtocolVersion};

use crate::frame::{Listed, PermissionsTold, RoomTold, Told};
use crate::ledger::{Fate, Kind, Ledger};

/// A participant from `joined` or a snapshot until its seat ends or is taken over elsewhere.
#[derive(Debug)]
pub struct Session {
    pub id: ParticipantId,
    pub protocol: ProtocolVersion,
    pub generation: u32,
    /// `None` while its socket is lost.
    pub conn: Option<ConnId>,
    /// How many messages a hub has taken from it.
    pub taken: u64,
    /// The numbered messages that it has been sent.
    log: Vec<Bytes>,
    /// Of a replay, how many messages are still to come, and the number of the last.
    replay_left: u64,
    replay_end: u64,
    view: BTreeMap<ParticipantId, Peer>,
    room: Option<RoomTold>,
    permissions: Option<PermissionsTold>,
    /// Whether what it is told cannot be followed any more.
    pub is_astray: bool,
    /// The last message of each sender, apart for those who have stolen its seat, and for each node
    /// that the host speaks through.
    heard: BTreeMap<(ParticipantId, bool, Option<NodeId>), u64>,
}

/// A peer as this participant has been told.
#[derive(Debug)]
struct Peer {
    name: String,
    is_creator: bool,
    connected: Option<bool>,
    state: Option<String>,
    publish: bool,
    generation: u32,
}

impl Session {
    /// Begins with `joined`, or with `resumed` if that is a snapshot.
    pub fn new(
        id: ParticipantId,
        protocol: ProtocolVersion,
        conn: ConnId,
        frame: &Bytes,
        told: &Told,
        record: &Room,
    ) -> Self {
        let listed = told.participants.as_ref().expect("it lists who is there");
        let mut view = BTreeMap::new();
        for entry in listed {
            let before = view.insert(entry.id.0, Peer::new(entry, record));
            assert!(before.is_none() && entry.id.0 != id, "{:?} is listed to {id:?}", entry.id);
        }
        let is_counted = told.kind == "joined";
        assert!(is_counted || told.seq == Some(0), "a snapshot counts from {:?}", told.seq);
        Self {
            id,
            protocol,
            generation: record.seat(id).map_or(0, |seat| seat.generation),
            conn: Some(conn),
            taken: 0,
            log: if is_counted { vec![frame.clone()] } else { Vec::new() },
            replay_left: 0,
            replay_end: 0,
            view,
            room: told.room.clone(),
            permissions: told.permissions,
            is_astray: false,
            heard: BTreeMap::new(),
        }
    }

    /// Goes on after `resumed`, as far as that promises a replay.
    pub fn resume(&mut self, conn: ConnId, is_honest: bool, last_seq: u64, told: &Told) {
        let (seq, replayed) = (told.seq.unwrap(), told.replayed.unwrap());
        assert_eq!(last_seq + replayed, seq, "{:?} is promised the wrong replay", self.id);
        assert!(seq >= self.log.len() as u64, "{:?} was sent more than {seq} messages", self.id);
        assert!(
            self.is_astray || told.received == Some(self.taken),
            "{} taken from {:?}",
            self.taken,
            self.id
        );
        self.conn = Some(conn);
        (self.replay_left, self.replay_end) = (replayed, seq);
        // A participant that claims to have received messages that were never sent may be sent
        // anything.
        self.is_astray |= last_seq > self.log.len() as u64;
        assert!(!self.is_astray || !is_honest, "{:?} cannot have received {last_seq}", self.id);
    }

    /// One more numbered message.
    pub fn told(
        &mut self,
        frame: &Bytes,
        told: &Told,
        record: &Room,
        ledger: &mut Ledger,
    ) -> Novelty {
        if self.is_astray {
            return self.told_astray(told, ledger);
        }
        let is_replay = self.replay_left > 0;
        if is_replay {
            self.replay_left -= 1;
            if self.is_known(frame) {
                return Novelty::Known;
            }
        }
        if self.protocol == ProtocolVersion::V2 {
            self.log.push(frame.clone());
        }
        if told.is_relayed() {
            self.hear(told, ledger);
        } else {
            self.learn(told, record);
        }
        if is_replay { Novelty::Kept } else { Novelty::Live }
    }

    fn told_astray(&mut self, told: &Told, ledger: &mut Ledger) -> Novelty {
        if let Some(number) = told.payload().and_then(|payload| ledger.number_in(payload)) {
            ledger.entry_mut(number).heard.push(self.id);
        }
        if self.replay_left == 0 {
            return Novelty::Live;
        }
        self.replay_left -= 1;
        Novelty::Kept
    }

    /// Whether a replayed message was sent before; then it has to be the same. What this
    /// participant was sent without a socket has not been seen.
    fn is_known(&self, frame: &Bytes) -> bool {
        let index = usize::try_from(self.replay_end - self.replay_left).unwrap() - 1;
        let Some(before) = self.log.get(index) else { return false };
        assert_eq!(before, frame, "the replay to {:?} differs at {}", self.id, index + 1);
        true
    }

    fn hear(&mut self, told: &Told, ledger: &mut Ledger) {
        let from = told.from.expect("it has a sender").0;
        let payload = told.payload().expect("it has a payload");
        let Some(number) = ledger.number_in(payload) else { panic!("nobody has sent {payload}") };
        let entry = ledger.entry_mut(number);
        assert!(
            entry.via.is_some() || self.view.contains_key(&from),
            "{:?} heard {from:?}, of whom it does not know",
            self.id
        );
        let kind = match entry.kind {
            Kind::Answer => "answer",
            Kind::Candidate => "candidate",
            Kind::Message => "message",
            Kind::Offer => "offer",
        };
        assert!(entry.fate != Fate::Forbidden, "{from:?} may not send {number}");
        let to = entry.to.unwrap_or(self.id);
        assert_eq!(
            (entry.from, to, kind, entry.payload.as_str()),
            (from, self.id, told.kind.as_str(), payload)
        );
        let neg = entry.neg.filter(|_| self.protocol == ProtocolVersion::V2);
        assert_eq!(told.neg, neg, "the number of message {number} changed");
        let before = self.heard.insert((from, entry.is_honest, entry.via), number);
        assert!(
            before < Some(number),
            "{:?} heard {before:?} of {from:?} before {number}",
            self.id
        );
        entry.heard.push(self.id);
    }

    fn learn(&mut self, told: &Told, record: &Room) {
        let about = told.participant_id.map(|id| id.0);
        match (told.kind.as_str(), about) {
            ("peer_joined", _) => {
                let entry = told.participant.as_ref().expect("it says who");
                let before = self.view.insert(entry.id.0, Peer::new(entry, record));
                assert!(before.is_none() && entry.id.0 != self.id, "{:?} joined twice", entry.id);
            }
            ("peer_left", Some(id)) => {
                let before = self.view.remove(&id);
                assert!(before.is_some(), "{id:?} left, of whom {:?} does not know", self.id);
                assert_eq!(told.reason.is_some(), self.protocol == ProtocolVersion::V2);
            }
            ("peer_updated", Some(id)) => {
                assert_eq!(self.protocol, ProtocolVersion::V2);
                let peer = self.view.get_mut(&id).expect("only of those it knows");
                if let Some(name) = &told.name {
                    peer.name.clone_from(name);
                }
                if let Some(state) = &told.state {
                    peer.state = Some(state.get().to_owned());
                }
                peer.connected = told.connected.or(peer.connected);
                peer.publish = told.publish.unwrap_or(peer.publish);
                if told.lossy {
                    peer.generation = record.seat(id).map_or(0, |seat| seat.generation);
                }
            }
            ("room_updated", _) => {
                assert_eq!(self.protocol, ProtocolVersion::V2);
                self.room = told.room.clone();
            }
            ("permissions_updated", _) => {
                assert_eq!(self.protocol, ProtocolVersion::V2);
                self.permissions = told.permissions;
            }
            ("error" | "room_closed", _) => {}
            ("ice_servers" | "pong" | "kicked", _) => {
                assert_eq!(self.protocol, ProtocolVersion::V2);
            }
            ("password_attempts", _) => {
                assert_eq!(self.protocol, ProtocolVersion::V2);
                let seat = record.seat(self.id);
                assert!(seat.is_none_or(|seat| seat.is_creator()), "{:?} is a guest", self.id);
            }
            (kind, _) => panic!("{:?} was told `{kind}`", self.id),
        }
    }

    /// Checks that its messages add up to the record of its node.
    pub fn compare(&self, record: &Room) {
        if self.is_astray {
            return;
        }
        assert_eq!(self.replay_left, 0, "the replay to {:?} is too short", self.id);
        let others = record.seats().iter().filter(|seat| seat.id != self.id);
        assert_eq!(self.view.len(), others.clone().count(), "{:?} sees {:?}", self.id, self.view);
        for seat in others {
            let Some(peer) = self.view.get(&seat.id) else {
                panic!("{:?} does not see {:?}", self.id, seat.id)
            };
            assert_eq!(peer.is_creator, seat.is_creator());
            match self.protocol {
                ProtocolVersion::V1 => {
                    assert!(peer.connected.is_none() && peer.state.is_none() && peer.publish);
                }
                ProtocolVersion::V2 => {
                    let state = seat
                        .state
                        .as_ref()
                        .map(|state| std::str::from_utf8(state.as_bytes()).unwrap());
                    let seen = (
                        peer.name.as_str(),
                        peer.connected,
                        peer.state.as_deref(),
                        peer.publish,
                        peer.generation,
                    );
                    let is = (
                        seat.name.as_str(),
                        Some(seat.is_attached()),
                        state,
                        seat.permissions.publish,
                        seat.generation,
                    );
                    assert_eq!(seen, is, "how {:?} sees {:?}", self.id, seat.id);
                }
            }
        }
        if self.protocol == ProtocolVersion::V2 {
            let room = self.room.as_ref().expect("v2 is told of the room");
            let may = record.seat(self.id).map(|seat| seat.permissions.into());
            assert_eq!(self.permissions, may, "what {:?} may do", self.id);
            let info = record.info();
            let seen = (room.name.as_str(), room.max_participants, room.locked);
            assert_eq!(seen, (&*info.name, info.max_participants, info.locked), "{:?}", self.id);
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Novelty {
    /// Part of a replay, sent before.
    Known,
    /// Part of a replay, kept for it.
    Kept,
    Live,
}

impl Peer {
    fn new(entry: &Listed, record: &Room) -> Self {
        Self {
            name: entry.name.clone(),
            is_creator: entry.is_creator,
            connected: entry.connected,
            state: entry.state.as_ref().map(|state| state.get().to_owned()),
            publish: entry.publish.unwrap_or(true),
            generation: record.seat(entry.id.0).map_or(0, |seat| seat.generation),
        }
    }
}
