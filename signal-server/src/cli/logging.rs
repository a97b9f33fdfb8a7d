//! Sets up logging.

use std::io::{IsTerminal, stderr};

use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::args::{Cli, LogFormat};

/// Starts logging to standard error.
pub(super) fn to_stderr(cli: &Cli) {
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
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
}
