//! Ctrl-C and SIGTERM: the first one ends a run in order, the second one at once.

use std::io;
use std::process;

use tokio::sync::watch;

/// Tells whether the run was interrupted; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

/// Interrupts a run in place of a signal.
#[derive(Debug)]
pub(crate) struct Interrupter(watch::Sender<bool>);

impl Interrupter {
    pub(crate) fn interrupt(&self) {
        self.0.send_replace(true);
    }
}

impl Interrupt {
    /// An interrupt that does not come from a signal.
    pub(crate) fn pair() -> (Interrupter, Self) {
        let (sender, receiver) = watch::channel(false);
        (Interrupter(sender), Self(receiver))
    }

    /// Listens to signals from now on.
    pub(crate) fn listen() -> Self {
        let (interrupter, interrupt) = Self::pair();
        tokio::spawn(async move {
            if signal().await.is_err() {
                // Without signals, the run ends by itself. The interrupter stays, or it would end
                // now.
                return std::future::pending().await;
            }
            eprintln!("ending the run; a second signal ends it at once");
            interrupter.interrupt();
            // An error has shown itself above.
            let _ = signal().await;
            process::exit(130);
        });
        interrupt
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|is_interrupted| *is_interrupted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
