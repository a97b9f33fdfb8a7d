//! Tickets that send and open sockets as fast as they can, and change sockets in every way, some of
//! them for a new ticket, stay within the limits of one ticket.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use signal_core::config::{HubConfig, RateLimit};
use signal_core::hub::{Disconnect, Hub, Input, NodeId, Output};
use signal_core::room::{
    Admission, Capacity, Grant, IdSuffix, OnCreatorLeave, Op, PasswordTag, Receipt, ResumeToken,
    Room, RoomSpec, Ticket, TokenHash,
};
use signal_core::store::MemoryStore;
use signal_core::{
    CloseCode, ConnId, DisplayName, Entry, Language, ParticipantId, ProtocolVersion, Randomness,
    RoomId, Timestamp,
};

use crate::frame::Told;
use crate::random::Random;

pub struct Flood {
    random: Random,
    hub: Hub,
    store: MemoryStore,
    config: HubConfig,
    room: RoomId,
    now: Timestamp,
    flooders: Vec<Flooder>,
    sockets: u64,
    step: Step,
}

/// A client with one ticket.
struct Flooder {
    ticket: Ticket,
    protocol: ProtocolVersion,
    socket: Option<ConnId>,
    id: Option<ParticipantId>,
    token: Option<TokenHash>,
    messages: Bucket,
    bytes: Bucket,
    openings: Bucket,
}

/// The effects of one input.
#[derive(Default)]
struct Step {
    is_over_rate: bool,
    is_refused: bool,
    told: BTreeMap<ConnId, Vec<Bytes>>,
    closed: BTreeMap<ConnId, CloseCode>,
}

/// What has passed, and how much of it time has made good; in thousandths.
struct Bucket {
    level: u64,
    at: Timestamp,
}

impl Bucket {
    fn add(&mut self, amount: u64, most: u64, per_second: u64, now: Timestamp, what: &str) {
        let elapsed = u64::try_from(now.saturating_since(self.at).as_millis()).unwrap();
        self.level = self.level.saturating_sub(elapsed * per_second) + 1000 * amount;
        self.at = now;
        assert!(self.level <= 1000 * most, "{} thousandths of {what}, {most} allowed", self.level);
    }
}

impl Flood {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let rate = RateLimit::with(|rate| {
            rate.burst_messages = u32::try_from(random.between(5, 30)).unwrap();
            rate.burst_messages_per_peer = 2;
            rate.messages_per_second = 3;
            rate.burst_bytes = u32::try_from(random.between(500, 3000)).unwrap();
            rate.bytes_per_second = 100;
            rate.patience = Duration::from_secs(5);
        });
        let config = HubConfig::with(|config| {
            config.rate = rate;
            config.max_bad_messages = 20;
        });
        let mut store = MemoryStore::new();
        let room = RoomId::from_indices([0; 6]);
        let spec = RoomSpec {
            id: room,
            epoch: 1,
            name: "room".into(),
            creator: Some("somebody".into()),
            password: Some(PASSWORD),
            invite: TokenHash::new([8; 32]),
            capacity: Capacity::new(8).unwrap(),
            created_at: START,
            expires_at: START + Duration::from_secs(3600),
            on_creator_leave: OnCreatorLeave::Keep,
            suffix: IdSuffix::new(0),
        };
        store.create(Room::create(spec)).unwrap();
        let mut flood = Self {
            flooders: Vec::new(),
            hub: Hub::new(NodeId(1), config.clone()),
            store,
            config,
            room,
            now: START,
            sockets: 0,
            step: Step::default(),
            random,
        };
        flood.add(Ticket::Creator);
        for _ in 0..flood.random.between(1, 3) {
            flood.join();
        }
        flood
    }

    /// Runs it all; panics if a rule is broken.
    pub fn run(&mut self) {
        for _ in 0..STEPS {
            let who = self.random.index(self.flooders.len());
            match self.random.below(40) {
                0..=5 => self.open(who),
                6..=7 => self.lose(who),
                8 => self.join(),
                9..=10 => {
                    let most = if self.random.chance(10) { 20_000 } else { 800 };
                    let pause = self.random.below(most);
                    self.now = self.now + Duration::from_millis(pause);
                    self.hub.handle_timeout(self.now);
                    self.drain();
                }
                _ => self.say(who),
            }
        }
    }

    /// Somebody takes a new ticket, if the room has a seat for it.
    fn join(&mut self) {
        let by = Admission::Password(PASSWORD);
        let op = Op::Admit { by, suffix: IdSuffix::new(0), client: None };
        if let Ok(Receipt::Entered { id }) = self.store.apply(self.room, &op, self.now).reply {
            self.add(Ticket::Guest(id));
        }
    }

    fn add(&mut self, ticket: Ticket) {
        let bucket = || Bucket { level: 0, at: START };
        self.flooders.push(Flooder {
            ticket,
            protocol: if self.random.chance(70) {
                ProtocolVersion::V2
            } else {
                ProtocolVersion::V1
            },
            socket: None,
            id: None,
            token: None,
            messages: bucket(),
            bytes: bucket(),
            openings: bucket(),
        });
    }

    fn open(&mut self, who: usize) {
        self.sockets += 1;
        let conn = ConnId(self.sockets);
        let flooder = &self.flooders[who];
        let token = flooder.token.filter(|_| self.random.chance(50));
        let entry = match token {
            Some(token) => Entry::Resume { token, last_seq: self.random.below(5), ice: None },
            None => Entry::Attach {
                grant: Grant::new(flooder.ticket, 0),
                name: DisplayName::parse("flooder").unwrap().unwrap(),
                ice: None,
            },
        };
        let is_known = token.is_none_or(|token| {
            self.store.room(self.room).is_some_and(|room| room.resumable(token).is_some())
        });
        let protocol = if token.is_some() { ProtocolVersion::V2 } else { flooder.protocol };
        let hash = hash(conn);
        let randomness = Randomness {
            suffix: IdSuffix::new(u32::try_from(self.sockets).unwrap()),
            resume_token: ResumeToken::new("token", hash),
        };
        let (room, language) = (self.room, Language::En);
        self.input(Input::Open { conn, room, protocol, language, entry, randomness, client: None });
        if self.step.is_refused {
            assert_eq!(self.step.closed.get(&conn), Some(&CloseCode::Unavailable));
            return;
        }
        let (limit, now) = (self.config.openings.clone(), self.now);
        let flooder = &mut self.flooders[who];
        if is_known {
            // In units of the time that one costs.
            let every = u64::try_from(limit.every.as_millis()).unwrap();
            let most = u64::from(limit.burst) * every;
            flooder.openings.add(every, most, 1000, now, "sockets");
        }
        let joined = self.step.told.get(&conn).and_then(|told| told.first()).cloned();
        let joined = joined.filter(|_| !self.step.closed.contains_key(&conn));
        flooder.socket = joined.as_ref().map(|_| conn);
        let Some(joined) = joined.as_deref().map(Told::parse) else { return };
        flooder.id = joined.participant_id.map(|id| id.0).or(flooder.id);
        flooder.token = joined.resume_token.map(|_| hash);
    }

    fn lose(&mut self, who: usize) {
        let Some(conn) = self.flooders[who].socket.take() else { return };
        let how = if self.random.chance(70) { Disconnect::Abrupt } else { Disconnect::Clean };
        self.input(Input::Lost { conn, how });
    }

    fn say(&mut self, who: usize) {
        let flooder = &self.flooders[who];
        let Some(conn) = flooder.socket else { return };
        let seats = self.store.room(self.room).map_or(0, |room| room.seats().len());
        let others = u64::try_from(seats.saturating_sub(1)).unwrap();
        let other = self.random.index(self.flooders.len());
        let to = self.flooders[other].id.map_or("p_nobody".to_owned(), |id| id.to_string());
        let filling = "x".repeat(usize::try_from(self.random.below(200)).unwrap());
        let (text, copies) = match (self.random.below(10), flooder.protocol) {
            (0, _) => ("not json".to_owned(), 1),
            (1, _) => (r#"{"type":"leave"}"#.to_owned(), 1),
            (2..=3, ProtocolVersion::V2) => (
                format!(r#"{{"type":"message","to":"room","topic":"t","data":"{filling}"}}"#),
                others,
            ),
            (4, ProtocolVersion::V2) => {
                (format!(r#"{{"type":"update","state":"{filling}"}}"#), others)
            }
            _ => (format!(r#"{{"type":"candidate","to":"{to}","candidate":"{filling}"}}"#), 1),
        };
        let (length, text) = (text.len() as u64, Bytes::from(text));
        let frame = self.hub.decoder(flooder.protocol).decode(&text);
        self.input(Input::Frame { conn, frame });
        let (limit, now) = (&self.config.rate, self.now);
        let closed = self.step.closed.get(&conn).copied();
        if self.step.is_over_rate || closed == Some(CloseCode::RateLimited) {
            return;
        }
        let burst =
            limit.burst_messages + limit.burst_messages_per_peer * u32::try_from(others).unwrap();
        let most = u64::from(limit.burst_bytes);
        let charged = (length * copies).min(most).max(length);
        let flooder = &mut self.flooders[who];
        flooder.messages.add(1, burst.into(), limit.messages_per_second.into(), now, "messages");
        flooder.bytes.add(charged, most, limit.bytes_per_second.into(), now, "bytes");
    }

    fn input(&mut self, input: Input) {
        self.step = Step::default();
        self.hub.handle_input(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    for &conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.told(conn, frame.clone());
                    }
                }
                Output::Frame { to, frame } => self.told(to, frame),
                Output::Close { conn, code } => {
                    self.step.closed.insert(conn, code);
                    for flooder in &mut self.flooders {
                        flooder.socket.take_if(|socket| *socket == conn);
                    }
                }
                Output::Commit { op, room, change } => {
                    let applied = self.store.apply(room, &change, self.now);
                    self.hub.handle_input(Input::Committed { op, applied }, self.now);
                }
                Output::OverRate { .. } => self.step.is_over_rate = true,
                _ => {}
            }
        }
    }

    fn told(&mut self, conn: ConnId, frame: Bytes) {
        let told = Told::parse(&frame);
        // A replay may contain an older one.
        let is_first = !self.step.told.contains_key(&conn);
        let is_seated = self.flooders.iter().any(|flooder| flooder.socket == Some(conn));
        let is_rate_limited = told.code.as_deref() == Some("rate_limited");
        self.step.is_refused |= is_first && !is_seated && is_rate_limited;
        self.hub.handle_input(Input::Sent { conn, bytes: frame.len() }, self.now);
        self.step.told.entry(conn).or_default().push(frame);
    }
}

fn hash(conn: ConnId) -> TokenHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&conn.0.to_le_bytes());
    TokenHash::new(hash)
}

const PASSWORD: PasswordTag = PasswordTag::new([7; 32]);
const START: Timestamp = Timestamp::from_millis(1_764_943_200_000);
const STEPS: usize = 150;
