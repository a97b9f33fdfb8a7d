//! What do others notice of participants that send as fast as they can?
//!
//! Those that flood take processor time from everything on the machine. So each flood is also sent
//! to a listener that only reads, beside the same server: the difference is the server's.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, iter};

use crate::link;
use crate::load::{self, Pace};
use crate::rooms;
use crate::servers::{Kind, Server};
use crate::{microseconds, quantile};

/// What each flooding participant repeats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flood {
    Nothing,
    /// Pings whose answers are read.
    Pings,
    /// Pings whose answers are not read.
    UnreadPings,
    Pongs,
    /// Fragments of a message that never ends.
    Fragments,
    /// Messages to each other, far over the permitted rate.
    Messages,
    /// Upgrades whose answer is not read.
    Upgrades,
}

/// The figures of one flood.
pub(crate) struct Noticed {
    /// The times of relayed messages between others, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// Bytes per second that the flood could send.
    pub(crate) sent: f64,
}

impl Flood {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Pings,
        Self::UnreadPings,
        Self::Pongs,
        Self::Fragments,
        Self::Messages,
        Self::Upgrades,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Pings => "pings, answers read",
            Self::UnreadPings => "pings, answers not read",
            Self::Pongs => "pongs",
            Self::Fragments => "empty fragments",
            Self::Messages => "messages over the rate",
            Self::Upgrades => "abandoned upgrades",
        }
    }

    /// Measures what others notice of the flood, which goes to the server or beside it.
    pub(crate) async fn measure(self, beside: bool, watch: Duration) -> Noticed {
        let server = Server::start(Kind::Limited);
        let room = rooms::fill(&server, 1, FLOODING, || {}).await.pop().expect("one was asked for");
        let to = room[0].id.clone();
        let paths: Vec<String> = room.iter().map(|link| link.path.clone()).collect();
        drop(room);
        let sink = beside.then(Sink::listen);
        let address = sink.as_ref().map_or(&server.address, |sink| &sink.address);
        let (done, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let begun = Instant::now();
        let flooding: Vec<JoinHandle<()>> = (self != Self::Nothing)
            .then_some(paths)
            .into_iter()
            .flatten()
            .map(|path| {
                let (address, to) = (address.clone(), to.clone());
                let (done, sent) = (Arc::clone(&done), Arc::clone(&sent));
                thread::spawn(move || self.send(&address, &path, &to, &done, &sent))
            })
            .collect();
        let Pace { latencies, .. } = load::pace(&server, OTHERS, RATE, watch).await;
        let sent = sent.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        // A server that ends ends every write.
        drop((server, sink));
        for thread in flooding {
            thread.join().expect("it ends when it is told to");
        }
        Noticed { latencies, sent }
    }

    /// Floods until `done` is set. A socket that is closed is opened again.
    fn send(self, address: &str, path: &str, to: &str, done: &AtomicBool, sent: &AtomicU64) {
        let (once, repeated) = self.frames(to);
        while !done.load(Ordering::Relaxed) {
            let flood = || -> io::Result<()> {
                let mut stream = TcpStream::connect(address)?;
                stream.write_all(link::upgrade_request(path).as_bytes())?;
                sent.fetch_add(1, Ordering::Relaxed);
                if self == Self::Upgrades {
                    return Ok(());
                }
                let mut answers = stream.try_clone()?;
                let reader = (self == Self::Pings)
                    .then(|| thread::spawn(move || io::copy(&mut answers, &mut io::sink())));
                stream.write_all(&once)?;
                while !done.load(Ordering::Relaxed) && stream.write_all(&repeated).is_ok() {
                    sent.fetch_add(repeated.len() as u64, Ordering::Relaxed);
                }
                let _ = stream.shutdown(Shutdown::Both);
                if let Some(reader) = reader {
                    let _ = reader.join();
                }
                Ok(())
            };
            // Refused or cut: once more.
            let _ = flood();
        }
    }

    /// The bytes that are sent first, and those that are sent again and again.
    fn frames(self, to: &str) -> (Vec<u8>, Vec<u8>) {
        let repeat =
            |frame: &[u8], times| iter::repeat_n(frame, times).flatten().copied().collect();
        match self {
            Self::Nothing | Self::Upgrades => (Vec::new(), Vec::new()),
            Self::Pings | Self::UnreadPings => {
                (Vec::new(), repeat(&link::masked(PING, &[b'a'; 125]), 32))
            }
            Self::Pongs => (Vec::new(), repeat(&link::masked(PONG, &[b'a'; 125]), 32)),
            Self::Fragments => {
                (link::masked(FIRST_FRAGMENT, b""), repeat(&link::masked(FRAGMENT, b""), 600))
            }
            Self::Messages => {
                let text = format!(r#"{{"type":"candidate","to":"{to}","candidate":null}}"#);
                (Vec::new(), repeat(&link::masked(TEXT, text.as_bytes()), 50))
            }
        }
    }
}

impl Noticed {
    /// A percentile of the times, in microseconds.
    pub(crate) fn p(&self, percent: usize) -> f64 {
        microseconds(quantile(&self.latencies, percent))
    }
}

/// A listener that reads and does nothing else.
struct Sink {
    address: String,
}

impl Sink {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || io::copy(&mut { stream }, &mut io::sink()));
            }
        });
        Self { address }
    }
}

/// How many participants flood, all from one address.
const FLOODING: u32 = 20;
/// The number of rooms in which four others talk.
const OTHERS: u32 = 50;
/// Messages per second between the others: within the permitted rate of each.
const RATE: u64 = 1000;

/// The first bytes of frames (RFC 6455 section 5.2).
const FIRST_FRAGMENT: u8 = 0x01;
const FRAGMENT: u8 = 0x00;
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
