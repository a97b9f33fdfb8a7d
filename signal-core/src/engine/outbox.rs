//! What waits for one connection, and whether the connection is alive.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::EngineConfig;
use crate::close_code::CloseCode;
use crate::hub::FrameDecoder;
use crate::time::Timestamp;

/// What to do with a socket next, from [`Engine::poll_transmit`](crate::Engine::poll_transmit).
///
/// The enum is exhaustive, since a host has to handle every variant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transmit {
    /// Send one whole message.
    Frame(Bytes),
    /// Send something that makes the other side show that it is alive, such as a WebSocket ping.
    Ping,
    /// Close the socket. Nothing follows, and the connection is forgotten.
    Close(CloseCode),
}

/// The frames, pings and the close of one connection.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) decoder: FrameDecoder,
    frames: VecDeque<Bytes>,
    owes_ping: bool,
    close: Option<CloseCode>,
    /// Whether the host has still to be told that something waits.
    is_ready: bool,
    heard_at: Timestamp,
    ping_at: Timestamp,
}

/// What a connection needs when its deadline has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Health {
    Alive,
    /// It has to show that it is alive.
    Quiet,
    /// It has been silent for too long.
    Idle,
    /// It was closed, and the host has not noticed.
    Closed,
}

impl Outbox {
    pub(super) fn new(decoder: FrameDecoder, config: &EngineConfig, now: Timestamp) -> Self {
        Self {
            decoder,
            frames: VecDeque::new(),
            owes_ping: false,
            close: None,
            is_ready: false,
            heard_at: now,
            ping_at: next_ping(config, now),
        }
    }

    /// Adds a frame; `true` if the host has to be told that something waits.
    pub(super) fn push(&mut self, frame: Bytes) -> bool {
        self.frames.push_back(frame);
        self.becomes_ready()
    }

    /// Adds a ping; `true` if the host has to be told that something waits.
    pub(super) fn ping(&mut self, config: &EngineConfig, now: Timestamp) -> bool {
        self.owes_ping = true;
        self.ping_at = next_ping(config, now);
        self.becomes_ready()
    }

    /// Closes the connection when what waits has been taken; `true` if the host has to be told.
    ///
    /// The frames of a connection that does not read fast enough are dropped.
    pub(super) fn close(&mut self, code: CloseCode) -> bool {
        if code == CloseCode::SlowConsumer {
            self.frames = VecDeque::new();
        }
        self.close = Some(code);
        self.becomes_ready()
    }

    pub(super) fn take(&mut self) -> Option<Transmit> {
        if std::mem::take(&mut self.owes_ping) && self.close.is_none() {
            return Some(Transmit::Ping);
        }
        self.frames.pop_front().map(Transmit::Frame).or(self.close.map(Transmit::Close))
    }

    /// The host is told now that something waits.
    pub(super) fn told_ready(&mut self) {
        self.is_ready = false;
    }

    /// Notes that bytes have arrived.
    pub(super) fn heard(&mut self, now: Timestamp) {
        self.heard_at = now;
    }

    pub(super) fn health(&self, config: &EngineConfig, now: Timestamp) -> Health {
        match self.close {
            Some(_) => Health::Closed,
            None if self.heard_at + config.idle_timeout <= now => Health::Idle,
            None if self.ping_at <= now => Health::Quiet,
            None => Health::Alive,
        }
    }

    /// When to look at its health.
    pub(super) fn deadline(&self, config: &EngineConfig) -> Timestamp {
        self.ping_at.min(self.heard_at + config.idle_timeout)
    }

    /// Drops the frames of a connection that was closed, when the host does not take them.
    pub(super) fn drop_frames(&mut self) {
        self.frames = VecDeque::new();
    }

    fn becomes_ready(&mut self) -> bool {
        !std::mem::replace(&mut self.is_ready, true)
    }
}

/// When the next ping is due. It is never due at once, so that some time passes between two pings.
fn next_ping(config: &EngineConfig, now: Timestamp) -> Timestamp {
    now + config.ping_every.max(Duration::from_millis(1))
}
