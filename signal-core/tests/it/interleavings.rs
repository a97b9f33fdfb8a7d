//! Two pages written from the API document end up connected in every order in which their messages
//! may travel.
//!
//! A run is a list of choices: whose message reaches the hub next, and whether a page reads or its
//! user acts first. There is one run for each possible list. Steps whose order does not matter are
//! no choices: a page reads if its user has nothing more to do, and a candidate follows its
//! description.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use signal_core::hub::{Disconnect, Input};
use signal_core::room::Ticket;
use signal_core::{ConnId, ParticipantId};

use crate::common::Node;

#[test]
fn both_sides_may_offer_at_any_time() {
    for rules in ALL_RULES {
        every_run(rules, [[1, 0], [1, 0]]);
    }
    every_run([Rule::SmallerId, Rule::Newcomer], [[1, 0], [2, 0]]);
}

#[test]
fn the_older_page_may_offer_twice_and_the_newer_once() {
    every_run([Rule::Newcomer, Rule::SmallerId], [[2, 0], [1, 0]]);
}

#[test]
fn one_side_may_offer_again_and_again() {
    for rules in ALL_RULES {
        every_run(rules, [[4, 0], [0, 0]]);
        every_run(rules, [[0, 0], [4, 0]]);
    }
}

#[test]
fn either_page_may_be_loaded_anew_at_any_time() {
    for rules in ALL_RULES {
        every_run(rules, [[0, 2], [0, 0]]);
        every_run(rules, [[0, 1], [0, 1]]);
        every_run(rules, [[1, 0], [0, 1]]);
        every_run(rules, [[0, 1], [1, 0]]);
    }
}

const ALL_RULES: [[Rule; 2]; 4] = [
    [Rule::Newcomer, Rule::Newcomer],
    [Rule::Newcomer, Rule::SmallerId],
    [Rule::SmallerId, Rule::Newcomer],
    [Rule::SmallerId, Rule::SmallerId],
];

/// Goes through every run of two pages. `acts` is how often the user of each offers, and how often
/// the user reloads it.
fn every_run(rules: [Rule; 2], acts: [[u32; 2]; 2]) {
    let mut choices = Choices::default();
    let mut runs = 0;
    loop {
        Pair::new(rules, acts).run(&mut choices);
        runs += 1;
        if !choices.next_run() {
            break;
        }
    }
    println!("{rules:?} {acts:?}: {runs} runs");
}

/// The choices of a run, and how many there were each time.
#[derive(Default)]
struct Choices {
    made: Vec<(usize, usize)>,
    next: usize,
}

impl Choices {
    fn choose(&mut self, count: usize) -> usize {
        if self.next == self.made.len() {
            self.made.push((0, count));
        }
        let (choice, of) = self.made[self.next];
        assert_eq!(of, count, "the same choices lead to the same place");
        self.next += 1;
        choice
    }

    /// Turns to the next list of choices; `false` if this was the last.
    fn next_run(&mut self) -> bool {
        self.next = 0;
        while let Some((choice, count)) = self.made.pop() {
            if choice + 1 < count {
                self.made.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}

/// How a page negotiates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rule {
    /// The simplest way: a newcomer offers, and every offer makes a new connection.
    Newcomer,
    /// As the API document says: the smaller id offers; the connection is kept for the peer's
    /// later offers.
    SmallerId,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A message of that page reaches the hub.
    Arrive(usize),
    /// The user of that page makes it offer.
    Offer(usize),
    /// That page reads a message.
    Read(usize),
    /// That page is reloaded.
    Reload(usize),
}

/// Two pages and the hub between them.
struct Pair {
    node: Node,
    pages: [Page; 2],
}

impl Pair {
    fn new(rules: [Rule; 2], acts: [[u32; 2]; 2]) -> Self {
        let mut node = Node::new(10);
        let pages = [0, 1].map(|index| {
            let ticket = node.join();
            let conn = node.open(ticket, "page");
            Page::new(rules[index], ticket, conn, acts[index])
        });
        let mut pair = Self { node, pages };
        pair.collect();
        pair
    }

    fn run(mut self, choices: &mut Choices) {
        let mut journal = Vec::new();
        loop {
            let steps = self.steps();
            let step = match steps.len() {
                0 => break,
                1 => steps[0],
                count => steps[choices.choose(count)],
            };
            journal.push(step);
            self.take(step);
        }
        let [one, other] = &self.pages;
        let ends = [one.pc.as_ref().unwrap(), other.pc.as_ref().unwrap()];
        let remotes = ends.map(|pc| pc.remote);
        let expected = [Some(ends[1].number), Some(ends[0].number)];
        assert_eq!(remotes, expected, "not connected after {journal:?}");
    }

    /// What may happen next.
    fn steps(&self) -> Vec<Step> {
        // The order of reads does not matter for a page whose user does nothing.
        let idle = |index: &usize| {
            let page = &self.pages[*index];
            !page.down.is_empty() && page.offers_left == 0 && page.reloads_left == 0
        };
        if let Some(index) = [0, 1].into_iter().find(idle) {
            return vec![Step::Read(index)];
        }
        let is_candidate = |index: &usize| {
            self.pages[*index].up.front().is_some_and(|message| message["type"] == "candidate")
        };
        if let Some(index) = [0, 1].into_iter().find(is_candidate) {
            return vec![Step::Arrive(index)];
        }
        let mut steps = Vec::new();
        for (index, page) in self.pages.iter().enumerate() {
            if !page.up.is_empty() {
                steps.push(Step::Arrive(index));
            }
            if !page.down.is_empty() {
                steps.push(Step::Read(index));
            }
            if page.reloads_left > 0 && page.id.is_some() {
                steps.push(Step::Reload(index));
            }
            if page.offers_left > 0 && page.can_offer() {
                steps.push(Step::Offer(index));
            }
        }
        steps
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Arrive(index) => {
                let page = &mut self.pages[index];
                let frame = page.up.pop_front().unwrap();
                let conn = page.conn;
                self.node.say(conn, frame.to_string());
            }
            Step::Offer(index) => {
                self.pages[index].offers_left -= 1;
                self.pages[index].create_offer();
            }
            Step::Read(index) => {
                let told = self.pages[index].down.pop_front().unwrap();
                self.pages[index].read(&told);
            }
            Step::Reload(index) => {
                let Page { conn, ticket, .. } = self.pages[index];
                self.node.input(Input::Lost { conn, how: Disconnect::Abrupt });
                let conn = self.node.open(ticket, "page");
                self.pages[index].reload(conn);
            }
        }
        self.collect();
    }

    /// Sends on what the hub has for the pages.
    fn collect(&mut self) {
        for page in &mut self.pages {
            page.down.extend(self.node.take(page.conn));
        }
        self.node.now = self.node.now + Duration::from_millis(10);
    }
}

/// A page, the messages to it and from it that are on their way, and what its user is still going
/// to do.
struct Page {
    rule: Rule,
    ticket: Ticket,
    conn: ConnId,
    up: VecDeque<Value>,
    down: VecDeque<Value>,
    offers_left: u32,
    reloads_left: u32,
    id: Option<ParticipantId>,
    peer: Option<ParticipantId>,
    pc: Option<PeerConnection>,
    /// How many connections it has made.
    made: u64,
    /// The descriptions it has received.
    described: BTreeSet<String>,
}

struct PeerConnection {
    number: u64,
    /// The number of the other side's, once a description has come.
    remote: Option<u64>,
    has_offered: bool,
}

impl Page {
    fn new(
        rule: Rule,
        ticket: Ticket,
        conn: ConnId,
        [offers_left, reloads_left]: [u32; 2],
    ) -> Self {
        Self {
            rule,
            ticket,
            conn,
            up: VecDeque::new(),
            down: VecDeque::new(),
            offers_left,
            reloads_left,
            id: None,
            peer: None,
            pc: None,
            made: 1000 * conn.0,
            described: BTreeSet::new(),
        }
    }

    fn reload(&mut self, conn: ConnId) {
        let acts = [self.offers_left, self.reloads_left - 1];
        *self = Self::new(self.rule, self.ticket, conn, acts);
    }

    /// A user does not act while the page waits for an answer.
    fn can_offer(&self) -> bool {
        self.peer.is_some() && self.pc.as_ref().is_none_or(|pc| !pc.has_offered)
    }

    fn read(&mut self, told: &Value) {
        match told["type"].as_str().unwrap() {
            "joined" => {
                self.id = Some(parse(&told["participant_id"]));
                for listed in told["participants"].as_array().unwrap() {
                    self.peer = Some(parse(&listed["id"]));
                    if self.rule == Rule::Newcomer || self.id < self.peer {
                        self.create_offer();
                    }
                }
            }
            "peer_joined" => {
                self.peer = Some(parse(&told["participant"]["id"]));
                if self.rule == Rule::SmallerId && self.id < self.peer {
                    self.create_offer();
                }
            }
            "peer_left" => (self.peer, self.pc) = (None, None),
            "offer" => self.handle_offer(told["sdp"].as_str().unwrap()),
            "answer" => self.handle_answer(told["sdp"].as_str().unwrap()),
            "candidate" => {
                let description = told["candidate"].as_str().unwrap();
                assert!(
                    self.described.contains(description),
                    "a candidate of {description}, which never came"
                );
            }
            // The last one is about a peer that is being loaded anew.
            "error" => {
                assert!(
                    ["offer_conflict", "peer_not_found"].contains(&told["code"].as_str().unwrap())
                );
            }
            other => panic!("`{other}` is not expected"),
        }
    }

    fn create_offer(&mut self) {
        let number = self.create();
        self.pc = Some(PeerConnection { number, remote: None, has_offered: true });
        self.describe("offer", number);
    }

    fn handle_offer(&mut self, sdp: &str) {
        self.described.insert(sdp.to_owned());
        let remote = sdp.parse().unwrap();
        let kept = self.pc.as_ref().filter(|pc| pc.remote.is_none_or(|before| before == remote));
        let number = match (self.rule, kept) {
            (Rule::SmallerId, Some(pc)) => pc.number,
            (Rule::Newcomer | Rule::SmallerId, _) => self.create(),
        };
        self.pc = Some(PeerConnection { number, remote: Some(remote), has_offered: false });
        self.describe("answer", number);
    }

    fn handle_answer(&mut self, sdp: &str) {
        self.described.insert(sdp.to_owned());
        // An answer without an offer is an InvalidStateError in a browser.
        if let Some(pc) = self.pc.as_mut().filter(|pc| pc.has_offered) {
            pc.remote = Some(sdp.parse().unwrap());
            pc.has_offered = false;
        }
    }

    fn create(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// Sends a description, which is the number of the connection, and a candidate of it.
    fn describe(&mut self, kind: &str, number: u64) {
        let to = self.peer.unwrap();
        let sdp = number.to_string();
        self.up.push_back(json!({"type": kind, "to": to.as_str(), "sdp": sdp}));
        self.up.push_back(json!({"type": "candidate", "to": to.as_str(), "candidate": sdp}));
    }
}

fn parse(id: &Value) -> ParticipantId {
    id.as_str().unwrap().parse().unwrap()
}
