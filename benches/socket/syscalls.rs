//! Counts the system calls of a server with strace, which slows the server down, so that nothing
//! else is measured at the same time.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A running trace of a server.
pub(crate) struct Trace {
    strace: Child,
    /// Kept open, since strace ends if it cannot write a message. Its messages fit into the pipe.
    _said: BufReader<ChildStderr>,
    counts: PathBuf,
}

impl Trace {
    /// Returns `None` if strace is missing or may not attach to processes.
    pub(crate) fn attach(process: u32) -> Option<Self> {
        let counts = std::env::temp_dir().join(format!("socket-bench-{process}.strace"));
        let process = process.to_string();
        let mut strace = Command::new("strace")
            .args(["-f", "-c", "-U", "calls,name", "-p", &process, "-o"])
            .arg(&counts)
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = BufReader::new(strace.stderr.take()?);
        let is_attached =
            said.by_ref().lines().map_while(Result::ok).any(|line| line.contains(" attached"));
        if !is_attached {
            let _ = strace.wait();
            // strace creates the file before it attaches.
            let _ = fs::remove_file(counts);
            return None;
        }
        Some(Self { strace, _said: said, counts })
    }

    /// Ends the trace. Returns the number of system calls of all kinds.
    pub(crate) fn calls(mut self) -> Option<u64> {
        // strace writes its counts at SIGINT, which the `kill` of the shell can send.
        let id = self.strace.id().to_string();
        Command::new("sh").args(["-c", "kill -INT $0", &id]).status().ok()?;
        self.strace.wait().ok()?;
        let counts = fs::read_to_string(&self.counts).ok()?;
        fs::remove_file(&self.counts).ok()?;
        let total = counts.lines().find(|line| line.trim_end().ends_with("total"))?;
        total.split_whitespace().next()?.parse().ok()
    }
}
