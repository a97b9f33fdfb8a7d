//! The permits that a TCP connection holds.

use std::sync::Arc;

use crate::limits::client_concurrency::ClientPermit;
use crate::limits::concurrency::Permit;

/// The permits of one TCP connection. The connection, its requests and the task that closes it
/// share them. They are given back when the last of these drops them.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionPermit {
    #[expect(dead_code, reason = "held for its effect when dropped")]
    permits: Arc<(Permit<()>, Option<ClientPermit>)>,
}

impl ConnectionPermit {
    /// `of_client` is `None` for a trusted proxy, which may have any number of connections.
    pub(super) fn new(of_all: Permit<()>, of_client: Option<ClientPermit>) -> Self {
        Self { permits: Arc::new((of_all, of_client)) }
    }
}
