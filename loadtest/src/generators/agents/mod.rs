//! Generators on other machines, each of which carries out its part of a run at the same time.

mod clock;
mod protocol;
mod serve;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use thiserror::Error;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{interval, timeout};

use self::clock::ClockOffset;
use self::protocol::{
    Answer, HEARTBEAT, LinkError, Order, Request, SILENCE, receive, send, unix_us,
};
pub(crate) use self::serve::serve;
use crate::interrupt::Interrupt;
use crate::machine::watcher::Watcher;
use crate::measure::live_counts::LiveCounts;
use crate::report::{MergeError, Report, RunSettings};
use crate::run::Criteria;
use crate::scenario::Scenario;
use crate::target::{RemoteServer, Target, TargetError};

/// Agents that are connected.
pub(crate) struct Agents(Vec<Agent>);

struct Agent {
    address: String,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    clock: ClockOffset,
}

/// Why agents cannot carry out a run.
#[derive(Debug, Error)]
pub(crate) enum AgentsError {
    #[error("agent {address}: {error}")]
    Link { address: String, error: String },
    #[error("agent {address}: {reason}")]
    Failed { address: String, reason: String, is_too_large: bool },
    #[error("agent {address} has the version {version}, which is not this one")]
    Version { address: String, version: String },
    #[error("a replayed file cannot be divided among agents")]
    Replay,
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Agents {
    pub(crate) async fn connect(addresses: &[String]) -> Result<Self, AgentsError> {
        try_join_all(addresses.iter().map(|address| Agent::connect(address))).await.map(Self)
    }

    /// Divides a scenario among the agents, and merges their reports.
    pub(crate) async fn measure(
        self,
        scenario: &Scenario,
        server: &RemoteServer,
        criteria: &Criteria,
        interrupt: &Interrupt,
    ) -> Result<Report, AgentsError> {
        // The agents do not need the metrics of the server.
        let sources = Target::remote(server)?.sources;
        let server = RemoteServer { metrics: None, ..server.clone() };
        // If there are fewer rooms than agents, the last agents have nothing to do.
        let agents = self.0.len().min(scenario.rooms as usize);
        let shares = scenario.shares(agents).ok_or(AgentsError::Replay)?;
        let start = unix_us() + LEAD.as_micros() as u64;
        let objectives = &criteria.objectives;
        let objectives = (!objectives.0.is_empty()).then(|| objectives.to_string());
        let (stopper, stop) = Interrupt::pair();
        let parts = self.0.into_iter().zip(shares).map(|(agent, share)| {
            let order = Order {
                scenario: share,
                server: server.clone(),
                objectives: objectives.clone(),
                bounds: criteria.bounds,
                start_unix_us: agent.clock.there(start),
            };
            async {
                let part = agent.carry_out(order, &stop).await;
                // Without one part the others are of no use.
                if part.as_ref().map_or(true, |part| part.interrupted) {
                    stopper.interrupt();
                }
                part
            }
        });
        let watcher = Watcher::start(Arc::new(LiveCounts::new(0)), sources)?;
        let mut parts = pin!(join_all(parts));
        let parts = tokio::select! {
            parts = &mut parts => parts,
            () = interrupt.wait() => {
                stopper.interrupt();
                parts.await
            }
        };
        let watched = watcher.finish();
        let mut report = Report::add_up(parts.into_iter().collect::<Result<_, _>>()?)?;
        report.add_server(&watched);
        report.settings = RunSettings::new(scenario, &server.url);
        Ok(report)
    }
}

impl Agent {
    async fn connect(address: &str) -> Result<Self, AgentsError> {
        let link = |error: LinkError| AgentsError::Link {
            address: address.to_owned(),
            error: error.to_string(),
        };
        let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
        let late = |_| LinkError::Io(std::io::ErrorKind::TimedOut.into());
        let stream = connected.map_err(late).and_then(|stream| Ok(stream?)).map_err(link)?;
        stream.set_nodelay(true).map_err(|error| link(error.into()))?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let measured = timeout(PATIENCE, ClockOffset::measure(&mut reader, &mut writer)).await;
        let (clock, version) = measured.map_err(late).and_then(|clock| clock).map_err(link)?;
        let address = address.to_owned();
        if version != env!("CARGO_PKG_VERSION") {
            return Err(AgentsError::Version { address, version });
        }
        let (ahead, error) = (clock.ahead_us as f64 / 1000.0, clock.error_us as f64 / 1000.0);
        eprintln!("agent {address}: its clock is {ahead:+.3} ms ahead, within {error:.3} ms");
        Ok(Self { address, reader, writer, clock })
    }

    async fn carry_out(
        mut self,
        order: Order,
        interrupt: &Interrupt,
    ) -> Result<Report, AgentsError> {
        let address = self.address;
        let link = |error: LinkError| AgentsError::Link {
            address: address.clone(),
            error: error.to_string(),
        };
        send(&mut self.writer, &Request::Run(Box::new(order))).await.map_err(link)?;
        let mut receiving = pin!(last_answer(&mut self.reader));
        let (mut heartbeat, mut is_stopped) = (interval(HEARTBEAT), false);
        let answer = loop {
            let request = tokio::select! {
                answer = &mut receiving => break answer,
                () = interrupt.wait(), if !is_stopped => Request::Stop,
                _ = heartbeat.tick() => Request::Alive,
            };
            is_stopped |= matches!(request, Request::Stop);
            send(&mut self.writer, &request).await.map_err(link)?;
        };
        match answer.map_err(link)? {
            Answer::Report(mut report) => {
                report.started_unix_ms = self.clock.here_ms(report.started_unix_ms);
                Ok(*report)
            }
            Answer::Failed { reason, is_too_large } => {
                Err(AgentsError::Failed { address, reason, is_too_large })
            }
            Answer::Alive | Answer::Clock { .. } => Err(link(LinkError::Closed)),
        }
    }
}

/// The last answer of an agent.
async fn last_answer(reader: &mut BufReader<OwnedReadHalf>) -> Result<Answer, LinkError> {
    loop {
        match receive(reader, SILENCE).await? {
            Answer::Alive => {}
            answer @ (Answer::Clock { .. } | Answer::Failed { .. } | Answer::Report(_)) => {
                return Ok(answer);
            }
        }
    }
}

impl AgentsError {
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self, Self::Failed { is_too_large: true, .. })
    }
}

/// The time in which every agent learns of its part.
const LEAD: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
