//! A hostile participant.

use std::collections::BTreeMap;

use signal_core::{ParticipantId, ProtocolVersion};

use super::{Doing, Hands, Outgoing, Participant, Way};
use crate::air::PeerConnection;
use crate::frame::Told;

pub struct Hostile {
    protocol: ProtocolVersion,
    id: Option<ParticipantId>,
    others: Vec<ParticipantId>,
    /// Empty: it connects with nobody.
    peers: BTreeMap<ParticipantId, PeerConnection>,
    comebacks: u32,
}

impl Hostile {
    pub fn new(protocol: ProtocolVersion) -> Self {
        Self { protocol, id: None, others: Vec::new(), peers: BTreeMap::new(), comebacks: 0 }
    }

    /// Something that is no message, or none that makes sense.
    fn garbage(&self, hands: &mut Hands<'_>) -> Outgoing {
        match hands.random.below(12) {
            0 => Outgoing::new("not json"),
            1 => Outgoing::new(&b"\xff\xfe\x00"[..]),
            2 => Outgoing::new(""),
            3 => Outgoing::new(r#"{"type":"shout"}"#),
            4 => Outgoing::new(r#"{"type":"offer","to":7,"sdp":""}"#),
            5 => Outgoing::new(r#"{"type":"offer","to":"p_nobody","sdp":"x"}"#),
            6 => match self.id {
                Some(me) => hands.offer(me, me, u64::MAX, None),
                None => Outgoing::new(r#"{"type":"offer"}"#),
            },
            7 => Outgoing::new(r#"{"type":"answer","to":"a much too long name","sdp":null}"#),
            8 => Outgoing::new(format!(r#"{{"type":"update","state":"{}"}}"#, "x".repeat(9000))),
            9 => Outgoing::new("[".repeat(300)),
            10 => Outgoing::new(r#"{"type":"update","name":"\u202e"}"#),
            _ => Outgoing::new("x".repeat(70_000)),
        }
    }

    /// A message that makes sense, but not there and then.
    fn nonsense(&self, me: ParticipantId, to: ParticipantId, hands: &mut Hands<'_>) -> Outgoing {
        let is_numbered = self.protocol == ProtocolVersion::V2 && hands.random.chance(50);
        let neg = is_numbered.then(|| u32::try_from(hands.random.below(3)).unwrap());
        match hands.random.below(7) {
            6 if self.protocol == ProtocolVersion::V2 => hands.moderate(to),
            0 | 1 => hands.offer(me, to, u64::MAX, neg),
            2 | 3 => hands.answer(me, to, u64::MAX, 0, neg),
            4 if self.protocol == ProtocolVersion::V2 => hands.message(me, Some(to)),
            _ => hands.candidate(me, to, 0, neg),
        }
    }
}

impl Participant for Hostile {
    fn protocol(&self) -> ProtocolVersion {
        self.protocol
    }

    fn is_honest(&self) -> bool {
        false
    }

    fn id(&self) -> Option<ParticipantId> {
        self.id
    }

    fn peers(&self) -> &BTreeMap<ParticipantId, PeerConnection> {
        &self.peers
    }

    fn told(&mut self, told: &Told, _hands: &mut Hands<'_>) {
        if let Some(id) = told.participant_id.filter(|_| told.kind == "joined") {
            self.id = Some(id.0);
        }
        let listed = told.participants.iter().flatten().chain(&told.participant);
        self.others.extend(listed.map(|listed| listed.id.0));
    }

    fn ended(&mut self, _code: Option<u16>, hands: &mut Hands<'_>) {
        self.id = None;
        self.comebacks += 1;
        if self.comebacks < 6 {
            let way = if hands.random.chance(70) { Way::Steal } else { Way::Join };
            let pause = hands.random.below(3000);
            hands.doings.push(Doing::Open(way, pause));
        }
    }

    fn act(&mut self, hands: &mut Hands<'_>) {
        let Some(me) = self.id else {
            let garbage = self.garbage(hands);
            return hands.send(garbage);
        };
        let other = hands.random.pick(&self.others);
        match (hands.random.below(12), other) {
            (0..=3, _) => {
                for _ in 0..=hands.random.below(3) {
                    let garbage = self.garbage(hands);
                    hands.send(garbage);
                }
            }
            (4..=8, Some(other)) if other != me => {
                for _ in 0..=hands.random.below(3) {
                    let nonsense = self.nonsense(me, other, hands);
                    hands.send(nonsense);
                }
            }
            (9, Some(other)) if other != me => {
                for _ in 0..hands.random.between(20, 60) {
                    let nonsense = hands.candidate(me, other, 0, None);
                    hands.send(nonsense);
                }
            }
            (10, _) if hands.random.chance(30) => {
                for _ in 0..2 {
                    hands.send(Outgoing::new(r#"{"type":"leave"}"#));
                }
                hands.send(Outgoing::new(r#"{"type":"ping","t":0}"#));
                self.id = None;
            }
            (11, _) => hands.doings.push(Doing::Open(Way::Steal, 0)),
            _ => {}
        }
    }

    fn woken(&mut self, _about: ParticipantId, _hands: &mut Hands<'_>) {}
}
