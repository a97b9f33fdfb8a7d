//! The messages of participants that wait for the host.

use std::collections::VecDeque;

use crate::error::ErrorCode;
use crate::message::MessageToHost;

/// The messages that wait for the host.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    messages: VecDeque<MessageToHost>,
    bytes: usize,
}

impl Inbox {
    /// Adds a message, or returns the error for its sender if more than `most` bytes would wait.
    pub(super) fn push(&mut self, message: MessageToHost, most: usize) -> Result<(), ErrorCode> {
        if most == 0 {
            return Err(ErrorCode::PeerNotFound);
        }
        let bytes = size(&message);
        if self.bytes + bytes > most {
            return Err(ErrorCode::Unavailable);
        }
        self.bytes += bytes;
        // Detached, so that the frame around it can be freed.
        let data = message.data.detach();
        self.messages.push_back(MessageToHost { data, ..message });
        Ok(())
    }

    pub(super) fn take(&mut self) -> Option<MessageToHost> {
        let message = self.messages.pop_front()?;
        self.bytes -= size(&message);
        Some(message)
    }
}

/// About how many bytes of memory a message takes.
fn size(message: &MessageToHost) -> usize {
    let req = message.req.as_ref().map_or(0, |req| req.as_str().len());
    let texts = message.topic.as_str().len() + req;
    size_of::<MessageToHost>() + message.data.as_bytes().len() + texts
}
