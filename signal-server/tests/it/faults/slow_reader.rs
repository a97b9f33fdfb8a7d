//! A full room that talks all at once, with one participant that has stopped to read.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{copy, sink};
use tokio::net::TcpSocket;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{broadcast, serve};
use crate::common::program::Served;
use crate::common::{PATIENCE, Participant, Room, text};

/// They have the seats that the creator, who listens, the slow reader, and somebody who comes and goes leave.
const TALKERS: usize = 47;
/// How often that one comes and goes.
const VISITS: usize = 5;
/// What makes a message long.
const PADDING: usize = 8 * 1024;
/// What may wait for a socket: `--max-unsent-bytes`.
const QUEUE: usize = 1024 * 1024;
/// Far more than the queues and replays of fifty participants.
const MOST_MEMORY: u64 = 128 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_in_a_burst_of_fifty_loses_its_socket_and_nobody_else_a_message() {
    let without = burst(false).await;
    let with = burst(true).await;
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!(
        "p99 of delivery: {without:?}, and {with:?} with a slow reader, {ratio:.2} times as long"
    );
}

/// Has everybody talk until a slow reader is owed more than can wait for it; the 99th percentile of the time from a
/// sender to each of the others.
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
    let losses = usize::from(has_slow_reader);
    let all =
        members.into_iter().map(|member| member.live(Arc::clone(&ready), rounds, losses, start));
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
    assert_eq!(closed, losses as f64);
    if let Some((slow, slow_id, token)) = slow {
        comes_back(&server, &room, &mut members, (slow, &slow_id, &token)).await;
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

/// How often all have to say something until a slow reader is owed more than its system, the server's system and the
/// server's queue take.
fn rounds() -> usize {
    let buffers = fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").unwrap();
    let largest: usize = buffers.split_whitespace().last().unwrap().parse().unwrap();
    (largest + QUEUE).div_ceil(TALKERS * PADDING) + 2
}

/// A participant whose system takes little for it, with its id and resume token.
async fn enter_slowly(server: &Served, room: &Room) -> (Participant, String, String) {
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let token = server.api.ws_token(room, "slow").await;
    let url = server.api.socket_url(&room.id, &token) + "&v=2";
    let (mut slow, _) = Participant::connect_from(tcp, url).await.unwrap();
    let joined = slow.hear().await;
    (slow, text(&joined["participant_id"]), text(&joined["resume_token"]))
}

/// The slow reader has lost its socket and nothing else.
async fn comes_back(
    server: &Served,
    room: &Room,
    members: &mut [Member],
    (mut slow, id, token): (Participant, &str, &str),
) {
    // It may have been reset, or ended after what the systems held.
    let _ =
        timeout(PATIENCE, copy(&mut slow.tcp(), &mut sink())).await.expect("its socket has ended");
    let (mut slow, resumed) = server.api.resume(room, token).await;
    assert_eq!(
        (&resumed["type"], &resumed["replayed"]),
        (&json!("resumed"), &Value::Null),
        "too much was missed"
    );
    assert_eq!(resumed["participant_id"], id);
    for member in &mut *members {
        let heard = member.participant.hear().await;
        assert_eq!(
            (&heard["type"], &heard["connected"]),
            (&json!("peer_updated"), &json!(true)),
            "{heard}"
        );
    }
    members[0].participant.say(&broadcast("welcome back")).await;
    assert_eq!(slow.hear().await["data"], "welcome back");
}

/// Somebody who reads.
struct Member {
    participant: Participant,
    /// How many messages it is going to send.
    to_say: usize,
    delays: Vec<Duration>,
}

impl Member {
    fn new(participant: Participant, to_say: usize) -> Self {
        Self { participant, to_say, delays: Vec::new() }
    }

    /// Says something, hears everybody, and so on, until all has been heard: every message in its order, everybody who
    /// came or went, and everybody who lost the socket.
    async fn live(
        mut self,
        ready: Arc<Barrier>,
        rounds: usize,
        losses: usize,
        start: Instant,
    ) -> Self {
        ready.wait().await;
        let others = TALKERS - usize::from(self.to_say > 0);
        let mut heard_of: HashMap<String, usize> = HashMap::new();
        let mut visitors = HashSet::new();
        let (mut said, mut heard, mut visits, mut lost) = (0, 0, 0, 0);
        while heard < others * rounds || visits < VISITS || lost < losses {
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
                "peer_updated" => {
                    assert_eq!(message["connected"], false);
                    lost += 1;
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!((said, lost), (self.to_say, losses));
        assert!(heard_of.values().all(|count| *count == rounds));
        self
    }
}
