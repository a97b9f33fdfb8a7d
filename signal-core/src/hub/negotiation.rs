//! The negotiations between participants: which offers, answers and candidates are passed on.
//!
//! Two participants may offer at once (glare, RFC 8829 section 4.1.8.2). Each sees its own offer
//! first, but the server sees the messages of a pair in one order. So the server decides: the first
//! offer wins.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::ParticipantId;
use crate::message::{Signal, SignalKind};
use crate::time::Timestamp;

/// The negotiations of a room, one for each pair of participants.
#[derive(Debug, Default)]
pub(super) struct Negotiations(BTreeMap<(ParticipantId, ParticipantId), Negotiation>);

/// The negotiation of one pair.
#[derive(Debug, Default)]
struct Negotiation {
    smaller: Side,
    larger: Side,
}

/// One side of a pair.
#[derive(Debug, Default)]
struct Side {
    /// How many offers of this side were passed on and not answered yet.
    unanswered: u32,
    /// When the last of them was passed on, and its number.
    offered_at: Timestamp,
    offer: Option<u32>,
    /// Whether the last description of this side was refused. Its candidates are dropped then.
    refused: bool,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Decision {
    /// Tell the sender that the offer of the other side won.
    Conflict,
    /// Drop it silently: it belongs to an offer that was refused or replaced.
    Drop,
    /// Tell the sender that too many of its messages wait for the receiver.
    Flooded,
    /// Pass it on.
    Forward,
}

impl Negotiations {
    /// Decides about a message from `from` to `to`. If `is_flooded`, `to` refuses messages of
    /// `from`.
    pub(super) fn judge(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        signal: &Signal,
        is_flooded: bool,
        patience: Duration,
        now: Timestamp,
    ) -> Decision {
        let negotiation = self.0.entry(pair(from, to)).or_default();
        if is_flooded {
            return negotiation.sides(from, to).0.refuse(signal.kind);
        }
        negotiation.judge(from, to, signal, patience, now)
    }

    /// Decides about a message that another node has judged already, by whether its receiver
    /// refuses it.
    pub(super) fn admit(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        kind: SignalKind,
        is_flooded: bool,
    ) -> Decision {
        let (sender, _) = self.0.entry(pair(from, to)).or_default().sides(from, to);
        if is_flooded { sender.refuse(kind) } else { sender.admit(kind) }
    }

    /// Withdraws a description from `from` to `to` that was passed on and never arrived.
    pub(super) fn withdraw(&mut self, from: ParticipantId, to: ParticipantId, kind: SignalKind) {
        // Without a negotiation there is nothing to withdraw: one of the two has left.
        if let Some(negotiation) = self.0.get_mut(&pair(from, to)) {
            negotiation.withdraw(from, to, kind);
        }
    }

    /// Removes every negotiation with that participant.
    pub(super) fn remove_pairs_of(&mut self, id: ParticipantId) {
        self.0.retain(|(smaller, larger), _| *smaller != id && *larger != id);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Negotiation {
    fn judge(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        signal: &Signal,
        patience: Duration,
        now: Timestamp,
    ) -> Decision {
        let (sender, receiver) = self.sides(from, to);
        match signal.kind {
            SignalKind::Answer => sender.answer(receiver, signal.negotiation),
            SignalKind::Candidate => sender.candidate(),
            SignalKind::Offer => sender.offer(receiver, signal.negotiation, patience, now),
        }
    }

    fn withdraw(&mut self, from: ParticipantId, to: ParticipantId, kind: SignalKind) {
        let (sender, receiver) = self.sides(from, to);
        match kind {
            SignalKind::Answer => receiver.unanswered = receiver.unanswered.max(1),
            SignalKind::Candidate => {}
            SignalKind::Offer => sender.unanswered = sender.unanswered.saturating_sub(1),
        }
    }

    fn sides(&mut self, from: ParticipantId, to: ParticipantId) -> (&mut Side, &mut Side) {
        if from < to {
            (&mut self.smaller, &mut self.larger)
        } else {
            (&mut self.larger, &mut self.smaller)
        }
    }
}

impl Side {
    fn offer(
        &mut self,
        other: &Self,
        offer: Option<u32>,
        patience: Duration,
        now: Timestamp,
    ) -> Decision {
        self.refused = other.unanswered > 0 && now.saturating_since(other.offered_at) < patience;
        if self.refused {
            return Decision::Conflict;
        }
        self.unanswered += 1;
        self.offered_at = now;
        self.offer = offer;
        Decision::Forward
    }

    /// Every offer is answered, in order, and only the answer to the last offer is passed on. An
    /// answer with a number names its offer; answers without one are counted.
    fn answer(&mut self, offerer: &mut Self, answered: Option<u32>) -> Decision {
        self.refused = false;
        if offerer.unanswered == 0 {
            return Decision::Drop;
        }
        match (answered, offerer.offer) {
            (Some(answered), Some(offer)) if answered == offer => offerer.unanswered = 0,
            (Some(_), Some(_)) => return Decision::Drop,
            (None, _) | (_, None) => offerer.unanswered -= 1,
        }
        if offerer.unanswered == 0 { Decision::Forward } else { Decision::Drop }
    }

    fn candidate(&self) -> Decision {
        if self.refused { Decision::Drop } else { Decision::Forward }
    }

    /// A description that is refused counts as never sent, and its candidates are dropped.
    fn refuse(&mut self, kind: SignalKind) -> Decision {
        match kind {
            SignalKind::Candidate if self.refused => Decision::Drop,
            SignalKind::Candidate => Decision::Flooded,
            SignalKind::Answer | SignalKind::Offer => {
                self.refused = true;
                Decision::Flooded
            }
        }
    }

    fn admit(&mut self, kind: SignalKind) -> Decision {
        match kind {
            SignalKind::Candidate => self.candidate(),
            SignalKind::Answer | SignalKind::Offer => {
                self.refused = false;
                Decision::Forward
            }
        }
    }
}

/// The key of a pair: the smaller id first.
fn pair(a: ParticipantId, b: ParticipantId) -> (ParticipantId, ParticipantId) {
    if a < b { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod tests {
    use super::Decision::{Conflict, Drop, Forward};
    use super::SignalKind::{Answer, Candidate, Offer};
    use super::*;
    use crate::payload::Payload;

    struct Pair {
        negotiation: Negotiation,
        now: Timestamp,
    }

    impl Pair {
        fn new() -> Self {
            Self { negotiation: Negotiation::default(), now: Timestamp::from_millis(1_000_000) }
        }

        fn a(&mut self, kind: SignalKind) -> Decision {
            self.judge("p_a", "p_b", kind, None)
        }

        fn b(&mut self, kind: SignalKind) -> Decision {
            self.judge("p_b", "p_a", kind, None)
        }

        fn judge(
            &mut self,
            from: &str,
            to: &str,
            kind: SignalKind,
            negotiation: Option<u32>,
        ) -> Decision {
            let signal = Signal { kind, payload: Payload::empty_list(), negotiation, tracks: None };
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            self.negotiation.judge(from, to, &signal, Duration::from_secs(15), self.now)
        }

        fn wait(&mut self, millis: u64) {
            self.now = self.now + Duration::from_millis(millis);
        }
    }

    #[test]
    fn an_offer_is_answered_once() {
        let mut pair = Pair::new();
        assert_eq!(pair.a(Offer), Forward);
        assert_eq!(pair.b(Answer), Forward);
        assert_eq!(pair.b(Answer), Drop);
        assert_eq!(pair.a(Answer), Drop);
    }

    #[test]
    fn the_second_of_two_colliding_offers_is_refused_with_its_candidates() {
        let mut pair = Pair::new();
        assert_eq!(pair.b(Offer), Forward);
        assert_eq!(pair.a(Offer), Conflict);
        assert_eq!(pair.a(Candidate), Drop);
        assert_eq!(pair.b(Candidate), Forward);
        assert_eq!(pair.a(Answer), Forward);
        assert_eq!(pair.a(Candidate), Forward);
        assert_eq!(pair.a(Offer), Forward);
    }

    #[test]
    fn of_several_offers_in_one_direction_only_the_last_ones_answer_is_passed_on() {
        let mut pair = Pair::new();
        assert_eq!([pair.a(Offer), pair.a(Offer), pair.a(Offer)], [Forward; 3]);
        assert_eq!([pair.b(Answer), pair.b(Answer), pair.b(Answer)], [Drop, Drop, Forward]);
    }

    #[test]
    fn an_unanswered_offer_stops_refusing_after_the_patience_but_its_late_answer_is_passed_on() {
        let mut pair = Pair::new();
        assert_eq!(pair.a(Offer), Forward);
        pair.wait(14_999);
        assert_eq!(pair.b(Offer), Conflict);
        pair.wait(1);
        assert_eq!(pair.b(Offer), Forward);
        assert_eq!(pair.b(Answer), Forward);
        assert_eq!(pair.a(Answer), Forward);
    }

    #[test]
    fn candidates_pass_where_nothing_was_refused() {
        let mut pair = Pair::new();
        assert_eq!(pair.a(Candidate), Forward);
        assert_eq!(pair.b(Candidate), Forward);
    }

    #[test]
    fn a_numbered_answer_is_passed_on_only_if_it_names_the_last_offer() {
        let mut pair = Pair::new();
        assert_eq!(pair.judge("p_a", "p_b", Offer, Some(1)), Forward);
        assert_eq!(pair.judge("p_a", "p_b", Offer, Some(2)), Forward);
        assert_eq!(pair.judge("p_b", "p_a", Answer, Some(1)), Drop);
        assert_eq!(pair.b(Offer), Conflict);
        assert_eq!(pair.judge("p_b", "p_a", Answer, Some(2)), Forward);
        assert_eq!(pair.judge("p_b", "p_a", Answer, Some(2)), Drop);
        assert_eq!(pair.b(Offer), Forward);
    }

    #[test]
    fn an_offer_that_comes_back_after_one_of_the_two_has_left_leaves_nothing() {
        let mut negotiations = Negotiations::default();
        negotiations.withdraw("p_a".parse().unwrap(), "p_b".parse().unwrap(), Offer);
        assert!(negotiations.0.is_empty());
    }

    #[test]
    fn an_offer_that_never_arrived_refuses_nobody() {
        let mut pair = Pair::new();
        assert_eq!(pair.a(Offer), Forward);
        pair.negotiation.withdraw("p_a".parse().unwrap(), "p_b".parse().unwrap(), Offer);
        assert_eq!(pair.b(Offer), Forward);
    }
}
