//! Counts what a process logs.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tracing_subscriber::filter::LevelFilter;

/// The warnings and errors that this process logs, also those of webrtc-rs.
pub struct Warnings {
    lines: Lines,
    since: Instant,
}

#[derive(Clone, Default)]
struct Lines(Arc<AtomicUsize>);

impl Warnings {
    /// Counts from now on. A process can do so once.
    pub fn count() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::WARN)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        Self { lines, since: Instant::now() }
    }

    /// How many there were since the last call, and how long ago that was.
    pub fn take(&mut self) -> (usize, Duration) {
        let since = std::mem::replace(&mut self.since, Instant::now());
        (self.lines.0.swap(0, Ordering::Relaxed), since.elapsed())
    }
}

impl Write for Lines {
    /// Takes one or more whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(lines.iter().filter(|byte| **byte == b'\n').count(), Ordering::Relaxed);
        io::stderr().write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
