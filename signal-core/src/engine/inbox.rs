//! The messages of participants that wait for the host.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::error::ErrorCode;
use crate::ids::{RoomId, Ticket};
use crate::message::MessageToHost;

/// The room of a sender, the room's epoch, and the sender's ticket.
type SenderKey = (RoomId, u64, Ticket);

/// The messages that wait for the host.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    messages: VecDeque<MessageToHost>,
    bytes: usize,
    /// How many of the bytes are from each participant, over all its sockets.
    by_sender: FxHashMap<SenderKey, usize>,
}

impl Inbox {
    /// Adds a message, or returns it with the error for its sender if more than `most` bytes would
    /// wait, or more than the sender's part of them.
    pub(super) fn push(
        &mut self,
        message: MessageToHost,
        most: usize,
    ) -> Option<(MessageToHost, ErrorCode)> {
        if most == 0 {
            return Some((message, ErrorCode::PeerNotFound));
        }
        let (bytes, sender) = (size(&message), sender(&message));
        if self.bytes + bytes > most {
            return Some((message, ErrorCode::Unavailable));
        }
        let of_sender = self.by_sender.get(&sender).copied().unwrap_or_default();
        // One message passes in any case.
        if of_sender > 0 && of_sender + bytes > most / SENDERS {
            return Some((message, ErrorCode::RateLimited));
        }
        self.bytes += bytes;
        self.by_sender.insert(sender, of_sender + bytes);
        // Detached, so that the frame around it can be freed.
        let data = message.data.detach();
        self.messages.push_back(MessageToHost { data, ..message });
        None
    }

    pub(super) fn take(&mut self) -> Option<MessageToHost> {
        let message = self.messages.pop_front()?;
        let (bytes, sender) = (size(&message), sender(&message));
        self.bytes -= bytes;
        if let Some(of_sender) = self.by_sender.get_mut(&sender) {
            *of_sender -= bytes;
            if *of_sender == 0 {
                self.by_sender.remove(&sender);
            }
        }
        Some(message)
    }
}

fn sender(message: &MessageToHost) -> SenderKey {
    (message.room, message.epoch, message.ticket)
}

/// About how many bytes of memory a message takes.
fn size(message: &MessageToHost) -> usize {
    let req = message.req.as_ref().map_or(0, |req| req.as_str().len());
    let texts = message.topic.as_str().len() + req;
    size_of::<MessageToHost>() + message.data.as_bytes().len() + texts
}

/// How many senders it takes to fill the inbox.
const SENDERS: usize = 8;
