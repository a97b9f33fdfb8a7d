//! A second implementation of the rules of negotiation, to compare with what the hubs pass on.
//!
//! A node that judges a pair meets its messages in one order. What it passes on or refuses can be
//! seen; what it drops, holds back or keeps for a replay cannot. A message that the node may have
//! held back waits here until something later in the same direction is seen: then it must have been
//! dropped, and the rules must say so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use signal_core::hub::NodeId;
use signal_core::{ParticipantId, RoomId, Timestamp};

use crate::ledger::{Entry, Fate, Kind, Ledger};

pub struct Referee {
    patience: Duration,
    pairs: BTreeMap<PairKey, Pair>,
    /// What is going to be seen in this step of messages that were held back until now.
    expected: BTreeMap<u64, Verdict>,
    /// Participants over their rate: some of what they send is never looked into.
    unruly: BTreeSet<ParticipantId>,
}

/// The node that judges, the room, the smaller and the larger id.
type PairKey = (NodeId, RoomId, ParticipantId, ParticipantId);

#[derive(Debug, Default)]
struct Pair {
    smaller: Side,
    larger: Side,
}

#[derive(Debug, Default)]
struct Side {
    /// Offers that were passed on and are not answered, with the numbers they carry.
    unanswered: Vec<Option<u32>>,
    offered_at: Timestamp,
    is_refused: bool,
    /// Messages of this side of which nothing has been seen yet.
    waiting: VecDeque<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Conflict,
    Drop,
    Forward,
}

impl Referee {
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            pairs: BTreeMap::new(),
            expected: BTreeMap::new(),
            unruly: BTreeSet::new(),
        }
    }

    /// A message has come to the node that judges its pair.
    pub fn arrived(&mut self, node: NodeId, number: u64, ledger: &Ledger) {
        let Some((pair, from, to)) = self.pair(node, ledger.entry(number)) else { return };
        let (sender, _) = pair.sides(from, to);
        sender.waiting.push_back(number);
    }

    /// It was passed on.
    pub fn forwarded(&mut self, node: NodeId, number: u64, ledger: &mut Ledger, now: Timestamp) {
        if let Some(verdict) = self.expected.remove(&number) {
            assert_eq!(
                verdict,
                Verdict::Forward,
                "message {number} was passed on: {:?}",
                ledger.entry(number)
            );
            return;
        }
        self.catch_up(node, number, ledger, now);
        let patience = self.patience;
        let entry = ledger.entry(number);
        let Some((pair, from, to)) = self.pair(node, entry) else { return };
        let verdict = pair.judge(from, to, entry, patience, now);
        assert_eq!(
            verdict,
            Verdict::Forward,
            "message {number} was passed on: {entry:?}, {pair:?}"
        );
    }

    /// It was part of a replay, so it was passed on before; here that is new if it waited behind
    /// others.
    pub fn turned_up(&mut self, node: NodeId, number: u64, ledger: &mut Ledger, now: Timestamp) {
        let entry = ledger.entry(number);
        let Some((pair, from, to)) = self.pair(node, entry) else { return };
        if pair.sides(from, to).0.waiting.contains(&number) {
            self.forwarded(node, number, ledger, now);
        }
    }

    /// Whether anything waits in that direction.
    pub fn awaits(
        &self,
        node: NodeId,
        room: RoomId,
        from: ParticipantId,
        to: ParticipantId,
    ) -> bool {
        self.pairs.get(&key(node, room, from, to)).is_some_and(|pair| {
            let sender = if from < to { &pair.smaller } else { &pair.larger };
            !sender.waiting.is_empty()
        })
    }

    /// An offer was refused; which one is not said if it came from another node.
    pub fn conflicted(
        &mut self,
        node: NodeId,
        room: RoomId,
        from: ParticipantId,
        to: ParticipantId,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        if self.unruly.contains(&from) || self.unruly.contains(&to) {
            return;
        }
        let expected = self.expected.iter().find(|(number, verdict)| {
            let entry = ledger.entry(**number);
            **verdict == Verdict::Conflict && (entry.from, entry.to) == (from, Some(to))
        });
        if let Some((&number, _)) = expected {
            self.expected.remove(&number);
            ledger.entry_mut(number).fate = Fate::Refused;
            return;
        }
        let pair = self.pairs.entry(key(node, room, from, to)).or_default();
        let (sender, _) = pair.sides(from, to);
        let offer = sender.waiting.iter().find(|number| ledger.entry(**number).kind == Kind::Offer);
        let Some(&number) = offer else {
            panic!("{from:?} was told of a conflict without an offer: {pair:?}")
        };
        self.catch_up(node, number, ledger, now);
        let patience = self.patience;
        let entry = ledger.entry_mut(number);
        let Some((pair, ..)) = self.pair(node, entry) else { return };
        let (_, receiver) = pair.sides(from, to);
        // An offer that waits here may have gone into a replay meanwhile.
        let is_hidden = receiver.waiting.iter().any(|_| true);
        let verdict = pair.judge(from, to, entry, patience, now);
        assert!(
            verdict == Verdict::Conflict || is_hidden,
            "offer {number} was refused: {entry:?}, {pair:?}"
        );
        entry.fate = Fate::Refused;
    }

    /// Its sender was told that it cannot be delivered.
    pub fn failed(&mut self, node: NodeId, number: u64, ledger: &mut Ledger) {
        let entry = ledger.entry_mut(number);
        entry.fate = Fate::Refused;
        let Some((pair, from, to)) = self.pair(node, entry) else { return };
        let (sender, _) = pair.sides(from, to);
        sender.waiting.retain(|waiting| *waiting != number);
    }

    /// The oldest message in that direction was refused for another reason than a conflict.
    pub fn failed_oldest(
        &mut self,
        node: NodeId,
        room: RoomId,
        from: ParticipantId,
        to: ParticipantId,
        ledger: &mut Ledger,
    ) {
        let Some(pair) = self.pairs.get_mut(&key(node, room, from, to)) else { return };
        let (sender, _) = pair.sides(from, to);
        if let Some(number) = sender.waiting.pop_front() {
            ledger.entry_mut(number).fate = Fate::Refused;
        }
    }

    /// An offer that was passed on did not arrive.
    pub fn withdrawn(
        &mut self,
        node: NodeId,
        room: RoomId,
        from: ParticipantId,
        to: ParticipantId,
    ) {
        let Some(pair) = self.pairs.get_mut(&key(node, room, from, to)) else { return };
        let (sender, _) = pair.sides(from, to);
        if !sender.unanswered.is_empty() {
            sender.unanswered.remove(0);
        }
    }

    /// The message was looked into, and nothing was seen of it. With a replay to go into it may
    /// have been passed on.
    pub fn unseen(
        &mut self,
        node: NodeId,
        number: u64,
        has_replay: bool,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let patience = self.patience;
        let entry = ledger.entry_mut(number);
        let Some((pair, from, to)) = self.pair(node, entry) else { return };
        let (sender, _) = pair.sides(from, to);
        if sender.waiting.front() != Some(&number) {
            return;
        }
        sender.waiting.pop_front();
        match pair.judge(from, to, entry, patience, now) {
            Verdict::Drop => entry.fate = Fate::Dropped,
            Verdict::Forward if has_replay => {}
            verdict => panic!("message {number} got lost: {verdict:?}, {entry:?}, {pair:?}"),
        }
    }

    /// Somebody was welcomed: what was held back for it is looked into now.
    pub fn released(
        &mut self,
        node: NodeId,
        room: RoomId,
        to: ParticipantId,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let patience = self.patience;
        for ((of, at, smaller, larger), pair) in &mut self.pairs {
            if (*of, *at) != (node, room) || (*smaller != to && *larger != to) {
                continue;
            }
            let from = if *smaller == to { *larger } else { *smaller };
            for number in std::mem::take(&mut pair.sides(from, to).0.waiting) {
                let entry = ledger.entry_mut(number);
                match pair.judge(from, to, entry, patience, now) {
                    Verdict::Drop => entry.fate = Fate::Dropped,
                    verdict => {
                        self.expected.insert(number, verdict);
                    }
                }
            }
        }
    }

    /// The same for one message. With a replay to go into, that it is passed on will not be seen.
    pub fn looked_into(
        &mut self,
        node: NodeId,
        number: u64,
        has_replay: bool,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let patience = self.patience;
        let entry = ledger.entry_mut(number);
        let Some((pair, from, to)) = self.pair(node, entry) else { return };
        let (sender, _) = pair.sides(from, to);
        if !sender.waiting.is_empty() {
            return sender.waiting.push_back(number);
        }
        match pair.judge(from, to, entry, patience, now) {
            Verdict::Drop => entry.fate = Fate::Dropped,
            Verdict::Forward if has_replay => {}
            verdict => {
                self.expected.insert(number, verdict);
            }
        }
    }

    /// Whether a message that was held back has to be seen in this step.
    pub fn expects(&self, number: u64) -> bool {
        self.expected.contains_key(&number)
    }

    /// The step is over. Whoever has lost its socket meanwhile sees nothing of what was expected.
    pub fn step_ended(&mut self, ledger: &Ledger, is_there: impl Fn(&Entry) -> bool) {
        let expected = std::mem::take(&mut self.expected);
        for (number, verdict) in expected {
            let entry = ledger.entry(number);
            assert!(!is_there(entry), "message {number} got lost: {verdict:?}, {entry:?}");
        }
    }

    /// What that participant sends cannot be followed any more.
    pub fn give_up(&mut self, id: ParticipantId) {
        self.unruly.insert(id);
        self.pairs.retain(|(_, _, smaller, larger), _| *smaller != id && *larger != id);
    }

    pub fn has_given_up(&self, id: ParticipantId) -> bool {
        self.unruly.contains(&id)
    }

    /// Everything about a participant at that node is void.
    pub fn free(&mut self, node: NodeId, room: RoomId, id: ParticipantId) {
        self.pairs.retain(|(of, at, smaller, larger), _| {
            (*of, *at) != (node, room) || (*smaller != id && *larger != id)
        });
    }

    pub fn forget(&mut self, node: NodeId, room: Option<RoomId>) {
        self.pairs.retain(|(of, at, ..), _| *of != node || room.is_some_and(|room| room != *at));
    }

    /// Nothing more will come: what still waits must have been dropped by the rules.
    pub fn rest(&mut self, ledger: &mut Ledger, now: Timestamp) {
        let patience = self.patience;
        for pair in self.pairs.values_mut() {
            for is_smaller in [true, false] {
                let side = if is_smaller { &mut pair.smaller } else { &mut pair.larger };
                for number in std::mem::take(&mut side.waiting) {
                    let entry = ledger.entry_mut(number);
                    let Some(to) = entry.to else { continue };
                    if pair.judge(entry.from, to, entry, patience, now) == Verdict::Drop {
                        entry.fate = Fate::Dropped;
                    }
                }
            }
        }
    }

    /// What came before a message in its direction and was not seen must have been dropped.
    fn catch_up(&mut self, node: NodeId, number: u64, ledger: &mut Ledger, now: Timestamp) {
        let patience = self.patience;
        let Some((pair, from, to)) = self.pair(node, ledger.entry(number)) else { return };
        if !pair.sides(from, to).0.waiting.contains(&number) {
            return;
        }
        while let Some(earlier) =
            pair.sides(from, to).0.waiting.pop_front().filter(|first| *first != number)
        {
            let entry = ledger.entry_mut(earlier);
            let verdict = pair.judge(from, to, entry, patience, now);
            assert_eq!(
                verdict,
                Verdict::Drop,
                "message {earlier} got lost before {number}: {entry:?}, {pair:?}"
            );
            entry.fate = Fate::Dropped;
        }
    }

    fn pair(
        &mut self,
        node: NodeId,
        entry: &Entry,
    ) -> Option<(&mut Pair, ParticipantId, ParticipantId)> {
        let (from, to) = (entry.from, entry.to.filter(|_| entry.kind != Kind::Message)?);
        if self.unruly.contains(&from) || self.unruly.contains(&to) {
            return None;
        }
        Some((self.pairs.entry(key(node, entry.room, from, to)).or_default(), from, to))
    }
}

impl Pair {
    fn sides(&mut self, from: ParticipantId, to: ParticipantId) -> (&mut Side, &mut Side) {
        if from < to {
            (&mut self.smaller, &mut self.larger)
        } else {
            (&mut self.larger, &mut self.smaller)
        }
    }

    fn judge(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        entry: &Entry,
        patience: Duration,
        now: Timestamp,
    ) -> Verdict {
        let (sender, receiver) = self.sides(from, to);
        match entry.kind {
            Kind::Offer => {
                let is_outstanding = !receiver.unanswered.is_empty()
                    && now.saturating_since(receiver.offered_at) < patience;
                sender.is_refused = is_outstanding;
                if is_outstanding {
                    return Verdict::Conflict;
                }
                sender.unanswered.push(entry.neg);
                sender.offered_at = now;
                Verdict::Forward
            }
            Kind::Answer => {
                sender.is_refused = false;
                let Some(last) = receiver.unanswered.last() else { return Verdict::Drop };
                match (entry.neg, last) {
                    (Some(neg), Some(last)) if neg == *last => receiver.unanswered.clear(),
                    (Some(_), Some(_)) => return Verdict::Drop,
                    (None, _) | (_, None) => {
                        receiver.unanswered.remove(0);
                    }
                }
                if receiver.unanswered.is_empty() { Verdict::Forward } else { Verdict::Drop }
            }
            Kind::Candidate if sender.is_refused => Verdict::Drop,
            Kind::Candidate | Kind::Message => Verdict::Forward,
        }
    }
}

fn key(node: NodeId, room: RoomId, a: ParticipantId, b: ParticipantId) -> PairKey {
    (node, room, a.min(b), a.max(b))
}
