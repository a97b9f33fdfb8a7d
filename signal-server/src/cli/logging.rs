//! Sets up logging.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, stderr};
use std::panic;
use std::sync::OnceLock;

use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::args::{Cli, LogFormat};
use super::log_writer::LogWriter;

/// The log of this process, once it is set up.
static LOG: OnceLock<LogWriter> = OnceLock::new();

/// Starts logging to standard error. Panics are logged as well: written to standard error directly,
/// they would block until somebody reads it.
///
/// # Errors
///
/// The thread that writes the log cannot be started.
pub(super) fn to_stderr(cli: &Cli) -> io::Result<()> {
    let writer = LogWriter::start(stderr())?;
    let writer = LOG.get_or_init(|| writer).clone();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match cli.log_format {
        LogFormat::Human => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // Below INFO, libraries log what they transport, including tokens and passwords.
    let harmless =
        filter_fn(|about| about.target().starts_with("signal_") || *about.level() <= Level::INFO);
    tracing_subscriber::registry()
        .with(EnvFilter::new(&cli.log))
        .with(lines.with_filter(harmless))
        .init();
    panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let backtrace = Some(backtrace).filter(|it| it.status() == BacktraceStatus::Captured);
        let backtrace = backtrace.map(tracing::field::display);
        tracing::error!(%panic, backtrace, "a panic, which is a bug");
    }));
    Ok(())
}

/// Waits until the log is written, for a second at most.
pub(super) fn flush() {
    if let Some(log) = LOG.get() {
        log.flush();
    }
}
