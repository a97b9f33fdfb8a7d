//! Both sides offer at once: in every interleaving exactly one offer wins, and both sides agree on
//! it.

use std::collections::VecDeque;

use serde_json::Value;
use signal_core::{ConnId, ParticipantId};

use crate::common::Node;

const INTERLEAVINGS: u64 = 100;

#[test]
fn of_two_offers_at_once_exactly_one_is_delivered_and_the_other_side_is_told() {
    let mut winners = [0, 0];
    for seed in 0..INTERLEAVINGS {
        winners[run(seed)] += 1;
    }
    assert!(winners.iter().all(|won| *won > 0), "the seeds do not mix: {winners:?}");
}

/// Lets both participants offer at once and tells which of them won.
fn run(seed: u64) -> usize {
    let mut random = Random(seed);
    let mut node = Node::new(10);
    let (a, a_id) = node.creator();
    let (b, b_id) = node.guest("b");
    node.take(a);
    let mut clients = [Client::new(a, b_id), Client::new(b, a_id)];
    for client in &mut clients {
        client.offer();
    }
    // Four attachments, each in order, interleaved as the seed says.
    while clients.iter().any(Client::has_messages_on_the_way) {
        let client = &mut clients[random.below(2)];
        if random.below(2) == 0 {
            client.let_the_server_take_one(&mut node);
        } else {
            client.take_one();
        }
        for client in &mut clients {
            client.inbound.extend(node.take(client.conn));
        }
    }

    let winner = usize::from(clients[1].told_of_conflict == 0);
    let (won, lost) = (&clients[winner], &clients[1 - winner]);
    assert_eq!((won.told_of_conflict, lost.told_of_conflict), (0, 1), "seed {seed}");
    assert_eq!((won.offers_received, lost.offers_received), (0, 1), "seed {seed}");
    assert_eq!(won.agreed.as_deref(), Some("offer"), "seed {seed}");
    assert_eq!(lost.agreed.as_deref(), Some("answer"), "seed {seed}");
    assert_eq!(lost.candidates, ["offer"; 3], "seed {seed}");
    assert_eq!(
        won.candidates, ["answer"; 3],
        "seed {seed}: a refused offer's candidates were passed on"
    );
    winner
}

/// A participant that follows the document: an offer that is delivered has won.
struct Client {
    conn: ConnId,
    peer: ParticipantId,
    outbound: VecDeque<(&'static str, &'static str)>,
    inbound: VecDeque<Value>,
    /// Which of its own descriptions holds: that of its offer or that of its answer.
    agreed: Option<String>,
    offers_received: usize,
    told_of_conflict: usize,
    candidates: Vec<String>,
}

impl Client {
    fn new(conn: ConnId, peer: ParticipantId) -> Self {
        Self {
            conn,
            peer,
            outbound: VecDeque::new(),
            inbound: VecDeque::new(),
            agreed: None,
            offers_received: 0,
            told_of_conflict: 0,
            candidates: Vec::new(),
        }
    }

    fn offer(&mut self) {
        self.describe("offer");
    }

    fn describe(&mut self, kind: &'static str) {
        self.outbound.push_back((kind, kind));
        self.outbound.extend([("candidate", kind); 3]);
    }

    fn has_messages_on_the_way(&self) -> bool {
        !self.inbound.is_empty() || !self.outbound.is_empty()
    }

    fn let_the_server_take_one(&mut self, node: &mut Node) {
        if let Some((kind, payload)) = self.outbound.pop_front() {
            node.signal(self.conn, kind, self.peer, payload);
        }
    }

    fn take_one(&mut self) {
        let Some(message) = self.inbound.pop_front() else { return };
        match message["type"].as_str().unwrap() {
            "answer" => self.agreed = Some("offer".into()),
            "candidate" => self.candidates.push(message["candidate"].as_str().unwrap().into()),
            "error" => {
                assert_eq!(message["code"], "offer_conflict");
                self.told_of_conflict += 1;
            }
            "offer" => {
                self.offers_received += 1;
                self.agreed = Some("answer".into());
                self.describe("answer");
            }
            other => panic!("unexpected {other}"),
        }
    }
}

/// SplitMix64: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound) as usize
    }
}
