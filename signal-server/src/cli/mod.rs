//! The command-line program: reads its settings and serves until a signal.

mod announcement;
pub(crate) mod args;
mod certificate;
mod effective;
mod file;
mod limits;
mod log_writer;
mod logging;
mod page;
#[cfg(test)]
mod panicking_store;
mod qr_code;
mod read;
mod rooms;
mod serve;
pub(crate) mod settings;
mod stop_signal;
pub(crate) mod webhook_args;

use std::process::ExitCode;

use self::args::{Cli, Command, TokenArgs};
use self::settings::{InvalidSettings, Settings, access_token};
#[cfg(test)]
use crate::{RoomStore, RoomWrite, StoredRoom};

/// Runs the program with the arguments of the process, on a runtime of its own, and returns its
/// exit code.
///
/// Only the binary of this package calls it; it is not public API, and hidden from the
/// documentation.
// The runtime is started here and not by the binary, so that what runs on it is compiled with the
// library, and not once more.
#[tokio::main]
pub async fn run() -> ExitCode {
    let cli = Cli::read();
    if let Err(error) = logging::to_stderr(&cli) {
        eprintln!("error: cannot start the thread that writes the log: {error}");
        return ExitCode::FAILURE;
    }
    let code = run_command(cli).await;
    logging::flush();
    code
}

async fn run_command(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Serve(args) => match Settings::of(*args) {
            Ok(settings) => serve::serve(settings, &cli.given).await,
            Err(error) => wrong_settings(&error),
        },
        Command::CheckConfig(args) => match Settings::of(*args) {
            Ok(settings) => check(&settings),
            Err(error) => wrong_settings(&error),
        },
        Command::PrintConfig(_) => {
            print!("{}", cli.effective);
            ExitCode::SUCCESS
        }
        Command::Token(args) => mint(args),
        Command::Rooms(args) => rooms::run(*args).await,
    }
}

fn check(settings: &Settings) -> ExitCode {
    let mode = if settings.development { "development mode" } else { "production" };
    println!("the settings can be used: {mode}, listening on {}", settings.listen);
    for warning in &settings.warnings {
        println!("{warning}");
    }
    ExitCode::SUCCESS
}

fn mint(args: TokenArgs) -> ExitCode {
    match access_token(args) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => wrong_settings(&error),
    }
}

fn wrong_settings(error: &InvalidSettings) -> ExitCode {
    eprintln!("error: the settings cannot be used\n{error}");
    ExitCode::from(2)
}
