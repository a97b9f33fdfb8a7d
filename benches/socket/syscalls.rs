//! How many system calls a server makes, as strace counts them; it slows the server down, so nothing else is measured then.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A trace of a server, from when it is attached until it is read.
pub(crate) struct Trace {
    strace: Child,
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
        let mut lines = BufReader::new(strace.stderr.take()?).lines().map_while(Result::ok);
        let is_attached = lines.any(|line| line.contains(" attached"));
        // What it says from here on fits into the pipe.
        if !is_attached {
            let _ = strace.wait();
            return None;
        }
        Some(Self { strace, counts })
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
