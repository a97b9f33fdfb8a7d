//! The whole system: processes, sockets, participants and the store, moved on one event at a
//! time.

mod acts;
mod end;
mod entry;
mod nodes;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use signal_core::hub::{Input, NodeFrame, NodeId, OpId};
use signal_core::ice::IceServers;
use signal_core::message::{Payload, RequestId};
use signal_core::room::{Capacity, Grant, IdSuffix, Op, PasswordTag, Room, RoomSpec, TokenHash};
use signal_core::store::Applied;
use signal_core::{AddressTag, Client, ConnId, Entry, ErrorCode, ParticipantId, RoomId, Timestamp};

use crate::air::Air;
use crate::client::{Browser, Doing, Hands, Hostile, Outgoing, Participant, Sdk, Way};
use crate::frame::Told;
use crate::invariants::Witness;
use crate::ledger::Ledger;
use crate::plan::{Faults, Plan, Role};
use crate::process::Process;
use crate::random::Random;
use crate::schedule::Schedule;
use crate::socket::{Down, Socket, Up};
use crate::store::Store;

pub struct World {
    plan: Plan,
    /// The faults that may happen now.
    faults: Faults,
    random: Random,
    schedule: Schedule<Event>,
    processes: Vec<Process>,
    started: u64,
    sockets: Vec<Socket>,
    people: Vec<Person>,
    rooms: Vec<RoomKeys>,
    store: Store,
    ledger: Ledger,
    air: Air,
    witness: Witness,
    /// How sockets will enter once the host has made up its mind.
    asking: BTreeMap<ConnId, Entry>,
    steps: u64,
    journal: Option<Journal>,
}

/// A participant and what it holds.
struct Person {
    room: usize,
    /// Where it comes from.
    client: Client,
    is_creator: bool,
    program: Box<dyn Participant>,
    grant: Option<Grant>,
    socket: Option<ConnId>,
    attempts: u32,
}

/// What opens a room.
struct RoomKeys {
    id: RoomId,
    password: PasswordTag,
    invite: TokenHash,
}

#[derive(Debug)]
enum Event {
    /// A participant acts, or something breaks.
    Act,
    Alarm(NodeId),
    Answer {
        node: NodeId,
        op: OpId,
        applied: Applied,
    },
    Authorized {
        node: NodeId,
        conn: ConnId,
        entry: Result<Entry, ErrorCode>,
    },
    Down(ConnId, Down),
    Enter {
        person: usize,
        way: Way,
    },
    IceServers {
        node: NodeId,
        conn: ConnId,
        req: Option<RequestId>,
    },
    Open {
        conn: ConnId,
        entry: Entry,
    },
    Peer {
        from: NodeId,
        to: NodeId,
        frame: NodeFrame,
    },
    ReadOn(ConnId),
    Reap(NodeId),
    Record {
        node: NodeId,
        record: Arc<Room>,
    },
    Request {
        node: NodeId,
        op: OpId,
        room: RoomId,
        change: Op,
    },
    Sweep(RoomId),
    Unanswered {
        node: NodeId,
        op: OpId,
    },
    Undelivered {
        node: NodeId,
        frame: NodeFrame,
    },
    Up(ConnId, Up),
    Wake {
        person: usize,
        about: ParticipantId,
    },
}

/// The last steps, in case something goes wrong, and a digest of all.
struct Journal {
    last: VecDeque<String>,
    /// How many lines are kept.
    length: usize,
    digest: u64,
}

impl World {
    /// Draws everything from the seed; keeps a journal of so many lines, if any.
    pub fn new(seed: u64, journal: Option<usize>) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random);
        let mut world = Self {
            faults: plan.faults.clone(),
            schedule: Schedule::new(START),
            processes: Vec::new(),
            started: 0,
            sockets: Vec::new(),
            people: Vec::new(),
            rooms: Vec::new(),
            store: Store::new(plan.config.max_seats_per_address),
            ledger: Ledger::default(),
            air: Air::default(),
            witness: Witness::new(plan.config.clone()),
            asking: BTreeMap::new(),
            steps: 0,
            journal: journal.map(|length| Journal { last: VecDeque::new(), length, digest: 0 }),
            random,
            plan,
        };
        for _ in 0..world.plan.nodes {
            world.start_process();
        }
        for number in 0..world.plan.rooms {
            world.create_room(u8::try_from(number).unwrap());
        }
        for index in 0..world.plan.participants.len() {
            let (room, role) = world.plan.participants[index];
            let is_creator = !world.people.iter().any(|person| person.room == room);
            // Two in three come from one address.
            let address = u64::try_from(index).unwrap() % 3 / 2;
            world.people.push(Person {
                room,
                client: Client {
                    address: AddressTag::new(address),
                    network: AddressTag::new(address),
                },
                is_creator,
                program: program(role),
                grant: None,
                socket: None,
                attempts: 0,
            });
            let pause = world.random.below(world.plan.busy / 2);
            world.schedule.after(pause, Event::Enter { person: index, way: Way::Attach });
        }
        world.schedule.after(0, Event::Act);
        world
    }

    fn create_room(&mut self, number: u8) {
        let keys = RoomKeys {
            id: RoomId::from_indices([number; 6]),
            password: PasswordTag::new([number; 32]),
            invite: TokenHash::new([number; 32]),
        };
        let suffix = self.suffix();
        let expires_at = START + Duration::from_millis(self.plan.life);
        self.store.create(Room::create(RoomSpec {
            id: keys.id,
            epoch: self.random.next(),
            name: "a room".into(),
            creator: Some("somebody".into()),
            password: Some(keys.password),
            invite: keys.invite,
            capacity: Capacity::new(self.plan.capacity).unwrap(),
            created_at: START,
            expires_at,
            on_creator_leave: self.plan.on_creator_leave,
            suffix,
        }));
        self.schedule.at(expires_at, Event::Sweep(keys.id));
        self.rooms.push(keys);
    }

    /// Takes the next step that is due by then; `false` if there is none.
    fn step(&mut self, until: Timestamp) -> bool {
        let Some(event) = self.schedule.pop(until) else {
            self.schedule.pass(until);
            return false;
        };
        self.steps += 1;
        assert!(self.steps < MOST_STEPS, "the run does not come to rest");
        self.note(|| format!("{event:?}"));
        match event {
            Event::Act => self.act(),
            Event::Alarm(node) => self.alarm(node),
            Event::Answer { node, op, applied } => {
                self.input(node, Input::Committed { op, applied }, None);
            }
            Event::Authorized { node, conn, entry } => {
                self.input(node, Input::Authorized { conn, entry }, None);
            }
            Event::Down(conn, down) => self.arrived_down(conn, down),
            Event::Enter { person, way } => self.enter(person, way),
            Event::IceServers { node, conn, req } => {
                let servers = Payload::new(&["turn"]).unwrap();
                let ice = IceServers { servers, expires_at: self.now() };
                self.input(node, Input::IceServers { conn, ice, req }, None);
            }
            Event::Open { conn, entry } => self.opened(conn, entry),
            Event::Peer { from, to, frame } => self.arrived_at_node(from, to, frame),
            Event::ReadOn(conn) => self.read_on(conn),
            Event::Reap(node) => self.reap(node),
            Event::Record { node, record } => self.input(node, Input::Record(record), None),
            Event::Request { node, op, room, change } => self.request(node, op, room, &change),
            Event::Sweep(room) => self.sweep(room),
            Event::Unanswered { node, op } => self.input(node, Input::Uncommitted { op }, None),
            Event::Undelivered { node, frame } => {
                self.input(node, Input::Undelivered { frame }, None);
            }
            Event::Up(conn, up) => self.arrived_up(conn, up),
            Event::Wake { person, about } => {
                self.with_hands(person, |program, hands| program.woken(about, hands));
            }
        }
        true
    }

    /// Lets a participant act, and does what it wants done.
    fn with_hands(
        &mut self,
        person: usize,
        act: impl FnOnce(&mut dyn Participant, &mut Hands<'_>),
    ) {
        let is_honest = self.people[person].program.is_honest();
        let mut hands = Hands {
            room: self.rooms[self.people[person].room].id,
            is_honest,
            ledger: &mut self.ledger,
            random: &mut self.random,
            air: &mut self.air,
            doings: Vec::new(),
        };
        act(&mut *self.people[person].program, &mut hands);
        for doing in hands.doings {
            match doing {
                Doing::Close => self.send_up(person, Up::Close),
                Doing::Open(way, pause) => self.schedule.after(pause, Event::Enter { person, way }),
                Doing::Send(Outgoing { frame, number }) => {
                    self.send_up(person, Up::Frame(frame, number));
                }
                Doing::Wake(pause, about) => {
                    self.schedule.after(pause, Event::Wake { person, about });
                }
            }
        }
    }

    fn send_up(&mut self, person: usize, up: Up) {
        let Some(conn) = self.people[person].socket else { return };
        let (now, delay) = (self.now(), self.random.below(self.plan.delay));
        let socket = self.socket(conn);
        if socket.is_done {
            return;
        }
        socket.is_done = matches!(up, Up::Close);
        let at = socket.arrival_up(delay, now);
        self.schedule.at(at, Event::Up(conn, up));
    }

    fn arrived_down(&mut self, conn: ConnId, down: Down) {
        let now = self.now();
        let socket = self.socket(conn);
        if !socket.carries_down(now) {
            return;
        }
        if let Some(unread) = &mut socket.unread {
            unread.push_back(down);
            return;
        }
        self.read(conn, down);
    }

    /// The participant reads something, and the host learns that it is rid of it.
    fn read(&mut self, conn: ConnId, down: Down) {
        let socket = self.socket(conn);
        let (node, person, is_done) = (socket.node, socket.participant, socket.is_done);
        if let Down::Frame(frame) = &down {
            self.input(node, Input::Sent { conn, bytes: frame.len() }, None);
        }
        if is_done || self.people[person].socket != Some(conn) {
            return;
        }
        match down {
            Down::Frame(frame) => {
                let told = Told::parse(&frame);
                self.note(|| format!("  {person} reads {}", String::from_utf8_lossy(&frame)));
                self.with_hands(person, |program, hands| program.told(&told, hands));
            }
            Down::Close(code) => self.socket_ended(conn, person, Some(code)),
            Down::Cut => self.socket_ended(conn, person, None),
        }
    }

    fn socket_ended(&mut self, conn: ConnId, person: usize, code: Option<u16>) {
        self.socket(conn).is_done = true;
        self.people[person].socket = None;
        self.with_hands(person, |program, hands| program.ended(code, hands));
    }

    fn read_on(&mut self, conn: ConnId) {
        for down in self.socket(conn).unread.take().into_iter().flatten() {
            self.read(conn, down);
        }
    }

    fn send_down(&mut self, conn: ConnId, down: Down) {
        let (now, delay) = (self.now(), self.random.below(self.plan.delay));
        let at = self.socket(conn).arrival_down(delay, now);
        self.schedule.at(at, Event::Down(conn, down));
    }

    fn socket(&mut self, conn: ConnId) -> &mut Socket {
        &mut self.sockets[usize::try_from(conn.0).unwrap()]
    }

    fn suffix(&mut self) -> IdSuffix {
        IdSuffix::new(u32::try_from(self.random.below(1 << 20)).unwrap())
    }

    fn now(&self) -> Timestamp {
        self.schedule.now()
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.schedule.now();
        let Some(journal) = &mut self.journal else { return };
        let mut line = format!("{:>8} ", now.as_millis() - START.as_millis());
        let _ = write!(line, "{}", text());
        for byte in line.bytes() {
            journal.digest = (journal.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        if journal.last.len() >= journal.length {
            journal.last.pop_front();
        }
        journal.last.push_back(line);
    }

    /// The last steps as text.
    pub fn journal(&self) -> String {
        let lines = self.journal.iter().flat_map(|journal| &journal.last);
        lines.fold(format!("{:?}\n", self.plan), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        })
    }

    /// A digest of everything that has happened.
    pub fn digest(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.digest)
    }
}

fn program(role: Role) -> Box<dyn Participant> {
    match role {
        Role::Browser(rule) => Box::new(Browser::new(rule)),
        Role::Hostile(protocol) => Box::new(Hostile::new(protocol)),
        Role::Sdk => Box::new(Sdk::new()),
    }
}

const START: Timestamp = Timestamp::from_millis(1_764_943_200_000);
const MOST_STEPS: u64 = 30_000;
