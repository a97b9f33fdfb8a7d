//! The servers that are compared, each a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, process};

use serde_json::Value;

use crate::usage::Usage;

/// What is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Length-prefixed frames over TCP, passed on as they are: the floor.
    Bare,
    /// A relay on axum as it is written in an afternoon.
    Axum,
    /// The release binary of signal-server.
    Server,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Bare, Self::Axum, Self::Server];

    /// As it is called on the command line, and in what is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Axum => "axum",
            Self::Server => "signal-server",
        }
    }
}

/// A server that runs until this is dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: String,
    /// Opens rooms, where that takes one.
    pub(crate) access_token: String,
    child: Child,
    // A program must not find its output closed.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts one and waits until it listens.
    pub(crate) fn start(kind: Kind, binary: &Path) -> Self {
        let mut command = match kind {
            Kind::Bare | Kind::Axum => {
                let mut command =
                    Command::new(env::current_exe().expect("the path of this program"));
                command.arg(kind.name());
                command
            }
            Kind::Server => {
                let mut command = Command::new(binary);
                command.args(["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--log", "error"]);
                command.args(["--admin-listen", "127.0.0.1:0"]);
                for limit in LIMITS {
                    command.args([limit, "4294967295"]);
                }
                command
            }
        };
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut line = |start: &str| {
            let mut line = String::new();
            while !line.starts_with(start) {
                line.clear();
                let read = stdout.read_line(&mut line).expect("what it prints is text");
                assert_ne!(read, 0, "{} ended before it had said where it listens", kind.name());
            }
            line.trim().to_owned()
        };
        let address = line(LISTENING)[LISTENING.len()..].to_owned();
        let access_token = if kind == Kind::Server { line("eyJ") } else { String::new() };
        Self { kind, address, access_token, child, _stdout: stdout }
    }

    /// What it has used since it was started.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has Cargo build the release binary, and says where it is.
pub(crate) fn build() -> PathBuf {
    eprintln!("building the release binary of signal-server");
    let build = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", "signal-server", "--bin", "signal-server"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("Cargo runs");
    if !build.status.success() {
        eprintln!("error: signal-server could not be built");
        process::exit(1);
    }
    let built = String::from_utf8_lossy(&build.stdout);
    let mut executable = built.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(message["executable"].as_str()?.to_owned())
    });
    executable.next_back().expect("Cargo names what it has built").into()
}

/// How a server says that it is there.
pub(crate) const LISTENING: &str = "Listening on http://";
/// Those that a single machine would meet.
const LIMITS: [&str; 9] = [
    "--burst-bytes",
    "--burst-messages",
    "--bytes-per-second",
    "--creates-per-minute",
    "--joins-per-minute",
    "--max-connections",
    "--max-connections-per-address",
    "--max-open-rooms",
    "--messages-per-second",
];
