//! Writes the log in a thread of its own, so that nothing waits for standard error.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// A queue of log lines. Lines that do not fit are lost, and counted. Clones share one queue.
#[derive(Clone, Debug)]
pub(super) struct LogWriter {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Notified when the queue has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    lost: u64,
    /// Whether the thread is writing what it has taken.
    is_writing: bool,
}

impl LogWriter {
    /// Starts the thread that writes to `output`, which may block.
    pub(super) fn start(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = Self { shared: Arc::clone(&shared) };
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            loop {
                let lines = shared.next_lines();
                // There is nobody to tell of an error.
                let _ = output.write_all(&lines).and_then(|()| output.flush());
            }
        })?;
        Ok(writer)
    }

    /// Waits until every line is written, for a second at most.
    pub(super) fn flush(&self) {
        let is_behind = |queue: &mut Queue| queue.is_writing || !queue.lines.is_empty();
        let queue = self.shared.lock();
        // The process ends whether or not the lines are written.
        let _ = self.shared.changed.wait_timeout_while(queue, FLUSH, is_behind);
    }

    fn push(&self, line: &[u8]) {
        let mut queue = self.shared.lock();
        if queue.bytes + line.len() > MOST_BYTES {
            queue.lost += 1;
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line.to_owned());
        drop(queue);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// Waits for lines and takes all of them, after a line with the number of lost ones.
    fn next_lines(&self) -> Vec<u8> {
        let mut queue = self.lock();
        queue.is_writing = false;
        self.changed.notify_all();
        let waited = self.changed.wait_while(queue, |queue| queue.lines.is_empty());
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        queue.is_writing = true;
        queue.bytes = 0;
        let mut lines: Vec<u8> = queue.lines.drain(..).flatten().collect();
        if queue.lost > 0 {
            let lost = std::mem::take(&mut queue.lost);
            lines.extend(format!("{lost} log lines were lost: the log was not read\n").bytes());
        }
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The subscriber writes each line with one call.
impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// How much of the log may wait.
const MOST_BYTES: usize = 1024 * 1024;
const FLUSH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that blocks before each write until the test lets it go on.
    struct Stalled {
        may_write: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.may_write.recv().map_err(io::Error::other)?;
            self.written.send(bytes.to_owned()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_do_not_fit_are_counted_and_nobody_waits_for_them() {
        let (allow, may_write) = mpsc::channel();
        let (written, read) = mpsc::channel();
        let mut log = LogWriter::start(Stalled { may_write, written }).unwrap();
        let line = [b'x'; 1024];
        for _ in 0..3 * MOST_BYTES / line.len() {
            log.write_all(&line).unwrap();
        }
        let mut lines = Vec::new();
        while !lines.ends_with(b"the log was not read\n") {
            allow.send(()).unwrap();
            lines.extend(read.recv().unwrap());
        }
        assert!(lines.len() < 3 * MOST_BYTES, "{}", lines.len());
    }
}
