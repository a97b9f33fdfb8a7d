//! The server under test.

use std::fs;
use std::io::{self, BufRead, BufReader};
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Args;
use client_sdk::{Client, RequestError};
use serde::{Deserialize, Serialize};
use signal_server::testing;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::machine::server_metrics::{MetricsError, MetricsSource};
use crate::machine::watcher::ServerSources;
use crate::network::{Network, SocketError};

/// The server to test: this program's own without a URL.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Process id of the server on this machine, to report its processor time and memory
    #[arg(long, value_name = "PID", requires = "url")]
    pub(crate) server_pid: Option<u32>,

    /// Address of the server's Prometheus metrics, like http://127.0.0.1:8081/metrics
    #[arg(long, value_name = "URL", requires = "url")]
    pub(crate) server_metrics: Option<String>,
}

/// A server that this program has not started.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Address (http or https) of a server; a test without one starts a server of its own
    #[arg(long, env = "LOADTEST_URL", requires = "token")]
    pub(crate) url: Option<String>,

    /// Access token of a user who may create rooms on that server
    #[arg(long, env = "LOADTEST_TOKEN", hide_env_values = true, requires = "url")]
    pub(crate) token: Option<String>,

    /// PEM file with certificate authorities to trust in addition to Mozilla's
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) ca: Option<PathBuf>,
}

/// A server that this program has not started, as a coordinator describes it to agents.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RemoteServer {
    pub(crate) url: String,
    pub(crate) token: String,
    /// Certificate authorities in PEM.
    pub(crate) ca: String,
    pub(crate) metrics: Option<String>,
    pub(crate) pid: Option<u32>,
}

/// The server under test, and how to reach it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) client: Client,
    pub(crate) network: Network,
    /// Where the figures of the server come from.
    pub(crate) sources: ServerSources,
    pub(crate) described: String,
    // This program's own server runs for as long as this is held.
    _server: Option<OwnServer>,
}

/// Why a server cannot be tested.
#[derive(Debug, Error)]
pub(crate) enum TargetError {
    #[error("cannot read {}: {error}", path.display())]
    Ca { path: PathBuf, error: io::Error },
    #[error("--ca: {0}")]
    Certificates(SocketError),
    #[error("cannot start a server: {0}")]
    Server(#[from] io::Error),
    #[error("--url: {0}")]
    Url(RequestError),
    #[error("--server-metrics {url}: {error}")]
    Metrics { url: String, error: MetricsError },
}

impl TargetArgs {
    /// The server, unless it is this program's own.
    pub(crate) fn remote(&self) -> Result<Option<RemoteServer>, TargetError> {
        let Some(server) = self.server.remote()? else { return Ok(None) };
        let (metrics, pid) = (self.server_metrics.clone(), self.server_pid);
        Ok(Some(RemoteServer { metrics, pid, ..server }))
    }
}

impl ServerArgs {
    /// The server, if one is given; nothing of it is measured.
    pub(crate) fn remote(&self) -> Result<Option<RemoteServer>, TargetError> {
        let (Some(url), Some(token)) = (&self.url, &self.token) else { return Ok(None) };
        let ca = match &self.ca {
            Some(path) => fs::read_to_string(path)
                .map_err(|error| TargetError::Ca { path: path.clone(), error })?,
            None => String::new(),
        };
        let (url, token) = (url.clone(), token.clone());
        Ok(Some(RemoteServer { url, token, ca, metrics: None, pid: None }))
    }
}

impl Target {
    pub(crate) fn of(args: &TargetArgs) -> Result<Self, TargetError> {
        if let Some(server) = args.remote()? {
            return Self::remote(&server);
        }
        let server = OwnServer::start()?;
        let OwnServer { process, url, token, metrics } = &server;
        let remote = RemoteServer {
            url: url.clone(),
            token: token.clone(),
            ca: String::new(),
            metrics: Some(metrics.clone()),
            pid: Some(process.id()),
        };
        let target = Self::remote(&remote)?;
        Ok(Self { described: OWN_SERVER.into(), _server: Some(server), ..target })
    }

    pub(crate) fn remote(server: &RemoteServer) -> Result<Self, TargetError> {
        let RemoteServer { url, token, ca, metrics, pid } = server.clone();
        let network = Network::new(ca.as_bytes()).map_err(TargetError::Certificates)?;
        let metrics = metrics.map(|url| {
            let source = MetricsSource::open(&url, network.clone());
            source.map_err(|error| TargetError::Metrics { url, error })
        });
        let sources = ServerSources { pid, metrics: metrics.transpose()? };
        let mut client = Client::builder(&url);
        if !ca.is_empty() {
            client = client.trust(ca.as_bytes());
        }
        let client = client.build().map_err(TargetError::Url)?;
        let described = url.clone();
        Ok(Self { url, token, client, network, sources, described, _server: None })
    }

    pub(crate) fn is_on_this_machine(&self) -> bool {
        ["://127.", "://localhost", "://[::1]"].iter().any(|host| self.url.contains(host))
    }
}

/// A server in a process of its own, so that its use of the machine is known.
#[derive(Debug)]
struct OwnServer {
    process: Child,
    url: String,
    token: String,
    metrics: String,
}

impl OwnServer {
    fn start() -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C at a terminal reaches its whole process group, and must end this process alone.
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn()?;
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let [url, token, metrics] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(io::Error::other("it ended before it listened"));
        };
        let (url, token, metrics) = (url.to_owned(), token.to_owned(), metrics.to_owned());
        Ok(Self { process, url, token, metrics })
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server of [`OwnServer`]: prints its address, a token and the address of its metrics, and
/// serves until its input ends, which it does when the process that started it is gone.
pub(crate) async fn serve() -> io::Result<()> {
    let server = testing::start().await?;
    let operators = TcpListener::bind("127.0.0.1:0").await?;
    let metrics = format!("http://{}/metrics", operators.local_addr()?);
    // It is used until the end of the longest run.
    let token = server.server().access_token("load", Some("load"), TOKEN_LIFETIME);
    let token = token.ok_or_else(|| io::Error::other("the login of its own server has no key"))?;
    println!("{} {token} {metrics}", server.url());
    let router = server.server().admin_router();
    tokio::spawn(async move { axum::serve(operators, router).await });
    // A thread of its own: a read of the input cannot be cancelled.
    let ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    ended.await.map_err(io::Error::other)?.map(|_| ())
}

/// A day is the longest run.
const TOKEN_LIFETIME: Duration = Duration::from_secs(48 * 60 * 60);
/// The description of this program's own server.
pub(crate) const OWN_SERVER: &str = "of its own";
/// The subcommand that serves.
pub(crate) const COMMAND: &str = "own-server";
