//! The program: reads settings, binds, serves until a signal.

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::time::Duration;

use signal_server::cli::{Cli, Command, TokenArgs};
use signal_server::development::Announcement;
use signal_server::settings::{InvalidSettings, Settings, access_token};
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("SIGNAL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colours).init();
    match Cli::command() {
        Command::Serve(args) => match Settings::of(args) {
            Ok(settings) => serve(settings).await,
            Err(error) => wrong_settings(&error),
        },
        Command::Token(args) => mint(args),
    }
}

async fn serve(settings: Settings) -> ExitCode {
    let listener = match TcpListener::bind(settings.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, address = %settings.listen, "cannot listen; is another program using the port?");
            return ExitCode::FAILURE;
        }
    };
    let address = listener.local_addr().unwrap_or(settings.listen);
    let server = settings.builder.build();
    if settings.development {
        let token = server.access_token("developer", Some("小明"), DAY);
        println!("{}", Announcement { address, token, warnings: settings.warnings });
    }
    tracing::info!(%address, development = settings.development, "listening");
    match server.serve(listener, stop_signal()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "serving failed");
            ExitCode::FAILURE
        }
    }
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

/// Completes at the first Ctrl-C or SIGTERM.
async fn stop_signal() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(error) => {
                tracing::warn!(%error, "cannot listen for SIGTERM");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = ctrl_c() => {}
        () = terminated => {}
    }
    tracing::info!("stopping");
}
