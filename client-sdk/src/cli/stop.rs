//! The signals that stop the program: the first one cleanly, the second one at once.

use std::{io, process};

use tokio::sync::watch;

use super::failure::Failure;

/// Completes once the program has to leave; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Takes over Ctrl-C and SIGTERM.
    pub(super) fn listen() -> Result<Self, Failure> {
        let mut signals = Signals::listen()
            .map_err(|error| Failure::failed(format!("cannot wait for signals: {error}")))?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            eprintln!("leaving; Ctrl-C again ends the program at once");
            sender.send_replace(true);
            signals.next().await;
            process::exit(INTERRUPTED);
        });
        Ok(Self(receiver))
    }

    pub(super) async fn requested(&mut self) {
        // The sending task waits for the second signal for as long as the program runs.
        let _ = self.0.wait_for(|is_requested| *is_requested).await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// The exit code that shells report for a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;
