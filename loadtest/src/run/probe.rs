//! Measures how long a message takes from one signaling socket to another during a run.
//!
//! The probe has two threads of its own and waits for the exact time, so that it measures the
//! server and not this process.

use std::collections::BTreeMap;
use std::hint;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use client_sdk::{NewRoom, RequestError};
use signal_core::ParticipantId;
use signal_core::message::{ClientMessage, Payload, ServerMessage, Signal, SignalKind};
use signal_core::wire::{decode_server, encode_client};
use thiserror::Error;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use url::Url;

use crate::measure::latency_kind::Kind;
use crate::measure::recorder::{Fate, Recorder, Step};
use crate::network::{BlockingSocket, Network, SocketError};
use crate::participants::numbered_text::{number_of, numbered};
use crate::target::Target;

/// Sockets in a room of their own.
pub(crate) struct RelayProbe {
    room: String,
    /// They send in turns, so that after a stall each stays within the rate limit of the server.
    senders: Vec<BlockingSocket>,
    receiver: BlockingSocket,
    to: ParticipantId,
}

/// A probe that runs.
pub(crate) struct RunningProbe {
    pub(crate) room: String,
    shared: Arc<Shared>,
    sending: JoinHandle<()>,
    receiving: JoinHandle<()>,
}

/// The counts of the probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relayed {
    /// How many were to be sent before the run ended.
    pub(crate) planned: u64,
    pub(crate) sent: u64,
    /// Those that were planned and never arrived, whether they were sent or not.
    pub(crate) lost: u64,
    /// When the probe lost a socket, if that was before the run ended.
    pub(crate) broken_at: Option<Instant>,
}

impl Relayed {
    /// Of a probe that has counted nothing.
    pub(crate) const NONE: Self = Self { planned: 0, sent: 0, lost: 1, broken_at: None };
}

/// Why the probe could not be set up.
#[derive(Debug, Error)]
pub(crate) enum ProbeError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("the server did not admit the probe: {0}")]
    Entry(String),
}

struct Shared {
    recorder: Arc<Recorder>,
    start: Instant,
    /// Messages that are due later are not sent.
    end: Mutex<Option<Instant>>,
    /// Whether nothing more is waited for.
    stops: AtomicBool,
    sent: AtomicU64,
    /// The messages under way: when each was planned and when it was sent.
    under_way: Mutex<BTreeMap<u64, (Instant, Instant)>>,
    broken_at: Mutex<Option<Instant>>,
}

impl RelayProbe {
    /// Enters a new room that lasts so many minutes.
    pub(crate) async fn open(target: &Target, minutes: u16) -> Result<Self, ProbeError> {
        let client = &target.client;
        let new = NewRoom { expires_minutes: Some(minutes), ..NewRoom::default() };
        let room = client.create_room(&target.token, &new).await?;
        let mut sockets = Vec::new();
        for _ in 0..=SENDERS {
            let joined = client.join_room(&room.room_id, &room.password, "probe").await?;
            let url = client.signaling_url(&room.room_id, &joined.ws_token);
            let network = target.network.clone();
            let opening = tokio::task::spawn_blocking(move || open(&network, &url));
            let ended = |error: tokio::task::JoinError| ProbeError::Entry(error.to_string());
            sockets.push(opening.await.map_err(ended)??);
        }
        let Some((receiver, to)) = sockets.pop() else {
            return Err(ProbeError::Entry("no socket was opened".into()));
        };
        let senders = sockets.into_iter().map(|(socket, _)| socket).collect();
        Ok(Self { room: room.room_id, senders, receiver, to })
    }

    /// Sends a message every [`EVERY`]. A message counts from when it was planned.
    pub(crate) fn start(self, recorder: Arc<Recorder>) -> io::Result<RunningProbe> {
        let Self { room, senders, receiver, to } = self;
        let shared = Arc::new(Shared {
            recorder,
            start: Instant::now(),
            end: Mutex::default(),
            stops: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            under_way: Mutex::default(),
            broken_at: Mutex::default(),
        });
        let of_sender = Arc::clone(&shared);
        let sending = thread::Builder::new()
            .name("probe".into())
            .spawn(move || send_all(senders, to, &of_sender))?;
        let of_receiver = Arc::clone(&shared);
        let receiving = thread::Builder::new()
            .name("probe".into())
            .spawn(move || receive_all(receiver, &of_receiver))?;
        Ok(RunningProbe { room, shared, sending, receiving })
    }
}

impl RunningProbe {
    /// Ends the probe of a run that ends at `end`. Messages that have not arrived `grace` later are
    /// lost.
    pub(crate) fn finish(self, end: Instant, grace: Duration) -> Relayed {
        let Self { shared, sending, receiving, .. } = self;
        let deadline = Instant::now() + grace;
        let is_broken = || lock(&shared.broken_at).is_some();
        let in_time = end.saturating_duration_since(shared.start).as_micros() / EVERY.as_micros();
        let in_time = u64::try_from(in_time).unwrap_or(u64::MAX);
        let is_done =
            || shared.sent.load(Ordering::Relaxed) >= in_time && lock(&shared.under_way).is_empty();
        while !is_done() && !is_broken() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        shared.stops.store(true, Ordering::Relaxed);
        // A thread that has panicked has broken the probe.
        let panicked = sending.join().is_err() | receiving.join().is_err();
        let now = Instant::now();
        let broken_at = lock(&shared.broken_at).or(panicked.then_some(now)).filter(|at| *at < end);
        let sent = shared.sent.load(Ordering::Relaxed);
        let planned = in_time.max(sent);
        for number in sent..planned {
            shared.recorder.unanswered(Kind::Relay, shared.due(number), Fate::Unsent, now);
        }
        let under_way = std::mem::take(&mut *lock(&shared.under_way));
        for (intended, _) in under_way.values() {
            shared.recorder.unanswered(Kind::Relay, *intended, Fate::Lost, now);
        }
        let lost = under_way.len() as u64 + (planned - sent);
        Relayed { planned, sent, lost, broken_at }
    }

    /// Plans no messages for later than this.
    pub(crate) fn end(&self, end: Instant) {
        *lock(&self.shared.end) = Some(end);
    }
}

impl Shared {
    fn due(&self, number: u64) -> Instant {
        self.start + EVERY * u32::try_from(number + 1).unwrap_or(u32::MAX)
    }

    /// Whether a message that is due then is not planned any more.
    fn ends_before(&self, due: Instant) -> bool {
        lock(&self.end).is_some_and(|end| due > end)
    }

    fn breaks(&self) {
        lock(&self.broken_at).get_or_insert_with(Instant::now);
    }
}

fn open(network: &Network, url: &str) -> Result<(BlockingSocket, ParticipantId), ProbeError> {
    let url = Url::parse(url).map_err(|_| SocketError::Address)?;
    let mut socket = network.open_blocking(&url, PATIENCE)?;
    let deadline = Instant::now() + ENTRY_PATIENCE;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => match decode_server(&text.into()) {
                Ok(ServerMessage::Joined { participant_id, .. }) => {
                    return Ok((socket, participant_id));
                }
                Ok(ServerMessage::Error { message, .. }) => return Err(ProbeError::Entry(message)),
                other => return Err(ProbeError::Entry(format!("it says {other:?}"))),
            },
            Ok(_) => {}
            Err(error) if is_late(&error) && Instant::now() < deadline => {}
            Err(error) => return Err(ProbeError::Entry(error.to_string())),
        }
    }
}

fn send_all(mut sockets: Vec<BlockingSocket>, to: ParticipantId, shared: &Shared) {
    for number in 0.. {
        let due = shared.due(number);
        while !shared.ends_before(due) && !wait_until(due) {}
        let stops = shared.stops.load(Ordering::Relaxed);
        if shared.ends_before(due) || stops {
            break;
        }
        let message = candidate(to, number);
        lock(&shared.under_way).insert(number, (due, Instant::now()));
        let turn = usize::try_from(number).unwrap_or(0) % sockets.len();
        match sockets[turn].send(message) {
            Ok(()) => {}
            // Bytes that do not fit into the system's buffers wait in the socket's own.
            Err(error) if is_late(&error) => {}
            Err(_) => {
                lock(&shared.under_way).remove(&number);
                shared.breaks();
                break;
            }
        }
        shared.sent.store(number + 1, Ordering::Relaxed);
    }
    while !shared.stops.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(5));
    }
    for socket in &mut sockets {
        // If this fails, the server sees the socket end.
        let _ = socket.close(None);
    }
}

fn receive_all(mut socket: BlockingSocket, shared: &Shared) {
    while !shared.stops.load(Ordering::Relaxed) {
        let text = match socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(error) if is_late(&error) => continue,
            Err(_) => return shared.breaks(),
        };
        let now = Instant::now();
        let Ok(ServerMessage::Signal { signal, .. }) = decode_server(&text.into()) else {
            continue;
        };
        let number = number_of(signal.payload.as_bytes());
        let Some((intended, started)) =
            number.and_then(|number| lock(&shared.under_way).remove(&number))
        else {
            continue;
        };
        shared.recorder.answered(Kind::Relay, Step { intended, started, ended: now });
    }
    let _ = socket.close(None);
}

/// Waits until exactly that time; or less, until [`PATIENCE`] is over, and returns `false`.
fn wait_until(due: Instant) -> bool {
    let left = due.saturating_duration_since(Instant::now());
    if left > PATIENCE {
        thread::sleep(PATIENCE);
        return false;
    }
    // The system wakes a thread too late, because of timer slack and sleeping processors.
    thread::sleep(left.saturating_sub(WAKING));
    while Instant::now() < due {
        hint::spin_loop();
    }
    true
}

fn is_late(error: &tungstenite::Error) -> bool {
    let tungstenite::Error::Io(error) = error else { return false };
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// As long as a candidate.
fn candidate(to: ParticipantId, number: u64) -> Message {
    let candidate = serde_json::json!({"candidate": numbered(number, CANDIDATE_BYTES)});
    let payload = Payload::new(&candidate).expect("texts have a JSON form");
    let signal = Signal { kind: SignalKind::Candidate, payload, negotiation: None, tracks: None };
    let frame = encode_client(&ClientMessage::Signal { to, signal }, None);
    Message::Text(Utf8Bytes::try_from(frame).expect("JSON is UTF-8"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As many as a room holds by default beside the receiver and its creator.
const SENDERS: usize = 8;
/// Below the rate that a server allows a connection.
const EVERY: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_millis(100);
const ENTRY_PATIENCE: Duration = Duration::from_secs(10);
const WAKING: Duration = Duration::from_micros(200);
const CANDIDATE_BYTES: usize = 240;
