//! Violations of the WebSocket protocol by a client.

use axum::extract::ws::{CloseFrame, close_code};
use tungstenite::error::{CapacityError, Error, ProtocolError};

/// The close frame for a socket that can no longer be read (RFC 6455 section 7.4.1), or `None` if
/// the connection has failed and a close frame would not arrive.
pub(crate) fn close_frame(error: axum::Error) -> Option<CloseFrame> {
    let error = error.into_inner().downcast::<Error>().ok()?;
    let (code, reason) = match *error {
        Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            (close_code::SIZE, format!("a message may have at most {max_size} bytes"))
        }
        Error::Utf8(_) => (close_code::INVALID, "text must be UTF-8".to_owned()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return None,
        Error::Protocol(violation) => (close_code::PROTOCOL, violation.to_string()),
        _ => return None,
    };
    Some(CloseFrame { code, reason: reason.into() })
}
