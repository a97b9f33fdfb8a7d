//! The replies to requests whose outcome the application waits for.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::session::CommandError;

pub(crate) type Reply = oneshot::Sender<Result<(), CommandError>>;

/// By the number of the request.
#[derive(Default)]
pub(super) struct Replies(HashMap<u64, Reply>);

impl Replies {
    pub(super) fn expect(&mut self, number: u64, reply: Reply) {
        self.0.insert(number, reply);
    }

    pub(super) fn settle(&mut self, number: u64, outcome: Result<(), CommandError>) {
        if let Some(reply) = self.0.remove(&number) {
            // If this fails, the application does not wait any more.
            let _ = reply.send(outcome);
        }
    }
}
