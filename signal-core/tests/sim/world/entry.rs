//! How participants enter: by a join, then by a socket, with a token that is verified before or
//! later.

use bytes::Bytes;
use signal_core::hub::{Input, NodeId};
use signal_core::room::{Admission, Grant, Op, Receipt, Reject, ResumeToken, Ticket, TokenHash};
use signal_core::{ConnId, DisplayName, Entry, ErrorCode, Language, ProtocolVersion, Randomness};

use super::{Event, World};
use crate::client::Way;
use crate::frame::number;
use crate::socket::Socket;

impl World {
    pub(super) fn enter(&mut self, person: usize, way: Way) {
        let entry = match way {
            Way::Attach | Way::Join if self.people[person].is_creator => {
                self.attach(person, Some(Grant::creator()))
            }
            Way::Attach if self.people[person].grant.is_some() => {
                self.attach(person, self.people[person].grant.clone())
            }
            Way::Attach | Way::Join => {
                let grant = self.join(person);
                self.attach(person, grant)
            }
            Way::Resume { token, last_seq } => {
                Some(Entry::Resume { token: hash(&token), last_seq, ice: None })
            }
            Way::Steal => self.steal(person),
        };
        let Some(entry) = entry else { return };
        self.open(person, entry);
    }

    /// Does what `join` does. A participant that is refused tries again later.
    fn join(&mut self, person: usize) -> Option<Grant> {
        let keys = &self.rooms[self.people[person].room];
        let (room, password, invite) = (keys.id, keys.password, keys.invite);
        let by = if self.random.chance(20) {
            Admission::Invite(invite)
        } else {
            Admission::Password(password)
        };
        let suffix = self.suffix();
        let applied = self.apply(room, &Op::Admit { by, client: None, suffix }, None);
        match applied.reply {
            Ok(Receipt::Entered { id }) => {
                let password_epoch = applied.record.map_or(0, |record| record.password_epoch());
                Some(Grant::new(Ticket::Guest(id), password_epoch))
            }
            Err(Reject::RoomFull | Reject::RoomLocked) if self.people[person].attempts < 4 => {
                self.people[person].attempts += 1;
                self.schedule.after(3000, Event::Enter { person, way: Way::Join });
                None
            }
            Ok(_) | Err(_) => None,
        }
    }

    fn attach(&mut self, person: usize, grant: Option<Grant>) -> Option<Entry> {
        self.people[person].grant.clone_from(&grant);
        let name = DisplayName::parse(&format!("person {person}")).unwrap().unwrap();
        Some(Entry::Attach { grant: grant?, name, ice: None })
    }

    /// Somebody else's token, or a resume token that was somebody's once.
    fn steal(&mut self, person: usize) -> Option<Entry> {
        let room = self.people[person].room;
        let victims = self.people.iter().filter(|other| other.room == room && !other.is_creator);
        let grants: Vec<Grant> = victims.filter_map(|other| other.grant.clone()).collect();
        if self.random.chance(30) {
            let grant = self.random.pick(&grants);
            return self.attach(person, grant);
        }
        let token = hash(self.random.pick(&self.witness.tokens())?);
        Some(Entry::Resume { token, last_seq: self.random.below(20), ice: None })
    }

    fn open(&mut self, person: usize, entry: Entry) {
        let node = self.random.index(self.processes.len());
        let node = self.processes[node].node;
        let conn = ConnId(self.sockets.len() as u64);
        let room = self.rooms[self.people[person].room].id;
        let protocol = match entry {
            Entry::Resume { .. } => ProtocolVersion::V2,
            Entry::Ask { .. } | Entry::Attach { .. } => self.people[person].program.protocol(),
        };
        self.sockets.push(Socket::new(person, room, node, protocol, self.now()));
        if let Some(older) = self.people[person].socket.replace(conn) {
            // A page that is reloaded does not say goodbye.
            let half_open = self.random.below(5000);
            self.cut(older, half_open);
        }
        let (now, delay) = (self.now(), self.random.below(self.plan.delay));
        let at = self.socket(conn).arrival_up(delay, now);
        self.schedule.at(at, Event::Open { conn, entry });
    }

    /// A socket reaches its process.
    pub(super) fn opened(&mut self, conn: ConnId, entry: Entry) {
        let socket = self.socket(conn);
        let (person, room, node) = (socket.participant, socket.room, socket.node);
        if self.process(node).is_none() {
            return;
        }
        let protocol = self.people[person].program.protocol();
        let is_honest = self.people[person].program.is_honest();
        let resumes = match &entry {
            Entry::Resume { token, last_seq, .. } => Some((self.text_of(*token), *last_seq)),
            _ => None,
        };
        self.witness.opened(conn, node, room, protocol, is_honest, resumes);
        let entry = if self.random.chance(20) {
            self.asking.insert(conn, entry);
            Entry::Ask { credential: Bytes::from(conn.0.to_string()) }
        } else {
            entry
        };
        let text = token_text(conn.0);
        let resume_token = ResumeToken::new(text.as_str(), hash(&text));
        let randomness = Randomness { suffix: self.suffix(), resume_token };
        let language = if person % 2 == 0 { Language::Zh } else { Language::En };
        let client = Some(self.people[person].client);
        self.input(
            node,
            Input::Open { conn, room, protocol, language, entry, randomness, client },
            None,
        );
    }

    /// The host is asked about a socket, and takes its time.
    pub(super) fn authorize(&mut self, node: NodeId, conn: ConnId, credential: &[u8]) {
        assert_eq!(credential, conn.0.to_string().as_bytes());
        let entry = self.asking.remove(&conn).ok_or(ErrorCode::TokenInvalid);
        let entry = if self.random.chance(5) { Err(ErrorCode::TokenExpired) } else { entry };
        let pause = self.random.below(1500);
        self.schedule.after(pause, Event::Authorized { node, conn, entry });
    }

    fn text_of(&self, token: TokenHash) -> String {
        let texts = (0..self.sockets.len() as u64).map(token_text);
        texts.into_iter().find(|text| hash(text) == token).unwrap_or_default()
    }
}

/// The resume token that a socket is given.
fn token_text(conn: u64) -> String {
    format!("token={conn}")
}

/// A weak hash suffices, since the tokens are known.
fn hash(token: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number(token, "token=").unwrap_or(u64::MAX).to_le_bytes());
    TokenHash::new(hash)
}
