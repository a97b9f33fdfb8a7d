//! The program: reads settings, binds, serves until a signal.

use std::io::{self, IsTerminal, stderr};
use std::process::{ExitCode, exit};
use std::time::Duration;

use signal_server::cli::{Cli, Command, TokenArgs};
use signal_server::development::Announcement;
use signal_server::settings::{InvalidSettings, Settings, access_token};
use signal_server::{DataDirError, StopSignal};
use thiserror::Error;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// As [`ExitCode::FAILURE`].
const FAILURE: i32 = 1;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::read();
    let colours = stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_writer(stderr).with_ansi(colours);
    log.with_env_filter(EnvFilter::new(&cli.log)).init();
    match cli.command() {
        Command::Serve(args) => match Settings::of(*args) {
            Ok(settings) => serve(settings).await,
            Err(error) => wrong_settings(&error),
        },
        Command::Token(args) => mint(args),
    }
}

async fn serve(settings: Settings) -> ExitCode {
    match try_serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "serving failed");
            ExitCode::FAILURE
        }
    }
}

/// Why it stopped serving, or never began.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn try_serve(settings: Settings) -> Result<(), Failure> {
    let listener = TcpListener::bind(settings.listen).await.inspect_err(|_| {
        tracing::error!(address = %settings.listen, "cannot listen; is another program using the port?");
    })?;
    let address = listener.local_addr()?;
    let mut stop = StopSignal::listen()?;
    let server = match &settings.data_dir {
        Some(data_dir) => settings.builder.open(data_dir)?,
        None => settings.builder.build(),
    };
    if settings.development {
        let token = server.access_token("developer", Some("小明"), DAY);
        println!("{}", Announcement { address, token, warnings: settings.warnings });
    }
    tracing::info!(%address, development = settings.development, "listening");
    let stopped = async move {
        stop.received().await;
        tracing::info!("stopping; another signal ends it at once");
        tokio::spawn(async move {
            stop.received().await;
            tracing::warn!("stopped at once");
            exit(FAILURE);
        });
    };
    server.serve(listener, stopped).await;
    Ok(())
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
