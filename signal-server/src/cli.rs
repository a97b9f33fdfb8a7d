//! The program: it reads its settings, and serves until a signal.

mod announcement;
pub(crate) mod args;
mod effective;
mod file;
mod limits;
mod logging;
mod read;
mod serve;
pub(crate) mod settings;
mod stop_signal;

use std::process::ExitCode;

use self::args::{Cli, Command, TokenArgs};
use self::settings::{InvalidSettings, Settings, access_token};

/// Runs the program with the arguments of the process; the answer is its exit code.
///
/// It is for the program of this package alone, which is why it is not part of the documentation.
pub async fn run() -> ExitCode {
    let cli = Cli::read();
    logging::to_stderr(&cli);
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
    }
}

fn check(settings: &Settings) -> ExitCode {
    let mode = if settings.development { "development mode" } else { "production" };
    println!("the settings can be used: {mode}, listening on {}", settings.listen);
    for warning in &settings.warnings {
        println!("unsafe: {warning}");
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
