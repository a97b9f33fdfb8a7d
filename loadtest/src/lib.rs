//! The library of the program `loadtest`: fills rooms with participants and measures how the server
//! carries them.
//!
//! `cli` reads the command line, and `scenario` plans what happens. `generators` carry it out, in
//! this process or on other machines: `run` creates rooms and adds up, and `participants` enter
//! them. `measure` has latencies, losses and counts, and `machine` what tester and server use.
//! `report` has the results, which `objectives` judge and `output` shows. The other subcommands are
//! `capacity`, `compare` and `record`.
#![forbid(unsafe_code)]

mod capacity;
mod cli;
mod compare;
mod generators;
mod interrupt;
mod machine;
mod measure;
mod network;
mod objectives;
mod output;
mod participants;
mod record;
mod report;
mod run;
mod scenario;
mod span;
mod target;

use std::env::{self, VarError};
use std::fmt::Display;
use std::fs;
use std::io::{self, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::capacity::Question;
use crate::cli::{
    CapacityArgs, Cli, Command, CompareArgs, JudgingArgs, MergeArgs, OutputArgs, RecordArgs,
    RunArgs, ScenarioArgs, ScenarioCommand,
};
use crate::compare::Comparison;
use crate::generators::agents;
use crate::interrupt::Interrupt;
use crate::machine::open_files;
use crate::objectives::measurable;
use crate::objectives::verdict::{self, Verdict};
use crate::output::language;
use crate::report::Report;
use crate::run::Criteria;
use crate::scenario::Scenario;
use crate::target::{Target, TargetArgs};

/// Does what the command line asks for, on a runtime of its own. Returns the exit status of the
/// program.
// The runtime is started here and not by the binary, so that everything that runs on it is compiled
// with the library.
#[tokio::main]
pub async fn execute() -> ExitCode {
    let Cli { command, run } = Cli::read();
    // A server of this program's own inherits the limit.
    open_files::raise_limit();
    if let Err(error) = log_to_stderr() {
        return wrong(error);
    }
    match command.unwrap_or(Command::Run(run)) {
        Command::Run(args) => carry_out(&args).await,
        Command::Agent(args) => match agents::serve(args.listen, &Interrupt::listen()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(format!("cannot listen at {}: {error}", args.listen)),
        },
        Command::Compare(args) => compare_runs(&args),
        Command::Merge(args) => merge(&args),
        Command::FindCapacity(args) => find_capacity(args).await,
        Command::Record(args) => record(&args).await,
        Command::Scenario(ScenarioCommand::Print(args)) => match scenario(&args) {
            Ok(scenario) => {
                print!("{}", scenario.to_toml());
                ExitCode::SUCCESS
            }
            Err(code) => code,
        },
        Command::OwnServer => match target::serve().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(error),
        },
    }
}

async fn carry_out(args: &RunArgs) -> ExitCode {
    language::choose(args.output.language);
    let scenario = match scenario(&args.scenario) {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    let criteria = match criteria(&args.judging, &scenario) {
        Ok(criteria) => criteria,
        Err(code) => return code,
    };
    let interrupt = Interrupt::listen();
    let measured = args.generators.measure(&scenario, &args.target, &criteria, &interrupt).await;
    let report = match measured {
        Ok(report) => report,
        Err(error) if error.is_too_large() => return wrong(error),
        Err(error) => return failed(error),
    };
    if let Err(error) = show(&report, || report.to_html(), &args.output) {
        return failed(format!("cannot write the results: {error}"));
    }
    report.verdict.exit_code()
}

async fn find_capacity(args: CapacityArgs) -> ExitCode {
    let CapacityArgs { run, first, most, hold } = args;
    language::choose(run.output.language);
    let scenario = match scenario(&run.scenario) {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    if scenario.shape.is_some() {
        return wrong("a file to replay has its own rooms, and find-capacity changes their number");
    }
    if run.scenario.settings.has_rooms() {
        return wrong(
            "--rooms has no effect on a search: --first is the number that it begins with",
        );
    }
    let criteria = match criteria(&run.judging, &scenario) {
        Ok(criteria) => criteria,
        Err(code) => return code,
    };
    let RunArgs { target, generators, output, .. } = run;
    let question = Question { scenario, target, generators, criteria, first, most, hold };
    if question.is_hold_too_long() {
        return wrong(
            "--hold is longer than a room can last: 24 hours at most, of which half an hour is \
             kept in reserve: choose a shorter one",
        );
    }
    let capacity = match capacity::find(&question, &Interrupt::listen()).await {
        Ok(capacity) => capacity,
        Err(error) if error.is_too_large() => return wrong(error),
        Err(error) => return failed(error),
    };
    if let Err(error) = show(&capacity, || capacity.to_html(), &output) {
        return failed(format!("cannot write the results: {error}"));
    }
    capacity.verdict().exit_code()
}

fn compare_runs(args: &CompareArgs) -> ExitCode {
    language::choose(args.language);
    let (before, after) = match (reports(&args.before), reports(&args.after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    match Comparison::new(&before, &after) {
        Ok(comparison) => {
            println!("{comparison}");
            if comparison.is_slower() { Verdict::Missed } else { Verdict::Held }.exit_code()
        }
        Err(error) => wrong(error),
    }
}

fn merge(args: &MergeArgs) -> ExitCode {
    language::choose(args.output.language);
    let parts = match reports(&args.parts) {
        Ok(parts) => parts,
        Err(code) => return code,
    };
    let report = match Report::merge(parts) {
        Ok(report) => report,
        Err(error) => return wrong(error),
    };
    if let Err(error) = show(&report, || report.to_html(), &args.output) {
        return failed(format!("cannot write the results: {error}"));
    }
    report.verdict.exit_code()
}

async fn record(args: &RecordArgs) -> ExitCode {
    let shape = match &args.log {
        Some(log) => record::of_log(log).map_err(|error| error.to_string()),
        None => {
            let target = TargetArgs { server: args.server.clone(), ..TargetArgs::default() };
            let target = match Target::of(&target) {
                Ok(target) => target,
                Err(error) => return failed(error),
            };
            let interrupt = Interrupt::listen();
            let recorded = record::of_rooms(&target, args.every.0, args.duration.0, &interrupt);
            recorded.await.map_err(|error| error.to_string())
        }
    };
    match shape {
        Ok(shape) => {
            print!("{shape}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(error),
    }
}

fn reports(paths: &[PathBuf]) -> Result<Vec<Report>, ExitCode> {
    paths.iter().map(|path| Report::read(path)).collect::<Result<_, _>>().map_err(wrong)
}

fn criteria(args: &JudgingArgs, scenario: &Scenario) -> Result<Criteria, ExitCode> {
    let objectives = args.slo.clone().unwrap_or_default();
    measurable::check(&objectives, scenario).map_err(wrong)?;
    Ok(Criteria { objectives, bounds: args.bounds })
}

fn scenario(args: &ScenarioArgs) -> Result<Scenario, ExitCode> {
    Scenario::new(&args.settings, args.file.as_deref()).map_err(wrong)
}

/// Ends with the exit status of wrong arguments.
fn wrong(error: impl Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(verdict::USAGE)
}

fn failed(error: impl Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// Logs according to `LOADTEST_LOG`. Without it, nothing: a library that logs each packet would
/// distort the measurement.
fn log_to_stderr() -> Result<(), String> {
    let filter = match env::var("LOADTEST_LOG") {
        Ok(text) => text.parse().map_err(|error| {
            format!("LOADTEST_LOG is `{text}`, which is not a filter like `info` or `webrtc=debug`: {error}")
        })?,
        Err(VarError::NotPresent) => Targets::new(),
        Err(error @ VarError::NotUnicode(_)) => return Err(format!("LOADTEST_LOG: {error}")),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(())
}

fn show(
    results: &(impl Display + Serialize),
    to_html: impl FnOnce() -> String,
    output: &OutputArgs,
) -> io::Result<()> {
    let json = || serde_json::to_string_pretty(results).map_err(io::Error::other);
    match output.json.as_deref() {
        Some(path) if path == Path::new("-") => println!("{}", json()?),
        Some(path) => {
            println!("{results}");
            fs::write(path, json()? + "\n")?;
        }
        None => println!("{results}"),
    }
    output.html.as_ref().map_or(Ok(()), |path| fs::write(path, to_html()))
}
