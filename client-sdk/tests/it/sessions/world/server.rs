//! The server of a world: what surrounds its hub.

use bytes::Bytes;
use client_sdk::session::{Reconnect, SignalingLoss};
use signal_core::hub::{Input, Output};
use signal_core::room::{
    Admission, Grant, IdSuffix, Op, PasswordTag, Receipt, ResumeToken, Ticket, TokenHash,
};
use signal_core::{ConnId, DisplayName, Entry, Language, Randomness};

use super::World;

impl World {
    pub(super) fn admit(&mut self) -> Grant {
        let by = Admission::Password(PasswordTag::new([7; 32]));
        let admit = Op::Admit { by, client: None, suffix: IdSuffix::new(1) };
        match self.store.apply(self.room, &admit, self.now).reply {
            Ok(Receipt::Entered { id }) => Grant::new(Ticket::Guest(id), 0),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn open(&mut self, index: usize, how: Reconnect) {
        self.last_number += 1;
        let conn = ConnId(self.last_number);
        let name = DisplayName::parse("name").unwrap().unwrap();
        if how == Reconnect::Join {
            self.participants[index].grant = self.admit();
        }
        let grant = self.participants[index].grant.clone();
        let entry = match how {
            Reconnect::Attach | Reconnect::Join => Entry::Attach { grant, name, ice: None },
            Reconnect::Resume { token, last_seq } => {
                Entry::Resume { token: hash(&token), last_seq, ice: None }
            }
        };
        let text = format!("{conn:?}");
        let resume_token = ResumeToken::new(text.as_str(), hash(&text));
        let randomness = Randomness { suffix: IdSuffix::new(0), resume_token };
        let (room, protocol, language) = (self.room, self.protocol, Language::En);
        self.participants[index].conn = Some(conn);
        self.input(Input::Open { conn, room, protocol, language, entry, randomness, client: None });
    }

    pub(super) fn input(&mut self, input: Input) {
        self.hub.handle_input(input, self.now);
        self.carry_out();
    }

    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    for conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.deliver(*conn, frame.clone());
                    }
                }
                Output::Close { conn, code } => self.closed(conn, code.as_u16()),
                Output::Commit { op, room, change } => {
                    let applied = self.store.apply(room, &change, self.now);
                    self.hub.handle_input(Input::Committed { op, applied }, self.now);
                }
                Output::Frame { to, frame } => self.deliver(to, frame),
                _ => {}
            }
        }
    }

    fn deliver(&mut self, conn: ConnId, frame: Bytes) {
        if let Some(participant) = self.participants.iter_mut().find(|one| one.conn == Some(conn)) {
            participant.down.push_back(frame);
        }
    }

    pub(super) fn closed(&mut self, conn: ConnId, code: u16) {
        let Some(index) = self.participants.iter().position(|one| one.conn == Some(conn)) else {
            return;
        };
        let participant = &mut self.participants[index];
        participant.conn = None;
        participant.up.clear();
        participant.down.clear();
        let loss = SignalingLoss::Lost { code: Some(code), reason: "closed".into() };
        participant.session.handle_signaling_loss(loss, 0.0, self.at);
        self.act(index);
    }
}

/// Good enough where nobody guesses.
fn hash(text: &str) -> TokenHash {
    let mut hash = [0; 32];
    for (index, byte) in text.bytes().enumerate() {
        hash[index % 32] ^= byte;
    }
    TokenHash::new(hash)
}
