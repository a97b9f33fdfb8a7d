//! Draining: the server stops admitting participants, then disconnects all of them in waves.

use std::time::Duration;

use signal_core::hub::Input;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::shard::Shards;

/// Whether the server is draining, and which sockets are still open.
#[derive(Debug)]
pub(crate) struct Drain {
    is_on: watch::Sender<bool>,
}

/// A guard that the task of a socket holds while the socket is open.
pub(crate) struct OpenSocket(
    #[expect(dead_code, reason = "held for its effect when dropped")] watch::Receiver<bool>,
);

impl Drain {
    pub(crate) fn new() -> Self {
        Self { is_on: watch::Sender::new(false) }
    }

    /// Whether the server is draining and admits nobody.
    pub(crate) fn is_on(&self) -> bool {
        *self.is_on.borrow()
    }

    /// Counts a socket as open.
    pub(crate) fn socket(&self) -> OpenSocket {
        OpenSocket(self.is_on.subscribe())
    }

    /// Stops admitting participants, disconnects all of them, and waits until the sockets are
    /// closed, 14 s at most.
    ///
    /// Participants are told to reconnect after the last wave, each at a random moment.
    pub(crate) async fn run(&self, shards: &Shards) {
        self.is_on.send_replace(true);
        let open = shards.connections().len();
        let wave = open.div_ceil(MOST_WAVES).max(SMALLEST_WAVE);
        let mut waves_left = open.div_ceil(wave);
        tracing::info!(connections = open, waves = waves_left, "draining");
        let spread = Duration::from_secs(1) + WAVE_PAUSE * waves_left as u32;
        for _ in 0..MOST_WAVES {
            let mut connections = shards.connections();
            // Participants admitted just before draining began may exceed the planned waves.
            connections.truncate(wave);
            if connections.is_empty() {
                break;
            }
            waves_left = waves_left.saturating_sub(1);
            let through = WAVE_PAUSE * waves_left as u32 + RESTART;
            for (shard, conn) in connections {
                let reconnect_after = through + spread.mul_f64(rand::random());
                shard.input(Input::Draining { conn, reconnect_after });
            }
            sleep(WAVE_PAUSE).await;
        }
        // The sockets of clients that do not answer the close frame are dropped.
        let _ = timeout(CLOSING, self.is_on.closed()).await;
    }
}

/// The minimum number of sockets in a wave.
const SMALLEST_WAVE: usize = 100;
const MOST_WAVES: usize = 100;
const WAVE_PAUSE: Duration = Duration::from_millis(100);
/// How long the next process takes to start.
const RESTART: Duration = Duration::from_millis(500);
/// Twice the time that a connection has for its last frames: once for the queue and once for the
/// close.
const CLOSING: Duration = Duration::from_secs(4);
