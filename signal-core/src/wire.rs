//! The JSON form of the messages: the only place in this crate that knows JSON.
//!
//! Both directions are here, so that servers and clients share them. A relayed message costs one scan of the
//! incoming frame and one allocation for the outgoing one; the SDP or candidate inside is validated as JSON
//! and then pasted byte for byte.
//!
//! ```
//! use bytes::Bytes;
//! use signal_core::{ClientMessage, ProtocolVersion, ServerMessage, wire};
//!
//! let frame = Bytes::from_static(br#"{"type":"candidate","to":"p_xyz","candidate":null}"#);
//! let request = wire::decode_client(&frame, ProtocolVersion::V1)?;
//! let ClientMessage::Signal { to, signal } = request.message else { unreachable!() };
//! let relayed = wire::encode_server(&ServerMessage::Signal { from: to, signal }, ProtocolVersion::V1);
//! assert_eq!(relayed, br#"{"type":"candidate","from":"p_xyz","candidate":null}"#[..]);
//! # Ok::<(), wire::DecodeError>(())
//! ```

mod client;
mod error;
mod field;
mod instant;
mod participant;
mod server;
mod signal;
mod written;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

pub use self::client::{decode_client, encode_client};
pub use self::error::{DecodeError, Problem, without_value};
pub use self::instant::rfc3339;
pub use self::server::decode_server;
pub use self::written::encode_server;
use crate::message::Payload;

/// Makes a payload of a value: a string for an SDP, an object for a candidate, anything for data.
///
/// # Errors
///
/// The caller's fault: the value has no JSON form (a map with keys that are not strings, for example).
pub fn payload<T: Serialize + ?Sized>(value: &T) -> Result<Payload, DecodeError> {
    let json = serde_json::to_vec(value).map_err(Problem::invalid)?;
    Ok(Payload::from_validated(json.into()))
}

/// Makes a payload of a value that is JSON already, for example one that was stored.
///
/// # Errors
///
/// The caller's fault: the text is not exactly one JSON value.
pub fn payload_from_json(json: &Bytes) -> Result<Payload, DecodeError> {
    let value: &RawValue = serde_json::from_slice(json).map_err(Problem::invalid)?;
    Ok(Payload::from_validated(json.slice_ref(value.get().as_bytes())))
}

fn to_json<T: Serialize>(message: &T) -> Bytes {
    serde_json::to_vec(message)
        .expect("strings, numbers and lists of them always have a JSON form")
        .into()
}

impl Payload {
    fn as_raw(&self) -> &RawValue {
        serde_json::from_slice(self.as_bytes())
            .expect("a payload is one JSON value, checked where it is built")
    }
}
