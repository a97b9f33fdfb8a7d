//! The participants of a run: what they know and what they do.

mod browser;
mod hostile;
mod sdk;

use std::collections::BTreeMap;

use bytes::Bytes;
use signal_core::{ParticipantId, ProtocolVersion, RoomId};

pub use self::browser::{Browser, Rule};
pub use self::hostile::Hostile;
pub use self::sdk::Sdk;
use crate::air::{Air, PeerConnection};
use crate::frame::Told;
use crate::ledger::{Entry, Fate, Kind, Ledger};
use crate::random::Random;

/// A program at the other end of a socket.
pub trait Participant {
    fn protocol(&self) -> ProtocolVersion;

    /// Whether it keeps to the protocol, so that it can expect to be connected with others that do.
    fn is_honest(&self) -> bool;

    /// Its id, while it believes that it has a seat.
    fn id(&self) -> Option<ParticipantId>;

    fn peers(&self) -> &BTreeMap<ParticipantId, PeerConnection>;

    /// A message has arrived.
    fn told(&mut self, told: &Told, hands: &mut Hands<'_>);

    /// Its socket has ended, with that close code or none.
    fn ended(&mut self, code: Option<u16>, hands: &mut Hands<'_>);

    /// Its user acts.
    fn act(&mut self, hands: &mut Hands<'_>);

    /// The time has come that it asked to be woken at.
    fn woken(&mut self, about: ParticipantId, hands: &mut Hands<'_>);

    /// Its last state, if it has sent one.
    fn state(&self) -> Option<&str> {
        None
    }
}

/// What a participant acts with.
pub struct Hands<'a> {
    pub room: RoomId,
    pub is_honest: bool,
    pub ledger: &'a mut Ledger,
    pub random: &'a mut Random,
    pub air: &'a mut Air,
    pub doings: Vec<Doing>,
}

#[derive(Clone, Debug)]
pub enum Doing {
    /// Closes its socket in order.
    Close,
    /// Opens a socket, after so many milliseconds.
    Open(Way, u64),
    Send(Outgoing),
    /// Wants to be woken after so many milliseconds, because of that peer.
    Wake(u64, ParticipantId),
}

/// How a participant gets into its room.
#[derive(Clone, Debug)]
pub enum Way {
    /// With the token it has, or from the beginning if it has none.
    Attach,
    /// With the password, from the beginning.
    Join,
    /// With a token of somebody else.
    Steal,
    Resume {
        token: String,
        last_seq: u64,
    },
}

#[derive(Clone, Debug)]
pub struct Outgoing {
    pub frame: Bytes,
    /// Its number in the ledger, if it is meant for others.
    pub number: Option<u64>,
}

impl Outgoing {
    pub fn new(frame: impl Into<Bytes>) -> Self {
        Self { frame: frame.into(), number: None }
    }
}

impl Hands<'_> {
    pub fn send(&mut self, outgoing: Outgoing) {
        self.doings.push(Doing::Send(outgoing));
    }

    pub fn offer(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        pc: u64,
        neg: Option<u32>,
    ) -> Outgoing {
        let sdp = format!(r#""v=0 m={} pc={pc} \u00e9\/""#, self.ledger.next());
        let tracks =
            neg.map(|_| r#","tracks":[{"mid":"0","source":"camera"}]"#).unwrap_or_default();
        self.describe(Kind::Offer, from, to, sdp, neg, tracks)
    }

    /// Answers the offer of that number in the ledger.
    pub fn answer(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        pc: u64,
        offer: u64,
        neg: Option<u32>,
    ) -> Outgoing {
        let sdp = format!(r#""v=0 m={} pc={pc} re={offer}""#, self.ledger.next());
        self.describe(Kind::Answer, from, to, sdp, neg, "")
    }

    /// A candidate of the description of that number in the ledger.
    pub fn candidate(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        of: u64,
        neg: Option<u32>,
    ) -> Outgoing {
        let number = self.ledger.next();
        let candidate = if self.random.chance(20) {
            format!(r#""m={number} of={of}""#)
        } else {
            format!(r#"{{"candidate": "m={number} of={of}",  "sdpMid":"0"}}"#)
        };
        let frame =
            with_neg(format!(r#"{{"type":"candidate","to":"{to}","candidate":{candidate}"#), neg);
        self.enter(Kind::Candidate, from, Some(to), candidate, neg, frame)
    }

    /// Up to two candidates of a description.
    pub fn candidates(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        of: Option<u64>,
        neg: Option<u32>,
    ) -> Vec<Outgoing> {
        let of = of.expect("a description has a number");
        (0..self.random.below(3)).map(|_| self.candidate(from, to, of, neg)).collect()
    }

    pub fn message(&mut self, from: ParticipantId, to: Option<ParticipantId>) -> Outgoing {
        let data = format!(r#"{{"x" : "m={}", "y":[null]}}"#, self.ledger.next());
        let audience = to.map_or("room".to_owned(), |to| to.to_string());
        let frame = format!(r#"{{"type":"message","to":"{audience}","topic":"t","data":{data}}}"#);
        self.enter(Kind::Message, from, to, data, None, frame)
    }

    /// A request of a moderator, about that peer if it is about anybody.
    pub fn moderate(&mut self, peer: ParticipantId) -> Outgoing {
        let (action, is_about) = match self.random.below(12) {
            0..=2 => ("kick", true),
            3 => ("ban", true),
            4 | 5 => ("lock", false),
            6 if self.random.chance(30) => ("close", false),
            _ => ("unlock", false),
        };
        let about = if is_about { format!(r#","participant_id":"{peer}""#) } else { String::new() };
        let frame = format!(r#"{{"type":"moderate","action":"{action}","req":"moderate"{about}}}"#);
        Outgoing::new(frame)
    }

    fn describe(
        &mut self,
        kind: Kind,
        from: ParticipantId,
        to: ParticipantId,
        sdp: String,
        neg: Option<u32>,
        more: &str,
    ) -> Outgoing {
        let name = if kind == Kind::Offer { "offer" } else { "answer" };
        let frame = with_neg(format!(r#"{{"type":"{name}","to":"{to}","sdp":{sdp}{more}"#), neg);
        self.enter(kind, from, Some(to), sdp, neg, frame)
    }

    fn enter(
        &mut self,
        kind: Kind,
        from: ParticipantId,
        to: Option<ParticipantId>,
        payload: String,
        neg: Option<u32>,
        frame: String,
    ) -> Outgoing {
        let number = self.ledger.next();
        let room = self.room;
        self.ledger.add(Entry {
            room,
            from,
            via: None,
            is_honest: self.is_honest,
            to,
            kind,
            neg,
            payload,
            fate: Fate::Sent,
            taken: None,
            heard: Vec::new(),
        });
        Outgoing { frame: frame.into(), number: Some(number) }
    }
}

fn with_neg(mut frame: String, neg: Option<u32>) -> String {
    if let Some(neg) = neg {
        frame.push_str(&format!(r#","neg":{neg}"#));
    }
    frame.push('}');
    frame
}
