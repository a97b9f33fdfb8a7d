//! The bytes that may wait for the application in one place.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget of 1 MiB, shared by its clones. Each waiting message holds a share of it.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget(Arc<Semaphore>);

/// The share of a waiting message, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ByteShare(#[expect(dead_code, reason = "dropped with it")] OwnedSemaphorePermit);

impl ByteBudget {
    /// The budget, which is also the largest share of one message.
    pub(crate) const BYTES: usize = 1024 * 1024;
    /// The cost of a message besides its bytes, so that empty ones are bounded too.
    pub(crate) const OVERHEAD: usize = 64;

    /// Waits for the share of a message.
    pub(crate) async fn take(&self, message: &[u8]) -> ByteShare {
        let permit = Arc::clone(&self.0).acquire_many_owned(permits(message)).await;
        ByteShare(permit.expect("the semaphore is never closed"))
    }

    /// Returns the share of a message if it is available now.
    pub(crate) fn try_take(&self, message: &[u8]) -> Option<ByteShare> {
        Arc::clone(&self.0).try_acquire_many_owned(permits(message)).ok().map(ByteShare)
    }
}

impl Default for ByteBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(Self::BYTES)))
    }
}

/// One permit for each byte.
fn permits(message: &[u8]) -> u32 {
    let bytes = (message.len() + ByteBudget::OVERHEAD).min(ByteBudget::BYTES);
    u32::try_from(bytes).expect("a budget is less than 4 GiB")
}
