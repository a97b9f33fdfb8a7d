//! The program: reads settings, binds, serves until a signal.

use std::future::IntoFuture;
use std::io::{self, IsTerminal, stderr};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{ExitCode, exit};
use std::time::Duration;

use signal_server::cli::announcement::Announcement;
use signal_server::cli::settings::{InvalidSettings, Settings, access_token};
use signal_server::cli::{Cli, Command, LogFormat, TokenArgs};
use signal_server::{DataDirError, StopSignal};
use thiserror::Error;
use tokio::net::TcpListener;
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// As [`ExitCode::FAILURE`].
const FAILURE: i32 = 1;
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::read();
    log_to_stderr(&cli);
    match cli.command {
        Command::Serve(args) => match Settings::of(*args) {
            Ok(settings) => serve(settings, &cli.given).await,
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

fn log_to_stderr(cli: &Cli) {
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = match cli.log_format {
        LogFormat::Human => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // Libraries log what they carry, tokens and passwords included.
    let harmless =
        filter_fn(|about| about.target().starts_with("signal_") || *about.level() <= Level::INFO);
    tracing_subscriber::registry()
        .with(EnvFilter::new(&cli.log))
        .with(lines.with_filter(harmless))
        .init();
}

fn check(settings: &Settings) -> ExitCode {
    let mode = if settings.development { "development mode" } else { "production" };
    println!("the settings can be used: {mode}, listening on {}", settings.listen);
    for warning in &settings.warnings {
        println!("unsafe: {warning}");
    }
    ExitCode::SUCCESS
}

async fn serve(settings: Settings, given: &str) -> ExitCode {
    match try_serve(settings, given).await {
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

async fn try_serve(settings: Settings, given: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(settings.listen).await.inspect_err(|_| {
        tracing::error!(address = %settings.listen, "cannot listen; is another program using the port?");
    })?;
    let address = listener.local_addr()?;
    let admin_listener = listen_for_operators(settings.admin_listen).await?;
    let admin = admin_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let mut stop = StopSignal::listen()?;
    let server = match &settings.data_dir {
        Some(data_dir) => settings.builder.open(data_dir)?,
        None => settings.builder.build(),
    };
    if let Some(listener) = admin_listener {
        tokio::spawn(axum::serve(listener, server.admin_router()).into_future());
    }
    if !address.ip().is_loopback() {
        tracing::info!(
            "it speaks plain HTTP: browsers give pages a camera only if TLS is in front of it"
        );
    }
    // What is not told here is the default: TURN and STUN servers, proxies, origins, limits.
    tracing::info!(login = settings.login, given = %given, "settings");
    for warning in &settings.warnings {
        tracing::warn!("unsafe: {warning}");
    }
    if !settings.relays {
        tracing::info!(
            "there is no TURN server (--turn-url): participants behind some firewalls cannot be reached"
        );
    }
    if settings.development {
        let token = server.access_token("developer", Some("小明"), DAY);
        println!("{}", Announcement { address, admin, token });
    }
    let data_dir = settings
        .data_dir
        .as_deref()
        .map_or_else(|| "none, rooms end with it".into(), Path::to_string_lossy);
    let admin = admin.map_or_else(|| "none".to_owned(), |admin| admin.to_string());
    tracing::info!(%address, admin, %data_dir, development = settings.development, "listening");
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

/// Where it was told to, or at the usual place if that is free.
async fn listen_for_operators(told: Option<SocketAddr>) -> io::Result<Option<TcpListener>> {
    match (TcpListener::bind(told.unwrap_or(ADMIN)).await, told) {
        (Ok(listener), _) => Ok(Some(listener)),
        (Err(error), None) => {
            tracing::warn!(address = %ADMIN, %error, "no metrics; give them another address with --admin-listen");
            Ok(None)
        }
        (Err(error), Some(address)) => {
            tracing::error!(%address, "cannot listen for operators (--admin-listen)");
            Err(error)
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
