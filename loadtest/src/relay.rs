//! Measures how long a message takes from one signaling socket to another while everything else
//! goes on.

use std::time::{Duration, Instant};

use client_sdk::{Client, NewRoom, RequestError};
use futures_util::{SinkExt, StreamExt};
use signal_core::wire::{decode_server, encode_client};
use signal_core::{ClientMessage, ParticipantId, Payload, ServerMessage, Signal, SignalKind};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::latency::Latencies;
use crate::participant::stopped;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Two sockets in a room of their own.
pub(crate) struct RelayProbe {
    sender: Socket,
    receiver: Socket,
    to: ParticipantId,
}

/// What the probe measured.
#[derive(Debug)]
pub(crate) struct Relayed {
    pub(crate) latencies: Latencies,
    /// How many were to be sent before the run ended.
    pub(crate) planned: u64,
    pub(crate) sent: u64,
    /// Those that were planned and never arrived, whether they were sent or not.
    pub(crate) lost: u64,
    /// When the probe lost a socket, if that was before the run ended.
    pub(crate) broken_at: Option<Instant>,
}

/// Why the probe could not be set up.
#[derive(Debug, Error)]
pub(crate) enum ProbeError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("cannot open a signaling socket: {0}")]
    Socket(String),
}

impl RelayProbe {
    pub(crate) async fn open(client: &Client, access_token: &str) -> Result<Self, ProbeError> {
        let room = client.create_room(access_token, &NewRoom::default()).await?;
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let joined = client.join_room(&room.room_id, &room.password, "probe").await?;
            let url = client.signaling_url(&room.room_id, &joined.ws_token);
            sockets.push(connect(&url).await?);
        }
        let (Some((sender, _)), Some((receiver, to))) = (sockets.pop(), sockets.pop()) else {
            return Err(ProbeError::Socket("two were opened and two are missing".into()));
        };
        Ok(Self { sender, receiver, to })
    }

    /// Sends messages at a fixed rate until `stop` is set. A message counts from when it was
    /// planned.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) -> Relayed {
        let Self { mut sender, receiver, to } = self;
        let start = Instant::now();
        let receiving = tokio::spawn(receive(receiver, start));
        let mut ticks = interval_at((start + EVERY).into(), EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut sent = 0;
        let broken_at = loop {
            tokio::select! {
                intended = ticks.tick() => {
                    let micros = intended.into_std().duration_since(start).as_micros();
                    if sender.send(candidate(to, micros)).await.is_err() {
                        break Some(Instant::now());
                    }
                    sent += 1;
                }
                // Reading answers the pings, without which the server closes the socket.
                message = sender.next() => if !matches!(message, Some(Ok(_))) {
                    break Some(Instant::now());
                },
                () = stopped(&mut stop) => break None,
            }
        };
        let mut planned = sent;
        if broken_at.is_some() {
            // The plan goes on without the socket: what it can no longer send is lost.
            stopped(&mut stop).await;
            let until_now = start.elapsed().as_micros() / EVERY.as_micros();
            planned = planned.max(u64::try_from(until_now).unwrap_or(u64::MAX));
        }
        let farewell = timeout(PATIENCE, async {
            // The receiver stops when the sender leaves.
            let leave =
                Utf8Bytes::try_from(encode_client(&ClientMessage::Leave, None)).unwrap_or_default();
            sender.send(Message::Text(leave)).await
        });
        let _ = farewell.await;
        let latencies = receiving.await.unwrap_or_else(|_| Latencies::new());
        let lost = planned.saturating_sub(latencies.count());
        Relayed { latencies, planned, sent, lost, broken_at }
    }
}

async fn connect(url: &str) -> Result<(Socket, ParticipantId), ProbeError> {
    let (mut socket, _) =
        connect_async(url).await.map_err(|error| ProbeError::Socket(error.to_string()))?;
    match timeout(PATIENCE, socket.next()).await {
        Ok(Some(Ok(Message::Text(text)))) => match decode_server(&text.into()) {
            Ok(ServerMessage::Joined { participant_id, .. }) => Ok((socket, participant_id)),
            Ok(ServerMessage::Error { message, .. }) => Err(ProbeError::Socket(message)),
            other => Err(ProbeError::Socket(format!("expected `joined`, got {other:?}"))),
        },
        Ok(Some(Err(error))) => Err(ProbeError::Socket(error.to_string())),
        Ok(Some(Ok(_)) | None) => Err(ProbeError::Socket("it was closed".into())),
        Err(_) => Err(ProbeError::Socket("no answer".into())),
    }
}

async fn receive(mut socket: Socket, start: Instant) -> Latencies {
    let mut latencies = Latencies::new();
    while let Ok(Some(Ok(message))) = timeout(PATIENCE, socket.next()).await {
        let Message::Text(text) = message else { continue };
        match decode_server(&text.into()) {
            Ok(ServerMessage::Signal { signal, .. }) => {
                if let Ok(micros) = serde_json::from_slice::<Stamp>(signal.payload.as_bytes()) {
                    let (intended, now) =
                        (start + Duration::from_micros(micros.at), Instant::now());
                    latencies.record(now.saturating_duration_since(intended), now);
                }
            }
            Ok(ServerMessage::PeerLeft { .. }) => break,
            _ => {}
        }
    }
    latencies
}

/// As long as a candidate, and contains the time.
#[derive(serde::Deserialize, serde::Serialize)]
struct Stamp {
    at: u64,
    candidate: String,
}

fn candidate(to: ParticipantId, micros: u128) -> Message {
    let candidate = "candidate:1 1 udp 2113937151 127.0.0.1 50000 typ host generation 0".repeat(3);
    let stamp = Stamp { at: u64::try_from(micros).unwrap_or(u64::MAX), candidate };
    let payload = Payload::new(&stamp).expect("numbers and strings have a JSON form");
    let signal = Signal { kind: SignalKind::Candidate, payload, negotiation: None, tracks: None };
    let frame = encode_client(&ClientMessage::Signal { to, signal }, None);
    Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default())
}

/// Below the rate that a server allows a connection.
const EVERY: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_secs(10);
