//! The servers that are compared. Each is a process of its own.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::usage::Usage;

/// A kind of server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A bare relay, which passes length-prefixed frames on over TCP: the lower bound.
    Bare,
    /// A simple relay on axum.
    Axum,
    /// The library of signal-server.
    Server,
    /// The same with its own limits of what a participant may send.
    Limited,
}

impl Kind {
    /// Those that are compared.
    pub(crate) const ALL: [Self; 3] = [Self::Bare, Self::Axum, Self::Server];

    /// The name on the command line and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Axum => "axum",
            Self::Server => "signal-server",
            Self::Limited => "signal-server-limited",
        }
    }
}

/// A server process, which runs until this is dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: String,
    /// The token that creates rooms, if the server needs one.
    pub(crate) access_token: String,
    child: Child,
    // Kept open, since the program must not find its output closed.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(kind: Kind) -> Self {
        let mut command = Command::new(env::current_exe().expect("the path of this program"));
        command.arg(kind.name()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut line = || {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).expect("what it prints is text");
            assert_ne!(read, 0, "{} ended before it had said where it listens", kind.name());
            line.trim().to_owned()
        };
        let address = line();
        let access_token = match kind {
            Kind::Bare | Kind::Axum => String::new(),
            Kind::Server | Kind::Limited => line(),
        };
        Self { kind, address, access_token, child, _stdout: stdout }
    }

    /// Returns what it has used since it was started.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
