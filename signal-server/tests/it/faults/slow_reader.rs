//! A full room that talks all at once, with one participant that has stopped reading.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{broadcast, narrow_socket, serve};
use crate::common::program::Served;
use crate::common::{PATIENCE, Participant, Room, text};

/// All seats but three: those of the listening creator, of the slow reader, and of a visitor who
/// comes and goes.
const TALKERS: usize = 47;
/// How often that one comes and goes.
const VISITS: usize = 5;
/// What makes a message long.
const PADDING: usize = 8 * 1024;
/// What may wait for a socket: `--max-unsent-bytes`.
const QUEUE: usize = 2 * 1024 * 1024;
/// Far more than the queues and replays of fifty participants.
const MOST_MEMORY: u64 = 128 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_in_a_burst_of_fifty_stays_and_whoever_floods_it_is_told() {
    let without = burst(false).await;
    let with = burst(true).await;
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!(
        "p99 of delivery: {without:?}, and {with:?} with a slow reader, {ratio:.2} times as long"
    );
}

/// Lets everybody talk until more messages are waiting for a slow reader than fit. Returns the 99th
/// percentile of the delivery time to the others.
async fn burst(has_slow_reader: bool) -> Duration {
    let plenty = u32::MAX.to_string();
    let rates = ["--burst-messages", &plenty, "--burst-bytes", &plenty];
    let server =
        serve(&[&rates, ["--max-connections-per-address", "1000"].as_slice()].concat()).await;
    let api = &server.api;
    let room = api.room_with(&json!({"max_participants": 50})).await;
    let (creator, _) = api.enter_v2(&room, &room.access_token).await;
    let slow = if has_slow_reader { Some(enter_slowly(&server, &room).await) } else { None };
    let mut members = vec![Member::new(creator, 0)];
    let rounds = rounds();
    for _ in 0..TALKERS {
        let (talker, _) = api.enter_v2(&room, &api.ws_token(&room, "talker").await).await;
        members.push(Member::new(talker, rounds));
    }
    let memory = server.peak_memory();

    let start = Instant::now();
    let ready = Arc::new(Barrier::new(members.len()));
    let slow_id = slow.as_ref().map(|(_, id)| id.clone());
    let all = members
        .into_iter()
        .map(|member| member.live(Arc::clone(&ready), rounds, slow_id.clone(), start));
    let all = all.collect::<JoinSet<_>>().join_all();
    let visits = async {
        for _ in 0..VISITS {
            let (mut visitor, _) = api.enter_v2(&room, &api.ws_token(&room, "visitor").await).await;
            visitor.say(&json!({"type": "leave"})).await;
            assert_eq!(visitor.read_until_closed().await, 1000);
        }
    };
    let mut most_queued: f64 = 0.0;
    let watch = async {
        loop {
            most_queued = most_queued.max(server.metric("signal_queued_bytes").await);
            sleep(Duration::from_millis(20)).await;
        }
    };
    let mut members = tokio::select! {
        (members, ()) = async { tokio::join!(all, visits) } => members,
        () = watch => unreachable!("it watches without an end"),
    };

    let grown = server.peak_memory() - memory;
    println!("{rounds} rounds: {most_queued} bytes queued at most, {grown} bytes of memory more");
    assert!(most_queued <= (50 * QUEUE) as f64, "{most_queued}");
    assert!(grown < MOST_MEMORY, "{grown}");
    let closed = server.metric(r#"signal_refusals_total{setting="max-unsent-bytes"}"#).await;
    assert_eq!(closed, 0.0);
    let refused: usize = members.iter().map(|member| member.refused).sum();
    assert_eq!(refused > 0, has_slow_reader, "{refused} messages were refused");
    if let Some((slow, _)) = slow {
        reads_on(&server, &mut members[0], slow).await;
    }
    let emptied = async {
        while server.metric("signal_queued_bytes").await > 0.0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, emptied).await.expect("the queues empty");
    let mut delays: Vec<Duration> = members.into_iter().flat_map(|member| member.delays).collect();
    delays.sort_unstable();
    delays[delays.len() * 99 / 100]
}

/// How often everybody has to send until the buffers of both systems and the server's queue are
/// full.
fn rounds() -> usize {
    let buffers = fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").unwrap();
    let largest: usize = buffers.split_whitespace().last().unwrap().parse().unwrap();
    (largest + QUEUE).div_ceil(TALKERS * PADDING) + 2
}

/// A participant with a small receive buffer, and its id.
async fn enter_slowly(server: &Served, room: &Room) -> (Participant, String) {
    let token = server.api.ws_token(room, "slow").await;
    let url = server.api.socket_url(&room.id, &token) + "&v=2";
    let (mut slow, _) = Participant::connect_from(narrow_socket(), url).await.unwrap();
    let joined = slow.hear().await;
    (slow, text(&joined["participant_id"]))
}

/// The slow reader has missed the refused messages and nothing else. It gets messages in order, and
/// new ones once it has caught up.
async fn reads_on(server: &Served, creator: &mut Member, mut slow: Participant) {
    let says_welcome = async {
        while server.metric("signal_queued_bytes").await > 0.0 {
            sleep(Duration::from_millis(20)).await;
        }
        creator.participant.say(&broadcast("welcome back")).await;
    };
    let reads = async {
        let mut last: HashMap<String, u64> = HashMap::new();
        loop {
            let message = slow.hear().await;
            if message["type"] != "message" {
                continue;
            }
            let Some(number) = message["data"]["number"].as_u64() else {
                assert_eq!(message["data"], "welcome back");
                return;
            };
            let before = last.insert(text(&message["from"]), number);
            assert!(before.is_none_or(|before| before < number), "{before:?}, {message}");
        }
    };
    tokio::join!(says_welcome, reads);
}

/// A participant that reads.
struct Member {
    participant: Participant,
    /// How many messages it is going to send.
    to_say: usize,
    delays: Vec<Duration>,
    /// How many of its messages a slow reader did not get.
    refused: usize,
}

impl Member {
    fn new(participant: Participant, to_say: usize) -> Self {
        Self { participant, to_say, delays: Vec::new(), refused: 0 }
    }

    /// Sends and reads in turns until every message, join and leave has arrived in order. Messages
    /// are refused for the slow reader alone.
    async fn live(
        mut self,
        ready: Arc<Barrier>,
        rounds: usize,
        slow_id: Option<String>,
        start: Instant,
    ) -> Self {
        ready.wait().await;
        let others = TALKERS - usize::from(self.to_say > 0);
        let mut heard_of: HashMap<String, usize> = HashMap::new();
        let mut visitors = HashSet::new();
        let (mut said, mut heard, mut visits) = (0, 0, 0);
        while heard < others * rounds || visits < VISITS {
            // What is on its way to somebody who reads is less than the queue that way.
            if said < self.to_say && heard >= others * said {
                let sent_at = start.elapsed().as_micros() as u64;
                let data =
                    json!({"number": said, "sent_at": sent_at, "padding": "x".repeat(PADDING)});
                self.participant.say(&broadcast(data)).await;
                said += 1;
            }
            let message = self.participant.hear().await;
            match message["type"].as_str().unwrap() {
                "message" => {
                    let count = heard_of.entry(text(&message["from"])).or_default();
                    assert_eq!(message["data"]["number"], *count);
                    *count += 1;
                    heard += 1;
                    let sent_at =
                        Duration::from_micros(message["data"]["sent_at"].as_u64().unwrap());
                    self.delays.push(start.elapsed().saturating_sub(sent_at));
                }
                // The talkers came one by one.
                "peer_joined" => assert!(visitors.insert(text(&message["participant"]["id"]))),
                "peer_left" => {
                    assert!(
                        visitors.remove(message["participant_id"].as_str().unwrap()),
                        "{message}"
                    );
                    visits += 1;
                }
                "error" => {
                    assert_eq!(message["code"], "rate_limited", "{message}");
                    assert_eq!(message["about"].as_str(), slow_id.as_deref(), "{message}");
                    self.refused += 1;
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(said, self.to_say);
        assert!(heard_of.values().all(|count| *count == rounds));
        self
    }
}
