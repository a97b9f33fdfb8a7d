//! The messages between a coordinator and its agents: JSON objects, one per line.

use std::io;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::machine::health::Bounds;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::target::RemoteServer;

/// A request of a coordinator.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Clock,
    Run(Box<Order>),
    /// End the run in order.
    Stop,
    /// The coordinator is still there.
    Alive,
}

/// An answer of an agent.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Clock {
        unix_us: u64,
        version: String,
    },
    Report(Box<Report>),
    Failed {
        reason: String,
        is_too_large: bool,
    },
    /// The run goes on.
    Alive,
}

/// A part of a run.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Order {
    pub(super) scenario: Scenario,
    pub(super) server: RemoteServer,
    /// As `--slo` takes them.
    pub(super) objectives: Option<String>,
    pub(super) bounds: Bounds,
    /// When to start, by the agent's clock.
    pub(super) start_unix_us: u64,
}

/// A message in one line.
pub(super) trait Message: DeserializeOwned {
    /// A longer line is cut, and so is not understood.
    const MOST_BYTES: u64;
}

impl Message for Request {
    const MOST_BYTES: u64 = 1 << 20;
}

/// A report of a day is shorter.
impl Message for Answer {
    const MOST_BYTES: u64 = 1 << 30;
}

/// Why the connection to the other side has failed.
#[derive(Debug, Error)]
pub(super) enum LinkError {
    #[error("it has closed the connection")]
    Closed,
    #[error("it sent a message that this version does not understand: {0}")]
    Foreign(#[from] serde_json::Error),
    #[error("it no longer responds")]
    Silent,
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(super) async fn send(
    writer: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> Result<(), LinkError> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(writer.write_all(&line).await?)
}

/// Receives a message. Each part of it has to arrive within that time after the previous one. Not
/// safe to cancel: the rest of a message cannot be understood.
pub(super) async fn receive<T: Message>(
    reader: &mut (impl AsyncBufRead + Unpin),
    patience: Duration,
) -> Result<T, LinkError> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') && (line.len() as u64) < T::MOST_BYTES {
        let part = timeout(patience, reader.fill_buf()).await.map_err(|_| LinkError::Silent)??;
        if part.is_empty() {
            break;
        }
        let length = part.iter().position(|byte| *byte == b'\n').map_or(part.len(), |end| end + 1);
        line.extend_from_slice(&part[..length]);
        reader.consume(length);
    }
    if line.is_empty() {
        return Err(LinkError::Closed);
    }
    Ok(serde_json::from_slice(&line)?)
}

/// The clock of this machine.
pub(super) fn unix_us() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// How often each side sends a heartbeat during a run.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);
/// A side that sends nothing for this long counts as gone.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use tokio::io::{BufReader, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_is_not_waited_for_and_a_slow_message_is() {
        let (mut near, far) = duplex(1024);
        let mut far = BufReader::new(far);
        let patience = Duration::from_millis(500);
        let silent = receive::<Request>(&mut far, Duration::from_millis(10)).await;
        assert!(matches!(silent, Err(LinkError::Silent)), "{silent:?}");
        tokio::spawn(async move {
            for byte in b"\"stop\"\n\"alive\"\n" {
                tokio::time::sleep(patience / 6).await;
                near.write_all(&[*byte]).await.unwrap();
            }
        });
        assert!(matches!(receive(&mut far, patience).await, Ok(Request::Stop)));
        assert!(matches!(receive(&mut far, patience).await, Ok(Request::Alive)));
        assert!(matches!(receive::<Request>(&mut far, patience).await, Err(LinkError::Closed)));
    }
}
