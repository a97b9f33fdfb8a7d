//! Counts what a process logs.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::filter::LevelFilter;

/// The warnings and errors that this process logs, also those of webrtc-rs.
#[derive(Clone)]
pub struct Warnings(Arc<AtomicUsize>);

impl Warnings {
    /// Counts from now on. A process can do so once.
    pub fn count() -> Self {
        let warnings = Self(Arc::default());
        let writer = warnings.clone();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::WARN)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        warnings
    }

    /// How many there were since the last call.
    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Write for Warnings {
    /// Takes one or more whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(lines.iter().filter(|byte| **byte == b'\n').count(), Ordering::Relaxed);
        io::stderr().write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
