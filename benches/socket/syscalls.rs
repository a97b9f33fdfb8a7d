//! How many system calls a server makes, as strace counts them; it slows the server down, so nothing else is measured then.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A trace of a server, from when it is attached until it is read.
pub(crate) struct Trace {
    strace: Child,
    /// Kept open, as strace would end at a word that nobody can read; what it says while it counts fits into the pipe.
    _said: BufReader<ChildStderr>,
    counts: PathBuf,
}

impl Trace {
    /// `None` where there is no strace, or it may not attach to processes.
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
            // It makes the file before it attaches.
            let _ = fs::remove_file(counts);
            return None;
        }
        Some(Self { strace, _said: said, counts })
    }

    /// Ends the trace; returns the calls of all kinds together.
    pub(crate) fn calls(mut self) -> Option<u64> {
        // The shell has a `kill` that asks politely: strace writes its counts at that.
        let id = self.strace.id().to_string();
        Command::new("sh").args(["-c", "kill -INT $0", &id]).status().ok()?;
        self.strace.wait().ok()?;
        let counts = fs::read_to_string(&self.counts).ok()?;
        fs::remove_file(&self.counts).ok()?;
        let total = counts.lines().find(|line| line.trim_end().ends_with("total"))?;
        total.split_whitespace().next()?.parse().ok()
    }
}
