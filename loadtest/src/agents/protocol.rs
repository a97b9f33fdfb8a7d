//! What a coordinator and its agents say to each other: JSON objects, one a line.

use std::io;
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::health::Bounds;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::target::RemoteServer;

/// What a coordinator asks.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Clock,
    Run(Box<Order>),
    /// End the run in order.
    Stop,
}

/// What an agent answers.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Clock { unix_us: u64, version: String },
    Report(Box<Report>),
    Failed { reason: String, is_too_large: bool },
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

/// What one side sends in a line.
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

/// The other side is not understood any more.
#[derive(Debug, Error)]
pub(super) enum LinkError {
    #[error("it has closed the connection")]
    Closed,
    #[error("it says what this version does not understand: {0}")]
    Foreign(#[from] serde_json::Error),
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

/// Receives a message. If this is cancelled, the rest of the message cannot be understood.
pub(super) async fn receive<T: Message>(
    reader: &mut (impl AsyncBufRead + Unpin),
) -> Result<T, LinkError> {
    let mut line = Vec::new();
    reader.take(T::MOST_BYTES).read_until(b'\n', &mut line).await?;
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
