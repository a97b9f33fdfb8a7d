//! How a server stops: it takes nobody in any more, then sends everybody away in waves.

use std::time::Duration;

use signal_core::Input;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::shard::Shards;

/// Whether the server is stopping, and who still has a socket.
#[derive(Debug)]
pub(crate) struct Drain {
    is_on: watch::Sender<bool>,
}

/// Held by the task of a socket while it is open.
pub(crate) struct OpenSocket(
    #[expect(dead_code, reason = "does its work by being dropped")] watch::Receiver<bool>,
);

impl Drain {
    pub(crate) fn new() -> Self {
        Self { is_on: watch::Sender::new(false) }
    }

    /// Whether nobody is taken in any more.
    pub(crate) fn is_on(&self) -> bool {
        *self.is_on.borrow()
    }

    /// Counts a socket as open.
    pub(crate) fn socket(&self) -> OpenSocket {
        OpenSocket(self.is_on.subscribe())
    }

    /// Stops taking anybody in, sends everybody away, and waits until the sockets are closed: 14 s at most.
    ///
    /// Everybody is told to come back when the last wave is through, and not all at the same moment.
    pub(crate) async fn run(&self, shards: &Shards) {
        self.is_on.send_replace(true);
        let open = shards.connections().len();
        let wave = open.div_ceil(MOST_WAVES).max(SMALLEST_WAVE);
        let mut waves_left = open.div_ceil(wave);
        tracing::info!(connections = open, waves = waves_left, "draining");
        let spread = Duration::from_secs(1) + WAVE_PAUSE * waves_left as u32;
        for _ in 0..MOST_WAVES {
            let mut connections = shards.connections();
            // Those that came in just before the end of admission may be left over.
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
        // A peer that does not answer its close is cut.
        let _ = timeout(CLOSING, self.is_on.closed()).await;
    }
}

/// Fewer sockets than this are not worth another wave.
const SMALLEST_WAVE: usize = 100;
const MOST_WAVES: usize = 100;
const WAVE_PAUSE: Duration = Duration::from_millis(100);
/// What the next process needs to be there.
const RESTART: Duration = Duration::from_millis(500);
/// As long as a connection gives its farewell, twice: for what is queued and for the close.
const CLOSING: Duration = Duration::from_secs(4);
