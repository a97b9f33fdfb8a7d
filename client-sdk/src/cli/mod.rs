//! The program `room-bot`: a participant for the shell.

mod args;
mod create;
mod doctor;
mod echo;
mod failure;
mod files;
mod film;
mod join;
mod others;
mod output;
mod reporter;
mod room;
mod secret;
mod stop;
mod target;

use std::env::{self, VarError};
use std::io::stderr;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::args::{Cli, Command};
use self::failure::Failure;
use self::output::Output;

/// Runs the program with the arguments of the process, on a runtime of its own, and returns its
/// exit code.
///
/// Only the binary of this package calls it; it is not public API, and hidden from the
/// documentation.
// The runtime is started here and not by the binary, so that what runs on it is compiled with the
// library, and not once more.
#[tokio::main]
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.json };
    let done = match log_to_stderr(&cli.command) {
        Ok(()) => run_command(cli.command, output).await,
        Err(failure) => Err(failure),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}

async fn run_command(command: Command, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Create(args) => create::create(args, output).await?,
        Command::Doctor(args) => return doctor::doctor(args, output).await,
        Command::Join(args) => join::join(*args, output).await?,
        Command::Kick(args) => room::kick(args, output).await?,
        Command::Participants(args) => room::participants(args, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Logs by the filter in `ROOM_BOT_LOG`. Without it, logs warnings that the command does not print
/// itself.
fn log_to_stderr(command: &Command) -> Result<(), Failure> {
    let filter = match (env::var("ROOM_BOT_LOG"), command) {
        (Ok(text), _) => text,
        (Err(VarError::NotPresent), Command::Doctor(_)) => "error,webrtc=off,rtc=off".to_owned(),
        (Err(VarError::NotPresent), _) => "warn,webrtc=error,rtc=error".to_owned(),
        (Err(error @ VarError::NotUnicode(_)), _) => {
            return Err(Failure::usage(format!("ROOM_BOT_LOG: {error}")));
        }
    };
    let targets: Targets = filter.parse().map_err(|error| {
        Failure::usage(format!(
            "ROOM_BOT_LOG is `{filter}`, which is not a filter like `info` or `client_sdk=debug`: \
             {error}"
        ))
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    tracing_subscriber::registry().with(lines).with(targets).init();
    Ok(())
}
