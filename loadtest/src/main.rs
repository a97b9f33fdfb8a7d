//! Load tester: fills rooms with real participants that send media, and measures.
//!
//! `args` reads the command line, `run` carries it out, `report` shows the results.
#![forbid(unsafe_code)]

mod args;
mod latency;
mod loss;
mod participant;
mod progress;
mod relay;
mod report;
mod run;
mod totals;

use std::env::{self, VarError};
use std::fs;
use std::io::stderr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::Args;
use crate::report::Report;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = log_to_stderr() {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    let report = match run::run(&args).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = show(&report, args.json.as_deref()) {
        eprintln!("error: cannot write the results: {error}");
        return ExitCode::FAILURE;
    }
    if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Logs what `LOADTEST_LOG` asks for. Without it, nothing: a library that logs each packet would
/// distort the measurement.
fn log_to_stderr() -> Result<(), String> {
    let filter = match env::var("LOADTEST_LOG") {
        Ok(text) => text.parse().map_err(|error| {
            format!("LOADTEST_LOG is `{text}`, which is no filter such as `info` or `webrtc=debug`: {error}")
        })?,
        Err(VarError::NotPresent) => Targets::new(),
        Err(error @ VarError::NotUnicode(_)) => return Err(format!("LOADTEST_LOG: {error}")),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(())
}

fn show(report: &Report, json: Option<&Path>) -> std::io::Result<()> {
    match json {
        Some(path) if path == Path::new("-") => println!("{}", report.to_json()),
        Some(path) => {
            println!("{report}");
            fs::write(path, report.to_json() + "\n")?;
        }
        None => println!("{report}"),
    }
    Ok(())
}
