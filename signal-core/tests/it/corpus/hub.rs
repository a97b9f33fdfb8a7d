//! Two hubs and one store, driven by a script.
//!
//! A script is text, so that a corpus can be read and written by hand. Each line is a letter, a
//! digit that names one of eight sockets (even ones are at the first hub, odd ones at the second),
//! and what that letter needs; a line that makes no sense does nothing:
//!
//! ```text
//! o0        opens socket 0 with a new guest's ticket (O0 speaks v2); o0 1 takes that of socket 1
//! c0        opens socket 0 with the creator's ticket (C0 speaks v2)
//! a0        opens socket 0 and lets the hub ask who it is; y0 admits it, n0 refuses it
//! r0 1 5    opens socket 0 with the newest resume token of socket 1, having received 5 messages
//! s0 {…}    sends a frame, in which $1 stands for the id that socket 1 was given
//! l0 x0     the socket breaks, is closed in order
//! d0 u0     the socket stops reading, reads everything
//! k0 b0     puts out the participant of socket 0, and changes the password too
//! m0 m1     opens, locks the room
//! e0        the creator ends the room by a request
//! p0 q0     the host says something to the participant of socket 0, to everybody, by its hub
//! t0 500    half a second passes
//! h0 H0     the store keeps its answers to itself, gives them; Q0 gives up waiting for them
//! i0 I0     frames between the hubs come back, get through
//! j0 J0     the hubs do not hear of records any more, hear of the newest
//! ```

#![allow(unreachable_pub)]

#[path = "host.rs"]
mod host;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use signal_core::config::{HubConfig, ReplayLimit};
use signal_core::hub::{Disconnect, Hub, Input, NodeId, OpId};
use signal_core::message::{HostMessage, Payload, Topic};
use signal_core::room::{
    Admission, Capacity, Change, CloseReason, Grant, IdSuffix, OnCreatorLeave, Op, PasswordTag,
    Receipt, ResumeToken, Room, RoomSpec, Rotation, Ticket, TokenHash,
};
use signal_core::store::{Applied, MemoryStore};
use signal_core::{
    ConnId, DisplayName, Entry, ErrorCode, Language, ParticipantId, ProtocolVersion, Randomness,
    RoomId, Timestamp,
};

/// Plays a script. Whatever it is, nobody is sent anything before its welcome or after its close,
/// what waits stays within its limits, and in the end nothing is left.
pub fn inputs(script: &[u8]) {
    let mut world = World::new();
    for line in script.split(|byte| *byte == b'\n').take(MAX_LINES) {
        if let [verb, digit @ b'0'..=b'7', rest @ ..] = line {
            world.step(*verb, usize::from(digit - b'0'), rest.strip_prefix(b" ").unwrap_or(rest));
        }
    }
    world.end();
}

struct World {
    hubs: [Hub; 2],
    watching: [bool; 2],
    store: MemoryStore,
    now: Timestamp,
    slots: [Slot; 8],
    conns: BTreeMap<ConnId, Conn>,
    last_conn: u64,
    /// Answers of the store that are kept back, by the hub that waits for them.
    answers: Option<VecDeque<(usize, OpId, Applied)>>,
    hubs_are_apart: bool,
    records_are_lost: bool,
}

/// What a script knows by a digit.
#[derive(Clone, Default)]
struct Slot {
    conn: Option<ConnId>,
    ticket: Option<Ticket>,
    id: Option<ParticipantId>,
    /// The hash of its newest resume token.
    token: Option<TokenHash>,
}

struct Conn {
    slot: usize,
    is_open: bool,
    is_welcome: bool,
    is_resumed: bool,
    reads: bool,
    unsent: usize,
    asks: bool,
    protocol: ProtocolVersion,
}

impl World {
    fn new() -> Self {
        let mut store = MemoryStore::new();
        let room = Room::create(RoomSpec {
            id: room_id(),
            epoch: 1,
            name: "room".into(),
            creator: Some("alice".into()),
            password: Some(password(0)),
            invite: TokenHash::new([0; 32]),
            capacity: Capacity::new(5).expect("within 1 to 50"),
            created_at: START,
            expires_at: START + Duration::from_secs(3600),
            on_creator_leave: OnCreatorLeave::default(),
            suffix: IdSuffix::new(0),
        });
        store.create(room).expect("it is the first");
        Self {
            hubs: [1, 2].map(|node| Hub::new(NodeId(node), config())),
            watching: [false; 2],
            store,
            now: START,
            slots: Default::default(),
            conns: BTreeMap::new(),
            last_conn: 0,
            answers: None,
            hubs_are_apart: false,
            records_are_lost: false,
        }
    }

    fn step(&mut self, verb: u8, slot: usize, rest: &[u8]) {
        let conn = self.slots[slot].conn;
        match verb {
            b'o' | b'O' => self.open_guest(slot, protocol(verb), rest),
            b'c' | b'C' => {
                self.open(slot, protocol(verb), Some(Ticket::Creator), attach(Ticket::Creator));
            }
            b'a' | b'A' => {
                self.open(slot, protocol(verb), None, Entry::Ask { credential: Bytes::new() });
            }
            b'y' | b'n' => self.decide(slot, verb == b'y'),
            b'r' => self.resume(slot, rest),
            b's' => {
                let frame = self.filled(rest);
                conn.map(|conn| self.send(slot, conn, &frame)).unwrap_or_default();
            }
            b'l' => self.lose(slot, Disconnect::Abrupt),
            b'x' => self.lose(slot, Disconnect::Clean),
            b'd' | b'u' => self.read(slot, verb == b'u'),
            b'k' | b'b' => self.kick(slot, verb == b'b'),
            b'm' => {
                let locked = Some(slot % 2 == 1);
                self.apply(&Op::Change(Change { locked, ..Change::default() }));
            }
            b'e' => self.apply(&Op::Close(CloseReason::ByCreator)),
            b'p' | b'q' => self.host_says(slot, verb == b'q'),
            b't' => self.pass(Duration::from_millis(number(rest).min(MAX_PAUSE_MS))),
            b'h' => {
                self.answers.get_or_insert_default();
            }
            b'H' => self.answer(),
            b'Q' => self.give_up(),
            b'i' => self.hubs_are_apart = true,
            b'I' => self.hubs_are_apart = false,
            b'j' => self.records_are_lost = true,
            b'J' => self.publish(),
            _ => {}
        }
    }

    fn host_says(&mut self, slot: usize, to_room: bool) {
        let Some(record) = self.record() else { return };
        let topic = Topic::new("t").expect("it is short");
        let data = Payload::new(&["from the host"]).expect("it is JSON");
        let message = match self.slots[slot].id {
            Some(id) if !to_room => HostMessage::to_one(id, topic, data),
            Some(_) | None => HostMessage::to_room(topic, data),
        };
        self.input(slot, Input::HostMessage { record, message });
    }

    fn open_guest(&mut self, slot: usize, protocol: ProtocolVersion, rest: &[u8]) {
        let known =
            rest.first().and_then(|digit| self.slots.get(usize::from(digit.wrapping_sub(b'0'))));
        let ticket = known.and_then(|slot| slot.ticket).or_else(|| self.admit());
        if let Some(ticket) = ticket {
            self.open(slot, protocol, Some(ticket), attach(ticket));
        }
    }

    /// What `join` does; the password may have been changed.
    fn admit(&mut self) -> Option<Ticket> {
        let epoch = self.record()?.password_epoch();
        let by = Admission::Password(password(epoch));
        match self
            .store
            .apply(room_id(), &Op::Admit { by, client: None, suffix: IdSuffix::new(0) }, self.now)
            .reply
        {
            Ok(Receipt::Entered { id }) => Some(Ticket::Guest(id)),
            Ok(Receipt::Done | Receipt::Resumed { .. }) | Err(_) => None,
        }
    }

    fn open(
        &mut self,
        slot: usize,
        protocol: ProtocolVersion,
        ticket: Option<Ticket>,
        entry: Entry,
    ) {
        self.lose(slot, Disconnect::Abrupt);
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        let token = token_hash(self.last_conn);
        let known = &mut self.slots[slot];
        *known = Slot { conn: Some(conn), ticket, id: known.id, token: Some(token) };
        let asks = matches!(entry, Entry::Ask { .. });
        let state = Conn {
            slot,
            is_open: true,
            is_welcome: false,
            is_resumed: false,
            reads: true,
            unsent: 0,
            asks,
            protocol,
        };
        self.conns.insert(conn, state);
        let resume_token = ResumeToken::new(format!("token {}", self.last_conn), token);
        let randomness = Randomness { suffix: IdSuffix::new(0), resume_token };
        let language = if slot < 4 { Language::En } else { Language::Zh };
        self.input(
            slot,
            Input::Open {
                conn,
                room: room_id(),
                protocol,
                language,
                entry,
                randomness,
                client: None,
            },
        );
    }

    fn resume(&mut self, slot: usize, rest: &[u8]) {
        let [digit @ b'0'..=b'7', last_seq @ ..] = rest else { return };
        let of = self.slots[usize::from(digit - b'0')].clone();
        if let Some(token) = of.token {
            let entry = Entry::Resume { token, last_seq: number(last_seq), ice: None };
            self.open(slot, ProtocolVersion::V2, of.ticket, entry);
        }
    }

    fn send(&mut self, slot: usize, conn: ConnId, frame: &Bytes) {
        let decoder = self.hubs[slot % 2].decoder(self.conns[&conn].protocol);
        self.input(slot, Input::Frame { conn, frame: decoder.decode(frame) });
    }

    fn decide(&mut self, slot: usize, admit: bool) {
        let Some(conn) = self.slots[slot].conn else { return };
        if !self.conns.get(&conn).is_some_and(|conn| conn.asks) {
            return;
        }
        let ticket = if admit { self.admit() } else { None };
        self.slots[slot].ticket = ticket;
        let entry = ticket.map(attach).ok_or(ErrorCode::TokenInvalid);
        self.input(slot, Input::Authorized { conn, entry });
    }

    fn lose(&mut self, slot: usize, how: Disconnect) {
        let Some(conn) = self.slots[slot].conn.take() else { return };
        if let Some(state) = self.conns.get_mut(&conn) {
            state.is_open = false;
        }
        self.input(slot, Input::Lost { conn, how });
    }

    fn read(&mut self, slot: usize, reads: bool) {
        let Some(conn) = self.slots[slot].conn else { return };
        let Some(state) = self.conns.get_mut(&conn) else { return };
        state.reads = reads;
        if reads {
            let bytes = std::mem::take(&mut state.unsent);
            self.input(slot, Input::Sent { conn, bytes });
        }
    }

    fn kick(&mut self, slot: usize, is_ban: bool) {
        let (Some(participant), Some(record)) = (self.slots[slot].id, self.record()) else {
            return;
        };
        let epoch = record.password_epoch();
        let next = epoch.saturating_add(1);
        let rotation =
            Rotation { password: password(next), invite: TokenHash::new([0; 32]), follows: epoch };
        self.apply(&Op::Kick { participant, rotate: is_ban.then_some(rotation) });
    }

    /// Everybody goes, everything ends, nothing stays.
    fn end(&mut self) {
        self.hubs_are_apart = false;
        self.answer();
        self.publish();
        for slot in 0..self.slots.len() {
            self.lose(slot, Disconnect::Abrupt);
        }
        self.pass(Duration::from_secs(30 * 3600));
        for hub in &self.hubs {
            assert!(hub.is_idle(), "a hub without connections still holds {hub:?}");
            assert_eq!(hub.poll_timeout(), None);
        }
        assert_eq!(self.record(), None, "a room is remembered for ever");
    }

    fn filled(&self, text: &[u8]) -> Bytes {
        let mut filled = Vec::with_capacity(text.len());
        let mut rest = text;
        while let [byte, tail @ ..] = rest {
            let slot = tail
                .first()
                .and_then(|digit| self.slots.get(usize::from(digit.wrapping_sub(b'0'))));
            match (byte, slot) {
                (b'$', Some(slot)) => {
                    filled.extend_from_slice(
                        slot.id.as_ref().map_or(b"?", |id| id.as_str().as_bytes()),
                    );
                    rest = &tail[1..];
                }
                _ => {
                    filled.push(*byte);
                    rest = tail;
                }
            }
        }
        filled.into()
    }
}

fn attach(ticket: Ticket) -> Entry {
    let name = DisplayName::parse("somebody").expect("it is short").expect("it is not empty");
    Entry::Attach { grant: Grant::new(ticket, u32::MAX), name, ice: None }
}

fn protocol(verb: u8) -> ProtocolVersion {
    if verb.is_ascii_uppercase() { ProtocolVersion::V2 } else { ProtocolVersion::V1 }
}

fn number(text: &[u8]) -> u64 {
    std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn room_id() -> RoomId {
    RoomId::from_indices([0; 6])
}

fn password(epoch: u32) -> PasswordTag {
    PasswordTag::new([(epoch % 251) as u8; 32])
}

fn token_hash(number: u64) -> TokenHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    TokenHash::new(hash)
}

/// Limits that a short script reaches.
fn config() -> HubConfig {
    HubConfig::with(|config| {
        config.max_bad_messages = 3;
        config.max_data_bytes = 256;
        config.max_frame_bytes = 1024;
        config.max_held_bytes = 512;
        config.max_state_bytes = 128;
        config.max_unsent_bytes = 2048;
        config.replay = ReplayLimit::with(|replay| {
            replay.messages = 4;
            replay.bytes = 1024;
            replay.age = Duration::from_secs(10);
        });
    })
}

const START: Timestamp = Timestamp::from_millis(1_764_943_200_000);
const MAX_LINES: usize = 400;
/// A week, so that nothing overflows.
const MAX_PAUSE_MS: u64 = 7 * 24 * 3600 * 1000;
