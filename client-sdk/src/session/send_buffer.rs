//! Messages to the server, kept until the server has confirmed them.

use std::collections::VecDeque;

use signal_core::message::{ClientMessage, Request, SignalKind};

/// Like the send buffer of TCP: first the sent and unconfirmed messages, then those to be sent.
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    /// The messages, oldest first.
    kept: VecDeque<Request>,
    bytes: usize,
    /// The number of messages before the first one that is kept.
    dropped: u64,
    /// How many of the kept messages were sent.
    sent: usize,
    is_paused: bool,
    /// Whether the server closed the last connection because of a message.
    has_suspect: bool,
}

impl SendBuffer {
    pub(super) fn push(&mut self, request: Request) {
        self.bytes += size(&request.message);
        self.kept.push_back(request);
        while self.kept.len() > MAX_MESSAGES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= size(&oldest.message);
            self.dropped += 1;
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// The next message to send; `None` without a connection.
    pub(super) fn poll(&mut self) -> Option<Request> {
        if self.is_paused {
            return None;
        }
        let request = self.kept.get(self.sent)?.clone();
        self.sent += 1;
        Some(request)
    }

    /// Notes that the connection was lost; `false` if that was known.
    pub(super) fn pause(&mut self) -> bool {
        !std::mem::replace(&mut self.is_paused, true)
    }

    /// Notes that the server closed the connection because of a message, which must not be sent
    /// again.
    pub(super) fn suspect(&mut self) {
        self.has_suspect = true;
    }

    /// Removes the message because of which the server closed the last connection: the first sent
    /// one that it has not accepted. Call it before [`resume`](Self::resume).
    pub(super) fn drop_suspect(&mut self, taken: u64) -> Option<Request> {
        if !std::mem::take(&mut self.has_suspect) {
            return None;
        }
        let index = usize::try_from(taken.checked_sub(self.dropped)?).ok()?;
        if index >= self.sent {
            return None;
        }
        let suspect = self.kept.remove(index)?;
        self.bytes -= size(&suspect.message);
        Some(suspect)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Continues on a resumed seat: the server has received `taken` messages. Returns `false` if
    /// later messages are no longer kept.
    pub(super) fn resume(&mut self, taken: u64) -> bool {
        self.is_paused = false;
        let known = usize::try_from(taken.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        self.sent = known.min(self.kept.len());
        taken >= self.dropped
    }

    /// Starts on a new seat, which counts from zero. Earlier messages are void.
    pub(super) fn start_anew(&mut self) {
        *self = Self::default();
    }
}

fn size(message: &ClientMessage) -> usize {
    match message {
        ClientMessage::Signal { signal, .. } => match signal.kind {
            SignalKind::Answer | SignalKind::Candidate | SignalKind::Offer => {
                OVERHEAD + signal.payload.as_bytes().len()
            }
        },
        ClientMessage::Message { data, .. } => OVERHEAD + data.as_bytes().len(),
        ClientMessage::Update { state: Some(state), .. } => OVERHEAD + state.as_bytes().len(),
        _ => OVERHEAD,
    }
}

/// As many as a server replays in the other direction.
const MAX_MESSAGES: usize = 512;
const MAX_BYTES: usize = 1024 * 1024;
const OVERHEAD: usize = 64;

#[cfg(test)]
mod tests {
    use signal_core::message::Payload;

    use super::*;

    fn ping(number: u32) -> Request {
        Request { message: ClientMessage::Ping { t: Payload::new(&number).unwrap() }, req: None }
    }

    fn polled(buffer: &mut SendBuffer) -> Vec<Request> {
        std::iter::from_fn(|| buffer.poll()).collect()
    }

    #[test]
    fn what_the_server_has_not_taken_is_sent_again_in_order() {
        let mut buffer = SendBuffer::default();
        (1..=3).for_each(|number| buffer.push(ping(number)));
        assert_eq!(polled(&mut buffer), [ping(1), ping(2), ping(3)]);
        assert!(buffer.pause());
        assert!(!buffer.pause());
        buffer.push(ping(4));
        assert_eq!(polled(&mut buffer), []);
        assert!(buffer.resume(1));
        assert_eq!(polled(&mut buffer), [ping(2), ping(3), ping(4)]);
    }

    #[test]
    fn the_message_that_a_connection_was_closed_for_is_not_sent_again() {
        let mut buffer = SendBuffer::default();
        (1..=4).for_each(|number| buffer.push(ping(number)));
        (1..=3).for_each(|_| drop(buffer.poll()));
        buffer.pause();
        buffer.suspect();
        assert_eq!(buffer.drop_suspect(1), Some(ping(2)));
        assert!(buffer.resume(1));
        assert_eq!(polled(&mut buffer), [ping(3), ping(4)]);
        // The server has taken all that was sent, so none of it was the reason.
        buffer.push(ping(5));
        buffer.pause();
        buffer.suspect();
        assert_eq!(buffer.drop_suspect(3), None);
        assert!(buffer.resume(3));
        assert_eq!(polled(&mut buffer), [ping(5)]);
        buffer.pause();
        assert_eq!(buffer.drop_suspect(3), None);
    }

    #[test]
    fn what_is_not_kept_any_more_is_told_as_a_loss() {
        let mut buffer = SendBuffer::default();
        for number in 0..MAX_MESSAGES as u32 + 2 {
            buffer.push(ping(number));
            let _ = buffer.poll();
        }
        buffer.pause();
        assert!(!buffer.resume(1));
        assert_eq!(polled(&mut buffer).len(), MAX_MESSAGES);
        buffer.pause();
        assert!(buffer.resume(2));
    }
}
