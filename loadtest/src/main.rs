//! Load tester: fills rooms with real participants that send media, and measures.
//!
//! `args` reads the command line, `run` carries it out, `report` shows the results.
#![forbid(unsafe_code)]

mod args;
mod latency;
mod participant;
mod progress;
mod relay;
mod report;
mod run;
mod totals;

use std::fs;
use std::io::stderr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::Args;
use crate::report::Report;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // A library that logs each packet would distort the measurement.
    let filter = EnvFilter::try_from_env("LOADTEST_LOG").unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).init();
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
