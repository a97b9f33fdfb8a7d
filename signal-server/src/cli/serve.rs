//! The command `serve`: binds the listeners, opens the rooms, and serves until a signal.

use std::future::{self, Future};
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{ExitCode, exit};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::announcement::Announcement;
use super::certificate::Hangup;
use super::logging;
use super::qr_code::QrCode;
use super::settings::Settings;
use super::stop_signal::StopSignal;
use crate::listener::operators;
use crate::store::DataDirError;
use crate::{PublicUrl, Server};

/// Serves until a signal and returns the exit code.
pub(super) async fn serve(settings: Settings, given: &str) -> ExitCode {
    conclude(try_serve(settings, given).await)
}

/// Logs why serving failed, if it has, and returns the exit code.
fn conclude(served: Result<(), Failure>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "serving failed");
            ExitCode::FAILURE
        }
    }
}

/// Why serving failed.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("{0} panicked twice within a minute; start the program again")]
    Failed(&'static str),
    #[error("the listener for metrics and health checks has panicked; start the program again")]
    Operators,
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn try_serve(settings: Settings, given: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(settings.listen).await.inspect_err(|_| {
        let address = settings.listen;
        tracing::error!(%address, "cannot listen; is another program using the port?");
    })?;
    let address = listener.local_addr()?;
    let admin_listener = listen_for_operators(settings.admin_listen).await?;
    let admin = admin_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let mut stop = StopSignal::listen()?;
    let is_secure = settings.certificate.is_some();
    if let Some(files) = settings.certificate {
        tokio::spawn(files.reload_at(Hangup::listen()?));
    }
    let server = match &settings.data_dir {
        Some(data_dir) => settings.builder.open(data_dir).await?,
        None => settings.builder.build(),
    };
    let operators = admin_listener
        .map(|listener| tokio::spawn(operators::serve(listener, server.admin_router())));
    if !is_secure && !address.ip().is_loopback() {
        tracing::info!(
            "serving plain HTTP; browsers allow camera access only over TLS, so set --tls-cert and \
             --tls-key, or put a TLS proxy in front"
        );
    }
    // Settings that are not listed here have their defaults.
    tracing::info!(login = settings.login, given = %given, "settings");
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    if !settings.relays {
        tracing::info!(
            "no TURN server is configured (--turn-url); participants behind some firewalls cannot \
             connect"
        );
    }
    if settings.development {
        let token = server.access_token("developer", Some("小明"), DAY);
        println!("{}", Announcement { address, is_secure, admin, token });
    }
    if let Some(url) = settings.public_url.filter(PublicUrl::is_secure)
        && let Some(code) = QrCode::of(&url.to_string())
        && io::stdout().is_terminal()
    {
        println!("Open {url} on a phone with this code:\n\n{code}");
    }
    let data_dir = settings
        .data_dir
        .as_deref()
        .map_or_else(|| "none (rooms end with the process)".into(), Path::to_string_lossy);
    let admin = admin.map_or_else(|| "none".to_owned(), |admin| admin.to_string());
    let development = settings.development;
    tracing::info!(%address, tls = is_secure, admin, %data_dir, development, "listening");
    let stopped = async move {
        stop.received().await;
        tracing::info!("stopping; a second signal exits at once");
        tokio::spawn(async move {
            stop.received().await;
            tracing::warn!("stopped at once, without draining");
            logging::flush();
            exit(FAILURE);
        });
    };
    until_stopped(server, listener, operators, stopped).await
}

/// Serves until a signal, or until a part of the server has failed.
async fn until_stopped<T>(
    server: Server,
    listener: TcpListener,
    operators: Option<JoinHandle<T>>,
    stopped: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let operators_gone = async {
        match operators {
            Some(operators) => drop(operators.await),
            None => future::pending().await,
        }
    };
    tokio::select! {
        () = server.serve(listener, stopped) => Ok(()),
        what = server.failed() => Err(Failure::Failed(what)),
        () = operators_gone => Err(Failure::Operators),
    }
}

/// Binds the given address, or the default one if it is free.
async fn listen_for_operators(told: Option<SocketAddr>) -> io::Result<Option<TcpListener>> {
    match (TcpListener::bind(told.unwrap_or(ADMIN)).await, told) {
        (Ok(listener), _) => Ok(Some(listener)),
        (Err(error), None) => {
            tracing::warn!(
                address = %ADMIN,
                %error,
                "the address for operators is taken, so there are no metrics, no probes and no \
                 management of rooms; choose another one with --admin-listen"
            );
            Ok(None)
        }
        (Err(error), Some(address)) => {
            tracing::error!(%address, "cannot listen for operators (--admin-listen)");
            Err(error)
        }
    }
}

/// The same as [`ExitCode::FAILURE`].
const FAILURE: i32 = 1;
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::env;
    use std::future::pending;
    use std::process::{Command, Output};

    use signal_core::DisplayName;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::panicking_store::PanickingStore;
    use crate::{CreateRoom, Secret};

    /// The name of the test below, and of a variable that is set for the process that it starts.
    const TEST: &str =
        "cli::serve::tests::a_process_whose_store_panics_twice_ends_with_status_1_and_says_why";
    const IS_STARTED: &str = "IS_STARTED_BY_TEST";

    #[test]
    fn a_process_whose_store_panics_twice_ends_with_status_1_and_says_why() {
        if env::var_os(IS_STARTED).is_some() {
            serve_panicking_store();
        }
        let mut process = Command::new(env::current_exe().unwrap());
        process.args(["--exact", TEST, "--nocapture"]).env(IS_STARTED, "1");
        let Output { status, stderr, .. } = process.output().unwrap();
        let log = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(FAILURE), "{log}");
        let last = log.lines().last().unwrap();
        let reason = "the thread that saves rooms panicked twice within a minute; start the \
                      program again";
        assert!(last.contains(reason), "{log}");
    }

    /// Does what the program does, with another store.
    fn serve_panicking_store() -> ! {
        let runtime = Runtime::new().unwrap();
        let code = runtime.block_on(async {
            let args = ["signal-server".into(), "serve".into()];
            logging::to_stderr(&Cli::of(args, |_| unreachable!("no file is named")).unwrap())
                .unwrap();
            let builder = Server::builder(Secret::random());
            let server = builder.open_store(PanickingStore, &Secret::random()).await.unwrap();
            let handle = server.handle();
            tokio::spawn(async move {
                let name = DisplayName::parse("a room").unwrap().unwrap();
                handle.create_room(CreateRoom::new("alice", name)).await
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let code = conclude(until_stopped::<()>(server, listener, None, pending()).await);
            logging::flush();
            code
        });
        drop(runtime);
        assert_eq!(code, ExitCode::FAILURE);
        exit(FAILURE)
    }

    #[tokio::test]
    async fn serving_ends_with_an_error_when_operators_can_see_nothing_any_more() {
        let server = Server::builder(Secret::random()).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operators = tokio::spawn(async { panic!("a bug of the listener's") });
        let failure = until_stopped::<()>(server, listener, Some(operators), pending()).await;
        assert!(matches!(failure, Err(Failure::Operators)));
    }
}
