//! The replies to requests whose outcome the application waits for.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::session::{CommandError, RATE_LIMITED};

pub(crate) type Reply = oneshot::Sender<Result<(), CommandError>>;

#[derive(Default)]
pub(super) struct Replies {
    waiting: HashMap<u64, Reply>,
    /// The time until which the server may drop messages without an answer.
    quiet_until: Option<Instant>,
}

impl Replies {
    /// Returns the reply of a request that may be sent, and refuses one that the server would drop.
    pub(super) fn admit(&self, reply: Reply) -> Option<Reply> {
        let wait =
            self.quiet_until.map_or(Duration::ZERO, |until| until.duration_since(Instant::now()));
        if wait.is_zero() {
            return Some(reply);
        }
        let refused = CommandError::Refused {
            code: RATE_LIMITED.into(),
            message: "too much was sent a moment ago".into(),
            retry_after: Some(wait),
        };
        // If this fails, the application does not wait any more.
        let _ = reply.send(Err(refused));
        None
    }

    pub(super) fn expect(&mut self, number: u64, reply: Reply) {
        self.waiting.insert(number, reply);
    }

    pub(super) fn settle(&mut self, number: u64, outcome: Result<(), CommandError>) {
        if outcome.as_ref().is_err_and(CommandError::is_rate_limit) {
            self.keep_quiet();
        }
        if let Some(reply) = self.waiting.remove(&number) {
            // As above.
            let _ = reply.send(outcome);
        }
    }

    /// Notes that the server has refused a message because of its rate. It reports this once a
    /// second, and drops further messages over the rate without an answer.
    pub(super) fn keep_quiet(&mut self) {
        self.quiet_until = Some(Instant::now() + SILENCE);
    }
}

/// A little more than the second of the server.
const SILENCE: Duration = Duration::from_millis(1500);
