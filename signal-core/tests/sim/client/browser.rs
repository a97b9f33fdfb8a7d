//! A page that was written from the API document alone. It speaks v1.

use std::collections::BTreeMap;

use signal_core::{ParticipantId, ProtocolVersion};

use super::{Doing, Hands, Outgoing, Participant, Way};
use crate::air::PeerConnection;
use crate::frame::{Told, number};

pub struct Browser {
    rule: Rule,
    id: Option<ParticipantId>,
    peers: BTreeMap<ParticipantId, PeerConnection>,
    reloads: u32,
}

/// How it negotiates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// The simplest way: a newcomer offers to everybody, and every offer makes a new connection.
    Newcomer,
    /// As the API document says: the smaller id offers; a connection is kept for the peer's later
    /// offers.
    SmallerId,
}

impl Browser {
    pub fn new(rule: Rule) -> Self {
        Self { rule, id: None, peers: BTreeMap::new(), reloads: 0 }
    }

    fn create_offer(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) {
        let Some(me) = self.id else { return };
        let mut pc = self.create(peer, hands);
        let offer = hands.offer(me, peer, pc.number, None);
        pc.offer = offer.number;
        self.peers.insert(peer, pc);
        self.say(offer, peer, hands);
    }

    fn handle_offer(&mut self, peer: ParticipantId, sdp: &str, hands: &mut Hands<'_>) {
        let (Some(me), Some(remote)) = (self.id, number(sdp, "pc=")) else { return };
        let known = self.peers.get(&peer).map(|pc| (pc.number, hands.air.remote(pc.number)));
        let pc = match (self.rule, known) {
            (Rule::SmallerId, Some((number, before)))
                if before.is_none_or(|before| before == remote) =>
            {
                PeerConnection { number, offer: None }
            }
            (Rule::Newcomer | Rule::SmallerId, _) => self.create(peer, hands),
        };
        hands.air.set_remote(pc.number, remote);
        let offer = number(sdp, "m=").unwrap_or_default();
        let answer = hands.answer(me, peer, pc.number, offer, None);
        self.peers.insert(peer, pc);
        self.say(answer, peer, hands);
    }

    fn handle_answer(&mut self, peer: ParticipantId, sdp: &str, hands: &mut Hands<'_>) {
        let (Some(pc), Some(remote)) = (self.peers.get_mut(&peer), number(sdp, "pc=")) else {
            return;
        };
        // An answer without an offer is an InvalidStateError in a browser.
        if pc.offer.take().is_some() {
            hands.air.set_remote(pc.number, remote);
        }
    }

    fn create(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) -> PeerConnection {
        self.close(peer, hands);
        hands.air.create()
    }

    fn close(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) {
        if let Some(pc) = self.peers.remove(&peer) {
            hands.air.close(pc.number);
        }
    }

    fn say(&mut self, description: Outgoing, peer: ParticipantId, hands: &mut Hands<'_>) {
        let (Some(me), of) = (self.id, description.number) else { return };
        hands.send(description);
        for candidate in hands.candidates(me, peer, of, None) {
            hands.send(candidate);
        }
    }

    fn forget_everything(&mut self, hands: &mut Hands<'_>) {
        self.id = None;
        while let Some((_, pc)) = self.peers.pop_first() {
            hands.air.close(pc.number);
        }
    }
}

impl Participant for Browser {
    fn protocol(&self) -> ProtocolVersion {
        ProtocolVersion::V1
    }

    fn is_honest(&self) -> bool {
        true
    }

    fn id(&self) -> Option<ParticipantId> {
        self.id
    }

    fn peers(&self) -> &BTreeMap<ParticipantId, PeerConnection> {
        &self.peers
    }

    fn told(&mut self, told: &Told, hands: &mut Hands<'_>) {
        let from = told.from.or(told.participant_id).map(|id| id.0);
        let payload = told.payload().unwrap_or_default();
        match (told.kind.as_str(), from) {
            ("joined", Some(me)) => {
                self.id = Some(me);
                for listed in told.participants.iter().flatten() {
                    if self.rule == Rule::Newcomer || me < listed.id.0 {
                        self.create_offer(listed.id.0, hands);
                    }
                }
            }
            ("peer_joined", _) => {
                let peer = told.participant.as_ref().map(|listed| listed.id.0);
                let starts =
                    peer.filter(|peer| self.rule == Rule::SmallerId && self.id < Some(*peer));
                if let Some(peer) = starts {
                    self.create_offer(peer, hands);
                }
            }
            ("peer_left", Some(peer)) => self.close(peer, hands),
            ("offer", Some(peer)) => self.handle_offer(peer, payload, hands),
            ("answer", Some(peer)) => self.handle_answer(peer, payload, hands),
            ("room_closed", _) => {
                hands.send(Outgoing::new(r#"{"type":"leave"}"#));
                self.forget_everything(hands);
                hands.doings.push(Doing::Close);
            }
            _ => {}
        }
    }

    fn ended(&mut self, code: Option<u16>, hands: &mut Hands<'_>) {
        self.forget_everything(hands);
        let way = match code {
            None | Some(4001 | 4008 | 4510) => Way::Attach,
            Some(4500 | 4504) => Way::Join,
            Some(_) => return,
        };
        if self.reloads < 6 {
            self.reloads += 1;
            let pause = hands.random.between(200, 4000);
            hands.doings.push(Doing::Open(way, pause));
        }
    }

    fn act(&mut self, hands: &mut Hands<'_>) {
        if self.id.is_none() {
            return;
        }
        if hands.random.chance(4) {
            self.forget_everything(hands);
            if hands.random.chance(70) {
                hands.send(Outgoing::new(r#"{"type":"leave"}"#));
            }
            hands.doings.push(Doing::Close);
            if hands.random.chance(50) {
                hands.doings.push(Doing::Open(Way::Join, 2000));
            }
            return;
        }
        // Without a number in them, two offers at once could not be told apart.
        let stable = self
            .peers
            .iter()
            .filter(|(_, pc)| hands.air.is_connected(pc.number) && pc.offer.is_none());
        let stable: Vec<ParticipantId> = stable.map(|(peer, _)| *peer).collect();
        if let Some(peer) = hands.random.pick(&stable) {
            self.create_offer(peer, hands);
        }
    }

    fn woken(&mut self, _about: ParticipantId, _hands: &mut Hands<'_>) {}
}
