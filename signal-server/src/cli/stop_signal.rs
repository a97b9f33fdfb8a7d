//! How an operator ends the program.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C or SIGTERM, whichever comes first.
#[derive(Debug)]
pub(crate) struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// From here on the signals end nothing by themselves.
    ///
    /// # Errors
    ///
    /// The system refuses to hand the signals over.
    ///
    /// # Panics
    ///
    /// When it is called outside a tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Completes at the next signal since [`listen`](Self::listen) that was not told of yet.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
