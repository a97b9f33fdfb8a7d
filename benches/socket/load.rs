//! The work of the participants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use crate::link::{Frame, Link, Outgoing};
use crate::rooms;
use crate::servers::Server;

/// The messages of one participant to another: one in eleven is as long as a description, the
/// others are as long as candidates.
struct Script {
    to: String,
    /// Only one side of a pair offers.
    offers: bool,
    outgoing: Outgoing,
    sent: u64,
}

impl Script {
    fn next(&mut self, stamp: u64, out: &mut Vec<u8>) {
        let is_long = self.sent.is_multiple_of(11);
        self.sent += 1;
        let (to, padding) = (&self.to, if is_long { LONG } else { SHORT });
        let text = if is_long && self.offers {
            format!(r#"{{"type":"offer","to":"{to}","sdp":"~{stamp:020}{padding}"}}"#)
        } else {
            format!(
                r#"{{"type":"candidate","to":"{to}","candidate":{{"candidate":"~{stamp:020}{padding}"}}}}"#
            )
        };
        self.outgoing.text(to, text.as_bytes(), out);
    }
}

/// Both sides of each pair keep a number of messages under way, as fast as the server relays them,
/// until this is dropped.
pub(crate) struct Saturation {
    /// The number of messages that have arrived.
    arrived: Arc<AtomicU64>,
    _participants: JoinSet<()>,
}

impl Saturation {
    pub(crate) async fn begin(server: &Server, rooms: u32) -> Self {
        let arrived = Arc::new(AtomicU64::new(0));
        let mut participants = JoinSet::new();
        for (link, script) in pairs(server, rooms).await {
            participants.spawn(answer(link, script, Arc::clone(&arrived)));
        }
        sleep(WARM_UP).await;
        Self { arrived, _participants: participants }
    }

    /// How many messages have been relayed.
    pub(crate) fn relayed(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }
}

async fn answer(mut link: Link, mut script: Script, arrived: Arc<AtomicU64>) {
    let mut out = Vec::new();
    for _ in 0..UNDER_WAY {
        script.next(0, &mut out);
    }
    loop {
        link.stream.write_all(&out).await.expect("the server reads");
        out.clear();
        link.read().await;
        while let Some(frame) = link.incoming.next() {
            match frame {
                Frame::Text(text) if stamp(&text).is_some() => {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    script.next(0, &mut out);
                }
                // A `peer_joined`.
                Frame::Text(_) => {}
                Frame::Ping => link.outgoing.pong(&mut out),
            }
        }
    }
}

/// The result of sending at a fixed rate.
pub(crate) struct Pace {
    /// The time of each message since it was due to be sent, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// What the server used for all of them.
    pub(crate) processor: Duration,
}

/// Sends at a fixed rate for a while.
pub(crate) async fn pace(server: &Server, rooms: u32, rate: u64, time: Duration) -> Pace {
    let begun = Instant::now();
    let (arrived_in, mut arrived) = mpsc::unbounded_channel();
    let mut writers = Vec::new();
    let mut readers = JoinSet::new();
    for (link, script) in pairs(server, rooms).await {
        let (mut reader, writer) = link.stream.into_split();
        let (mut incoming, arrived_in) = (link.incoming, arrived_in.clone());
        writers.push((writer, script));
        readers.spawn(async move {
            loop {
                incoming.read(&mut reader).await;
                let now = begun.elapsed();
                while let Some(frame) = incoming.next() {
                    if let Frame::Text(text) = frame
                        && let Some(stamp) = stamp(&text)
                    {
                        let _ = arrived_in.send(now.saturating_sub(Duration::from_nanos(stamp)));
                    }
                }
            }
        });
    }
    let count = rate * time.as_millis() as u64 / 1000;
    // Measured from here, after everybody has joined.
    sleep(WARM_UP).await;
    let used = server.usage().processor;
    // A separate thread, since the timer of the runtime has a resolution of milliseconds.
    let sending = spawn_blocking(move || {
        let first = begun.elapsed() + Duration::from_millis(100);
        let mut out = Vec::new();
        for message in 0..count {
            let due = first + Duration::from_nanos(1_000_000_000 * message / rate);
            thread::sleep(due.saturating_sub(begun.elapsed()));
            let index = message as usize % writers.len();
            let (writer, script) = &mut writers[index];
            out.clear();
            script.next(due.as_nanos() as u64, &mut out);
            let mut rest = &out[..];
            while !rest.is_empty() {
                // A full socket is tried again.
                let written = writer.try_write(rest).unwrap_or(0);
                rest = &rest[written..];
            }
        }
        // The connections stay open until every message has arrived.
        writers
    });
    let mut latencies = Vec::new();
    for _ in 0..count {
        latencies.push(arrived.recv().await.expect("the readers go on"));
    }
    let processor = server.usage().processor - used;
    drop(sending.await.expect("the thread does not panic"));
    latencies.sort_unstable();
    Pace { latencies, processor }
}

/// Members of a full room take turns in speaking to everybody. Returns the times until the last one
/// has each message, sorted.
pub(crate) async fn broadcast(server: &Server, times: u32) -> Vec<Duration> {
    let begun = Instant::now();
    let mut room = rooms::fill(server, 1, MEMBERS, || {}).await.pop().expect("one was asked for");
    let (arrived_in, mut arrived) = mpsc::unbounded_channel();
    let mut speaker = room.pop().expect("a room has members");
    let mut readers = JoinSet::new();
    for mut link in room {
        let arrived_in = arrived_in.clone();
        readers.spawn(async move {
            loop {
                link.read().await;
                while let Some(frame) = link.incoming.next() {
                    if let Frame::Text(text) = frame
                        && stamp(&text).is_some()
                    {
                        let _ = arrived_in.send(begun.elapsed());
                    }
                }
            }
        });
    }
    let mut latencies = Vec::new();
    for _ in 0..times {
        let mut out = Vec::new();
        let sent = begun.elapsed();
        let stamp = sent.as_nanos();
        let text = format!(
            r#"{{"type":"message","to":"room","topic":"bench","data":"~{stamp:020}{SHORT}"}}"#
        );
        speaker.outgoing.text("room", text.as_bytes(), &mut out);
        speaker.stream.write_all(&out).await.expect("the server reads");
        let mut last = sent;
        for _ in 1..MEMBERS {
            last = last.max(arrived.recv().await.expect("the readers go on"));
        }
        latencies.push(last - sent);
    }
    latencies.sort_unstable();
    latencies
}

/// Opens silent connections. Returns the bytes by which each has made the server grow.
pub(crate) async fn idle(server: &Server, connections: u32, filled: impl Fn()) -> f64 {
    let before = server.usage().resident;
    let rooms = rooms::fill(server, connections / ROOM, ROOM, filled).await;
    let mut participants = JoinSet::new();
    for mut link in rooms.into_iter().flatten() {
        participants.spawn(async move {
            loop {
                link.read().await;
                let mut out = Vec::new();
                while let Some(frame) = link.incoming.next() {
                    if let Frame::Ping = frame {
                        link.outgoing.pong(&mut out);
                    }
                }
                link.stream.write_all(&out).await.expect("the server reads");
            }
        });
    }
    sleep(WARM_UP).await;
    server.usage().resident.saturating_sub(before) as f64 / participants.len() as f64
}

/// Opens connections in rooms of four, each of which talks to one other.
async fn pairs(server: &Server, rooms: u32) -> Vec<(Link, Script)> {
    let mut participants = Vec::new();
    for room in rooms::fill(server, rooms, ROOM, || {}).await {
        let ids: Vec<String> = room.iter().map(|link| link.id.clone()).collect();
        for (index, link) in room.into_iter().enumerate() {
            let (to, outgoing) = (ids[index ^ 1].clone(), link.outgoing);
            participants
                .push((link, Script { to, offers: index % 2 == 1, outgoing, sent: index as u64 }));
        }
    }
    participants
}

/// Reads the time in a message of this program, in nanoseconds.
fn stamp(text: &[u8]) -> Option<u64> {
    let start = text.iter().position(|byte| *byte == b'~')? + 1;
    std::str::from_utf8(text.get(start..start + 20)?).ok()?.parse().ok()
}

/// The number of messages that each participant has under way: 400 for 200 connections in rooms of
/// four.
const UNDER_WAY: usize = 2;
const ROOM: u32 = 4;
/// The size of the room that gets broadcasts.
const MEMBERS: u32 = 50;
const WARM_UP: Duration = Duration::from_millis(500);
/// Padding that makes messages of about 200 bytes and 2 KiB.
const SHORT: &str = PADDING.split_at(110).0;
const LONG: &str = PADDING;
const PADDING: &str = match std::str::from_utf8(&[b'a'; 2000]) {
    Ok(text) => text,
    Err(_) => "",
};
