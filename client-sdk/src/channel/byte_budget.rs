//! The bytes that may wait for the application in one place.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget of 1 MiB, shared by its clones. What waits holds its share of it.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget(Arc<Semaphore>);

/// The share of something that waits, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ByteShare(#[expect(dead_code, reason = "dropped with it")] OwnedSemaphorePermit);

impl ByteBudget {
    /// The largest budget, and what one message holds at most.
    pub(crate) const BYTES: usize = 1024 * 1024;
    /// What a message costs besides its bytes, so that empty ones are bounded too.
    pub(crate) const OVERHEAD: usize = 64;

    /// The share of a message, as soon as there is room for it.
    pub(crate) async fn take(&self, message: &[u8]) -> ByteShare {
        let permit = Arc::clone(&self.0).acquire_many_owned(permits(message)).await;
        ByteShare(permit.expect("the semaphore is never closed"))
    }

    /// The share of a message if there is room for it now.
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
