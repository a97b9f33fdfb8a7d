//! A participant that speaks v2 as `docs/api.md` asks of a client: it resumes, counts, rolls back
//! and offers again.

use std::collections::{BTreeMap, VecDeque};

use signal_core::{ParticipantId, ProtocolVersion};

use super::{Doing, Hands, Outgoing, Participant, Way};
use crate::air::PeerConnection;
use crate::frame::{Told, number};

pub struct Sdk {
    id: Option<ParticipantId>,
    /// Whether it has a socket that may be spoken on.
    is_online: bool,
    resume_token: Option<String>,
    /// The number of the last message received.
    received: u64,
    /// The number of the last message sent, and the messages in case they are needed again.
    sent: u64,
    outbox: VecDeque<(u64, Outgoing)>,
    peers: BTreeMap<ParticipantId, PeerConnection>,
    talks: BTreeMap<ParticipantId, Talk>,
    state: Option<String>,
    attempts: u32,
}

/// What has been negotiated with a peer.
#[derive(Debug, Default)]
struct Talk {
    /// The largest number that either side has used.
    neg: u32,
    /// The number of the own offer that awaits its answer.
    offered: Option<u32>,
    /// Whether something has changed that the peer does not know of.
    is_missing: bool,
    /// Whether the peer numbers its offers and answers, so that they can be told apart.
    is_numbered: bool,
    /// Whether it is going to look whether the two are connected.
    is_looking: bool,
    /// How often it has looked, to wait longer each time.
    looks: u32,
    /// The offer answered last, in case the answer got lost: its number in the ledger, and its
    /// `neg`.
    answered: Option<(u64, Option<u32>)>,
}

impl Sdk {
    pub fn new() -> Self {
        Self {
            id: None,
            is_online: false,
            resume_token: None,
            received: 0,
            sent: 0,
            outbox: VecDeque::new(),
            peers: BTreeMap::new(),
            talks: BTreeMap::new(),
            state: None,
            attempts: 0,
        }
    }

    fn send(&mut self, outgoing: Outgoing, hands: &mut Hands<'_>) {
        self.sent += 1;
        self.outbox.push_back((self.sent, outgoing.clone()));
        if self.is_online {
            hands.send(outgoing);
        }
    }

    fn offer(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) {
        let Some(me) = self.id else { return };
        let talk = self.talks.entry(peer).or_default();
        talk.neg += 1;
        talk.is_missing = false;
        talk.answered = None;
        let neg = Some(talk.neg);
        talk.offered = neg;
        let pc = self.peers.entry(peer).or_insert_with(|| hands.air.create());
        let offer = hands.offer(me, peer, pc.number, neg);
        pc.offer = offer.number;
        self.describe(offer, peer, neg, hands);
    }

    fn describe(
        &mut self,
        description: Outgoing,
        peer: ParticipantId,
        neg: Option<u32>,
        hands: &mut Hands<'_>,
    ) {
        let (Some(me), of) = (self.id, description.number) else { return };
        self.send(description, hands);
        for candidate in hands.candidates(me, peer, of, neg) {
            self.send(candidate, hands);
        }
    }

    /// An offer that is delivered has won.
    fn handle_offer(
        &mut self,
        peer: ParticipantId,
        sdp: &str,
        neg: Option<u32>,
        hands: &mut Hands<'_>,
    ) {
        let (Some(remote), Some(offer)) = (number(sdp, "pc="), number(sdp, "m=")) else { return };
        let talk = self.talks.entry(peer).or_default();
        talk.neg = talk.neg.max(neg.unwrap_or_default());
        talk.is_numbered |= neg.is_some();
        talk.is_missing |= talk.offered.take().is_some();
        let is_rebuilt = self
            .peers
            .get(&peer)
            .and_then(|pc| hands.air.remote(pc.number))
            .is_some_and(|before| before != remote);
        if is_rebuilt {
            self.close(peer, hands);
        }
        let pc = self.peers.entry(peer).or_insert_with(|| hands.air.create());
        pc.offer = None;
        hands.air.set_remote(pc.number, remote);
        self.answer(peer, offer, neg, hands);
        if self.talks.get(&peer).is_some_and(|talk| talk.is_missing) {
            self.offer(peer, hands);
        }
    }

    fn answer(&mut self, peer: ParticipantId, offer: u64, neg: Option<u32>, hands: &mut Hands<'_>) {
        let (Some(me), Some(pc)) = (self.id, self.peers.get(&peer)) else { return };
        let answer = hands.answer(me, peer, pc.number, offer, neg);
        self.talks.entry(peer).or_default().answered = Some((offer, neg));
        self.describe(answer, peer, neg, hands);
    }

    fn handle_answer(
        &mut self,
        peer: ParticipantId,
        sdp: &str,
        neg: Option<u32>,
        hands: &mut Hands<'_>,
    ) {
        let Some(remote) = number(sdp, "pc=") else { return };
        let (Some(talk), Some(pc)) = (self.talks.get_mut(&peer), self.peers.get_mut(&peer)) else {
            return;
        };
        let is_expected = talk.offered.is_some() && neg.is_none_or(|neg| talk.offered == Some(neg));
        // Without a number, the answer before may have been taken for this one.
        let is_mistaken = talk.offered.is_none() && neg.is_none();
        if !is_expected && !is_mistaken {
            return;
        }
        talk.offered = None;
        talk.is_numbered |= neg.is_some();
        pc.offer = None;
        let is_missing = talk.is_missing;
        if hands.air.remote(pc.number).is_some_and(|before| before != remote) {
            // The peer has made its connection anew, as the document's sample does on every offer.
            self.close(peer, hands);
            self.offer(peer, hands);
        } else {
            hands.air.set_remote(pc.number, remote);
            if is_missing {
                self.offer(peer, hands);
            }
            if neg.is_none() {
                // An answer to an offer from before a loss may be taken for a later one; then ICE
                // fails.
                self.look_later(peer, 20_000, hands);
            }
        }
    }

    /// The user has changed something that peer has to be told.
    fn change(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) {
        match self.talks.get_mut(&peer) {
            Some(talk) if talk.offered.is_some() && !talk.is_numbered => talk.is_missing = true,
            Some(_) | None => self.offer(peer, hands),
        }
    }

    /// Compares what a snapshot says with what there is.
    fn compare(&mut self, told: &Told, hands: &mut Hands<'_>) {
        let listed: Vec<ParticipantId> =
            told.participants.iter().flatten().map(|listed| listed.id.0).collect();
        let gone: Vec<_> =
            self.peers.keys().filter(|peer| !listed.contains(peer)).copied().collect();
        for peer in gone {
            self.forget(peer, hands);
        }
        for peer in listed {
            self.talks.entry(peer).or_default().offered = None;
            self.offer_unless_connected(peer, hands);
        }
        if let Some(state) = self.state.clone() {
            self.show(state, hands);
        }
    }

    /// Offers what may have got lost, and looks again when ICE would have noticed what else has: a
    /// v1 peer may have made its connection anew meanwhile, or taken an old answer for a new one.
    fn offer_unless_connected(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) {
        if !self.peers.get(&peer).is_some_and(|pc| hands.air.is_connected(pc.number)) {
            self.offer(peer, hands);
        }
        self.look_later(peer, 20_000, hands);
    }

    fn close(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) {
        if let Some(pc) = self.peers.remove(&peer) {
            hands.air.close(pc.number);
        }
    }

    fn forget(&mut self, peer: ParticipantId, hands: &mut Hands<'_>) {
        self.close(peer, hands);
        self.talks.remove(&peer);
    }

    fn forget_everything(&mut self, hands: &mut Hands<'_>) {
        while let Some((peer, _)) = self.peers.first_key_value() {
            self.forget(*peer, hands);
        }
        self.id = None;
        self.is_online = false;
        self.resume_token = None;
        self.talks.clear();
        self.outbox.clear();
        (self.sent, self.received) = (0, 0);
        self.state = None;
    }

    fn show(&mut self, state: String, hands: &mut Hands<'_>) {
        let frame = format!(r#"{{"type":"update","state":{state}}}"#);
        self.state = Some(state);
        self.send(Outgoing::new(frame), hands);
    }

    fn entered(&mut self, told: &Told) {
        self.is_online = true;
        self.resume_token = told.resume_token.clone();
        self.attempts = 0;
    }

    fn resumed(&mut self, told: &Told, hands: &mut Hands<'_>) {
        self.entered(told);
        let seq = told.seq.expect("`resumed` has `seq`");
        let Some(replayed) = told.replayed else {
            self.received = seq;
            self.sent = 0;
            self.outbox.clear();
            return self.compare(told, hands);
        };
        assert_eq!(
            self.received + replayed,
            seq,
            "{:?} was promised a replay that does not add up",
            self.id
        );
        let received = told.received.expect("a replay comes with `received`");
        self.outbox.retain(|(number, _)| *number > received);
        for (_, outgoing) in &self.outbox {
            hands.send(outgoing.clone());
        }
    }

    /// A message about a peer was refused.
    fn handle_error(&mut self, told: &Told, hands: &mut Hands<'_>) {
        if told.code.as_deref() == Some("forbidden") {
            // It may have been the state that it wanted to show.
            self.state = None;
        }
        let (Some(peer), Some(code)) = (told.about, told.code.as_deref()) else { return };
        match code {
            "peer_unreachable" => self.look_later(peer.0, 1500, hands),
            // The winning offer may have got lost.
            "offer_conflict" => self.look_later(peer.0, 20_000, hands),
            _ => {}
        }
    }

    fn look_later(&mut self, peer: ParticipantId, pause: u64, hands: &mut Hands<'_>) {
        let talk = self.talks.entry(peer).or_default();
        if !std::mem::replace(&mut talk.is_looking, true) {
            talk.looks += 1;
            hands.doings.push(Doing::Wake(pause << (talk.looks / 4).min(20), peer));
        }
    }
}

impl Participant for Sdk {
    fn protocol(&self) -> ProtocolVersion {
        ProtocolVersion::V2
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
        if told.kind == "resumed" {
            return self.resumed(told, hands);
        }
        self.received += 1;
        let from = told.from.or(told.participant_id).map(|id| id.0);
        let payload = told.payload().unwrap_or_default();
        match (told.kind.as_str(), from) {
            ("joined", Some(me)) => {
                self.forget_everything(hands);
                self.received = 1;
                self.id = Some(me);
                self.entered(told);
                for listed in told.participants.iter().flatten() {
                    self.offer(listed.id.0, hands);
                }
            }
            ("peer_left", Some(peer)) => self.forget(peer, hands),
            ("peer_updated", Some(peer)) if told.lossy => {
                if let Some(talk) = self.talks.get_mut(&peer) {
                    talk.offered = None;
                }
                self.offer_unless_connected(peer, hands);
            }
            ("offer", Some(peer)) => self.handle_offer(peer, payload, told.neg, hands),
            ("answer", Some(peer)) => self.handle_answer(peer, payload, told.neg, hands),
            ("error", _) => self.handle_error(told, hands),
            ("room_closed" | "kicked", _) => self.forget_everything(hands),
            _ => {}
        }
    }

    fn ended(&mut self, code: Option<u16>, hands: &mut Hands<'_>) {
        self.is_online = false;
        self.attempts += 1;
        let resume =
            self.resume_token.clone().map(|token| Way::Resume { token, last_seq: self.received });
        let way = match (code, resume) {
            (None | Some(4001 | 4008 | 4012), Some(resume)) => Some(resume),
            (None | Some(4001 | 4008 | 4012 | 4510), _) => Some(Way::Attach),
            (Some(4500 | 4504), _) => Some(Way::Join),
            (Some(_), _) => None,
        };
        if !matches!(way, Some(Way::Resume { .. })) {
            self.forget_everything(hands);
        }
        let Some(way) = way.filter(|_| self.attempts < 10) else { return };
        let pause = if hands.random.chance(10) {
            hands.random.between(3000, 40_000)
        } else {
            hands.random.below(3000)
        };
        hands.doings.push(Doing::Open(way, pause));
    }

    fn act(&mut self, hands: &mut Hands<'_>) {
        let Some(me) = self.id else { return };
        let peers: Vec<ParticipantId> = self.peers.keys().copied().collect();
        let peer = hands.random.pick(&peers);
        match (hands.random.below(20), peer) {
            (0..=5, Some(peer)) => self.change(peer, hands),
            (6..=9, Some(peer)) => {
                let to = hands.random.chance(60).then_some(peer);
                let message = hands.message(me, to);
                self.send(message, hands);
            }
            (10..=13, _) => {
                let state = format!(r#"{{ "n": {}}}"#, hands.random.below(1000));
                self.show(state, hands);
            }
            (14, _) => self.send(Outgoing::new(r#"{"type":"ping","t":[1, 2],"req":"p"}"#), hands),
            (15, _) => self.send(Outgoing::new(r#"{"type":"get_ice_servers","req":"i"}"#), hands),
            (16, _) => {
                self.send(Outgoing::new(r#"{"type":"update","name":"somebody else"}"#), hands);
            }
            (18, Some(peer)) => {
                let request = hands.moderate(peer);
                self.send(request, hands);
            }
            (17, _) if self.is_online => {
                if hands.random.chance(50) {
                    hands.send(Outgoing::new(r#"{"type":"leave"}"#));
                    hands.send(Outgoing::new(r#"{"type":"ping","t":"too late"}"#));
                }
                self.forget_everything(hands);
                hands.doings.push(Doing::Close);
                if hands.random.chance(50) {
                    hands.doings.push(Doing::Open(Way::Join, 2000));
                }
            }
            _ => {}
        }
    }

    fn woken(&mut self, about: ParticipantId, hands: &mut Hands<'_>) {
        let (Some(talk), Some(pc)) = (self.talks.get_mut(&about), self.peers.get(&about)) else {
            return;
        };
        talk.is_looking = false;
        if hands.air.is_connected(pc.number) {
            return;
        }
        match talk.answered.take() {
            // The answer may be what did not arrive. If it was not, offer the next time.
            Some((offer, neg)) => {
                self.answer(about, offer, neg, hands);
                self.talks.entry(about).or_default().answered = None;
                self.look_later(about, 20_000, hands);
            }
            None => self.offer(about, hands),
        }
    }

    fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}
