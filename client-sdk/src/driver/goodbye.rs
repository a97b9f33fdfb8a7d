//! The end of the participant's task.

use std::time::Duration;

use tokio::time::timeout;

use super::Driver;
use crate::session::SignalingLoss;
use crate::signaling::Ended;

impl Driver {
    /// Closes the signaling connection. If the server may not know that this participant has left,
    /// opens it again to say so, for a few seconds at most.
    pub(super) async fn say_goodbye(&mut self) {
        if timeout(PATIENCE, self.close_signaling()).await.is_err() {
            tracing::debug!("the server cannot be told that this participant has left");
        }
        self.reconnecting.shutdown().await;
    }

    async fn close_signaling(&mut self) {
        self.hurry.notify_one();
        loop {
            if let Some(signaling) = self.signaling.take() {
                let Ended { code, reason } = signaling.close().await;
                self.handle_loss(SignalingLoss::Lost { code, reason });
                self.act();
            }
            let Some(attempt) = self.reconnecting.join_next().await else { return };
            self.handle_attempt(attempt);
            self.act();
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
