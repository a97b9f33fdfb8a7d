//! The server under test.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use clap::Args;
use client_sdk::{Client, RequestError};
use signal_server::testing;
use thiserror::Error;

use crate::network::{Network, SocketError};

/// Which server is tested.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct TargetArgs {
    /// Address (http or https) of the server to test; the default is a server of this program's own
    #[arg(long, env = "LOADTEST_URL", requires = "token")]
    pub(crate) url: Option<String>,

    /// Access token of a user who may create rooms on that server
    #[arg(long, env = "LOADTEST_TOKEN", hide_env_values = true, requires = "url")]
    pub(crate) token: Option<String>,

    /// Certificate authorities to trust beside Mozilla's, in PEM
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) ca: Option<PathBuf>,

    /// Process of the server, on this machine, whose processor time and memory are shown
    #[arg(long, value_name = "PID", requires = "url")]
    pub(crate) server_pid: Option<u32>,
}

/// The server under test, and the ways to it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) client: Client,
    pub(crate) network: Network,
    /// The process of the server, if it is known.
    pub(crate) pid: Option<u32>,
    pub(crate) described: String,
    // A server of this program's own runs for as long as this is held.
    _server: Option<OwnServer>,
}

/// A server cannot be tested.
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
}

impl Target {
    pub(crate) fn of(args: &TargetArgs) -> Result<Self, TargetError> {
        let pem = match &args.ca {
            Some(path) => {
                fs::read(path).map_err(|error| TargetError::Ca { path: path.clone(), error })?
            }
            None => Vec::new(),
        };
        let network = Network::new(&pem).map_err(TargetError::Certificates)?;
        let (url, token, pid, described, server) = match (&args.url, &args.token) {
            (Some(url), Some(token)) => {
                (url.clone(), token.clone(), args.server_pid, url.clone(), None)
            }
            _ => {
                let server = OwnServer::start()?;
                let (url, token) = (server.url.clone(), server.token.clone());
                (url, token, Some(server.process.id()), "of its own".into(), Some(server))
            }
        };
        let mut client = Client::builder(&url);
        if !pem.is_empty() {
            client = client.trust(&pem);
        }
        let client = client.build().map_err(TargetError::Url)?;
        Ok(Self { url, token, client, network, pid, described, _server: server })
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
}

impl OwnServer {
    fn start() -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        match line.trim().split_once(' ') {
            Some((url, token)) => Ok(Self { process, url: url.into(), token: token.into() }),
            None => Err(io::Error::other("it ended before it listened")),
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server of [`OwnServer`]: prints its address and a token, and serves until its input ends,
/// which it does when the process that started it is gone.
pub(crate) async fn serve() -> io::Result<()> {
    let server = testing::start().await?;
    println!("{} {}", server.url(), server.access_token("load"));
    // A thread of its own: a read of the input cannot be cancelled.
    let ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    ended.await.map_err(io::Error::other)?.map(|_| ())
}

/// The subcommand that serves.
pub(crate) const COMMAND: &str = "own-server";
